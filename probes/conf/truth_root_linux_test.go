package conf_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// enterRoot makes root the root of this process, which has namespaces of its
// own. What is written goes to memory and never to root; /proc is that of the
// new process namespace, and what is the machine's own in it, /proc/sys, is
// read-only.
func enterRoot(root, at string) error {
	type mount struct {
		from, to, kind string
		flags          uintptr
		data           string
	}
	upper, work, merged := at+"/upper", at+"/work", at+"/root"
	for _, m := range []mount{
		{"", "/", "", unix.MS_REC | unix.MS_PRIVATE, ""},
		{"tmpfs", at, "tmpfs", 0, "mode=755"},
		{"overlay", merged, "overlay", 0, "lowerdir=" + root + ",upperdir=" + upper + ",workdir=" + work},
		{"proc", merged + "/proc", "proc", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
		{merged + "/proc/sys", merged + "/proc/sys", "", unix.MS_BIND, ""},
		{"", merged + "/proc/sys", "", unix.MS_BIND | unix.MS_REMOUNT | unix.MS_RDONLY, ""},
		{"tmpfs", merged + "/run", "tmpfs", 0, "mode=755"},
		{"tmpfs", merged + "/tmp", "tmpfs", 0, "mode=1777"},
	} {
		if err := unix.Mount(m.from, m.to, m.kind, m.flags, m.data); err != nil {
			return fmt.Errorf("mount %s on %s: %w", m.kind, m.to, err)
		}
		if m.to != at {
			continue
		}
		for _, dir := range []string{upper, work, merged} {
			if err := os.Mkdir(dir, 0o755); err != nil {
				return err
			}
		}
	}
	if err := unix.Chroot(merged); err != nil {
		return err
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	return loopback()
}

// loopback brings the interface lo of the network namespace up.
func loopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
}

// plant empties the directories, removes the files, and writes a tree. A file
// with a Target is a link; a later one takes the place of an earlier.
func plant(dirs, files []string, tree []conf.File) error {
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, e := range entries {
			files = append(files, filepath.Join(dir, e.Name()))
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	for _, f := range files {
		if err := os.RemoveAll(f); err != nil {
			return err
		}
	}
	for _, f := range tree {
		err := os.RemoveAll(f.Path)
		switch {
		case err != nil || f.Kind == conf.FileAbsent:
		case f.Target != "":
			err = os.Symlink(f.Target, f.Path)
		case f.Kind == conf.FileDir:
			err = os.Mkdir(f.Path, 0o755)
		default:
			err = os.WriteFile(f.Path, []byte(f.Content), 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// gather reads the files of the directories and the single ones as a probe
// does: what is there now, and not what was meant to be.
func gather(dirs []string, files ...string) ([]conf.File, error) {
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries {
			files = append(files, path.Join(dir, e.Name()))
		}
	}
	var out []conf.File
	for _, name := range files {
		f := conf.File{Path: name, Kind: conf.FileAbsent}
		if _, err := os.Lstat(name); err == nil {
			f.Target, _ = os.Readlink(name)
			f.Kind = conf.FileDangling
			if info, err := os.Stat(name); err == nil {
				f.Kind = kindOf(info, f.Target)
			}
		}
		if f.Kind == conf.FileRegular || f.Kind == conf.FileLink {
			text, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			f.Content = string(text)
		}
		out = append(out, f)
	}
	return out, nil
}

func kindOf(info fs.FileInfo, target string) conf.FileKind {
	switch {
	case info.IsDir():
		return conf.FileDir
	case !info.Mode().IsRegular():
		return conf.FileOther
	case target != "":
		return conf.FileLink
	}
	return conf.FileRegular
}

// show prints a tree so that a person can plant it again.
func show(tree []conf.File) string {
	var b strings.Builder
	for _, f := range tree {
		switch {
		case f.Kind == conf.FileAbsent:
			fmt.Fprintf(&b, "-- %s absent\n", f.Path)
		case f.Target != "":
			fmt.Fprintf(&b, "-- %s -> %s\n", f.Path, f.Target)
		case f.Kind == conf.FileDir:
			fmt.Fprintf(&b, "-- %s/\n", f.Path)
		default:
			fmt.Fprintf(&b, "-- %s\n", f.Path)
			for line := range strings.Lines(f.Content) {
				fmt.Fprintf(&b, "%.200q\n", line)
			}
		}
	}
	return b.String()
}
