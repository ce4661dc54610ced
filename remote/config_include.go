package remote

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// guarded refuses a file that somebody else may write, as ssh(1) does: what it
// says is trusted, and a ProxyCommand in it is run.
func guarded(path string) error {
	st, err := os.Stat(path)
	if err == nil && !guardedMode(st) {
		err = fmt.Errorf("%s: somebody else owns it or may write it: chmod go-w %s", path, quoteWord(path))
	}
	return err
}

func (s *scanner) include(f configFile, current int, at place, args []string, depth int) error {
	for _, arg := range args {
		if f.system && strings.HasPrefix(arg, "~") {
			return fmt.Errorf("%s: include %s: /etc/ssh/ssh_config is everybody's, and ~ is not", at, arg)
		}
		pattern, e := s.fileTokens().path(at, arg)
		if e != nil {
			// What depends on the host is known too late.
			s.write(at, lateInclude, args)
			continue
		}
		if !filepath.IsAbs(pattern) {
			base := filepath.Join(s.opts.Home, ".ssh")
			if f.system {
				base = filepath.Dir(systemConfig)
			}
			pattern = filepath.Join(base, pattern)
		}
		files, err := globFiles(pattern)
		if err != nil {
			return fmt.Errorf("%s: include %q: %w", at, arg, err)
		}
		for _, m := range files {
			if err := s.file(configFile{path: m, system: f.system, guarded: true}, current, at, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// lateInclude is an Include that cannot be resolved, by a name that the library
// takes for no Include.
const lateInclude = "late-include"

// fileTokens are those that are the same for every host.
func (s *scanner) fileTokens() tokens {
	full, _ := os.Hostname()
	short, _, _ := strings.Cut(full, ".")
	return tokens{home: s.opts.Home, env: s.opts.Env, percent: map[byte]string{
		'd': s.opts.Home, 'i': strconv.Itoa(os.Getuid()), 'L': short, 'l': full, 'u': s.opts.User,
	}}
}

// globFiles gives what glob(3) would: sorted, hidden files only where a dot is
// written, and no directories, which hold no lines for ssh(1).
func globFiles(pattern string) (files []string, err error) {
	all, err := filepath.Glob(strings.ReplaceAll(pattern, "[!", "[^"))
	if err != nil {
		return nil, err
	}
	words := strings.Split(filepath.Clean(pattern), string(filepath.Separator))
	for _, path := range all {
		hidden := false
		for i, w := range strings.Split(filepath.Clean(path), string(filepath.Separator)) {
			hidden = hidden || strings.HasPrefix(w, ".") && !(i < len(words) && strings.HasPrefix(words[i], "."))
		}
		if st, err := os.Stat(path); hidden || err == nil && st.IsDir() {
			continue
		}
		files = append(files, path)
	}
	slices.Sort(files)
	return files, nil
}
