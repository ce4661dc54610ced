package remote

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// A line that is read matches what it names, and nothing makes the parser
// panic.
func FuzzKnownHostsLine(f *testing.F) {
	key := keyText(newKey(f, demo.Ed25519))
	for _, s := range []string{"tm1 " + key, "@revoked * " + key, "@cert-authority *.x,!y " + key, "[a]:22,b " + key, "|1|AAAAAAAAAAAAAAAAAAAAAAAAAAA=|AAAAAAAAAAAAAAAAAAAAAAAAAAA= " + key, "# c", "a b c", "|1||", "@"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := parseKeyLine(line)
		if err != nil || e.keyType == "" {
			return
		}
		if !bytes.Contains(line, []byte(base64.StdEncoding.EncodeToString([]byte(e.blob)))) {
			t.Errorf("the key read is not in the line %q", line)
		}
		for _, n := range e.names {
			if e.literal() && !e.matches(n) {
				t.Errorf("%q does not match its own name %q", line, n)
			}
		}
		e.matches("tm1")
	})
}

// Words written with quotes come back, and nothing makes the scanner panic or
// the library lose or invent a block, or a host be resolved to half a setting.
func FuzzConfig(f *testing.F) {
	for _, s := range []string{"Host a b\nPort 1\n", "Host \"a b\" c#d\n\tUser = x # y\n", "Match final all\nCiphers +a\nHost *\n", "=\n= =\n", "Host\n", "\x00 a\nHost x\nk\u00e9y v\n", "Include none\nUser %%\n",
		"Match host a,!b user=me !exec \"x\" # c\nProxyCommand nc %h '%r'\nMatch final originalhost tm*\nProxyJump a@b:1,ssh://c/\n", "Tag x\nMatch tagged \"\" localnetwork 10.0.0.0/8,::1\nIdentityFile ~a/%C${X}\nPreferredAuthentications x,password\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		opts := Options{ConfigFile: path, Home: "/nonexistent", User: "me", Env: func(string) string { return "" }}
		blocks, err := scanConfig(opts.configFiles(), opts)
		if err != nil {
			return
		}
		r, err := NewResolver(opts)
		if err != nil {
			t.Fatalf("read once and not twice: %v", err)
		}
		var e *Error
		if s, err := r.Resolve(inventory.Host{Name: "tm1"}); err == nil && (s.Port < 1 || s.Port > 65535 || strings.ContainsAny(s.ProxyCommand, "\n\x00")) {
			t.Errorf("settings %+v", s)
		} else if err != nil && (!errors.As(err, &e) || e.Phase != PhaseConfig) {
			t.Errorf("%v, want an *Error of phase config", err)
		}
		lines := strings.Split(text, "\n")
		n := 0
		for _, b := range blocks {
			for _, d := range b.lines {
				if d.key == "include" {
					continue
				}
				n++
				_, args, err := splitDirective(lines[d.line-1])
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(args, d.args); diff != "" {
					t.Errorf("line %d %q (-line +read):\n%s", d.line, lines[d.line-1], diff)
				}
			}
		}
		want := 0
		for _, line := range lines {
			switch key, _, _ := splitDirective(line); key {
			case "", "host", "match", "include":
			default:
				want++
			}
		}
		if n != want {
			t.Errorf("%d directives read, %d written", n, want)
		}
	})
}
