package remote

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
// the library lose or invent a block.
func FuzzConfig(f *testing.F) {
	for _, s := range []string{"Host a b\nPort 1\n", "Host \"a b\" c#d\n\tUser = x # y\n", "Match final all\nCiphers +a\nHost *\n", "=\n= =\n", "Host\n", "\x00 a\nHost x\nk\u00e9y v\n", "Include none\nUser %%\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		blocks, err := scanConfig([]configFile{{path: path, required: true}}, Options{Home: "/nonexistent", Env: func(string) string { return "" }})
		if err != nil {
			return
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
