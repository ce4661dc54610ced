package remote

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io"
	"math"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

const endMark = "== end ==\n"

// script is a Script that is whole when its output ends in the end mark.
type script string

func (s script) Text(inventory.Host) []byte  { return []byte(s) }
func (s script) Complete(stdout []byte) bool { return bytes.HasSuffix(stdout, []byte(endMark)) }

// answer is what a fake host prints for any script: a line and the mark.
func answer(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	io.Copy(io.Discard, stdin)
	io.WriteString(stdout, "hello\n"+endMark)
	io.WriteString(stderr, "a word on stderr\n")
	return 3
}

// site is a caller's home and key, and the hosts it may reach.
type site struct {
	t    testing.TB
	dir  string
	key  ssh.Signer
	opts Options
}

func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir()}
	path := filepath.Join(s.dir, "key")
	s.key = writeKey(t, path, "")
	s.opts = Options{
		ConfigFile: "none", Home: s.dir, User: "operator", Env: func(string) string { return "" },
		KnownHosts: []string{filepath.Join(s.dir, "known_hosts")}, Identity: []string{path},
	}
	return s
}

// writeKey makes a new ed25519 key file, encrypted if there is a passphrase.
func writeKey(t testing.TB, path, passphrase string) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var block *pem.Block
	if passphrase == "" {
		block, err = ssh.MarshalPrivateKey(private, "")
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, string(pem.EncodeToMemory(block)))
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func writeFile(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// listen starts a host that knows the site's key; its own key is not known.
func (s *site) listen(h demo.Host) *demo.Server {
	s.t.Helper()
	if h.Root == "" && h.Exec == nil {
		h.Exec = answer
	}
	if h.AuthorizedKeys == nil {
		h.AuthorizedKeys = []ssh.PublicKey{s.key.PublicKey()}
	}
	server, err := demo.Listen(h)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { server.Close() })
	return server
}

// know puts the host's keys into known_hosts.
func (s *site) know(server *demo.Server) {
	s.t.Helper()
	for _, k := range server.HostKeys() {
		s.knowAs(bracketed("127.0.0.1", server.Port()), k)
	}
}

func (s *site) knowAs(name string, key ssh.PublicKey) {
	s.t.Helper()
	if _, err := appendLine(s.opts.KnownHosts[0], math.MaxInt64, name+" "+string(ssh.MarshalAuthorizedKey(key)), nil); err != nil {
		s.t.Fatal(err)
	}
}

// host is a known host as the inventory would have it.
func (s *site) host(h demo.Host) (inventory.Host, *demo.Server) {
	s.t.Helper()
	server := s.listen(h)
	s.know(server)
	return at(server), server
}

func at(server *demo.Server) inventory.Host {
	return inventory.Host{Name: "127.0.0.1", Port: server.Port()}
}

// native is a transport that is closed with the test.
func (s *site) native() *Native {
	s.t.Helper()
	n, err := NewNative(s.opts)
	if err != nil {
		s.t.Fatal(err)
	}
	n.backoff = 10 * time.Millisecond
	s.t.Cleanup(func() { n.Close() })
	return n
}

// failure is the *Error of a result, or the test fails.
func failure(t testing.TB, res Result) *Error {
	t.Helper()
	var e *Error
	if !errors.As(res.Err, &e) {
		t.Fatalf("Err = %v, want an *Error", res.Err)
	}
	return e
}

// leakCheck fails the test if goroutines, or on Linux descriptors, are left when
// everything is closed. It must be called before anything else and not in
// parallel tests.
func leakCheck(t *testing.T) {
	t.Helper()
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		l.Close() // what package net opens for ever is open now
	}
	before, _ := ourGoroutines()
	open := openDescriptors()
	t.Cleanup(func() {
		for range 200 {
			if n, _ := ourGoroutines(); n <= before && len(openDescriptors()) <= len(open) {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		if now := openDescriptors(); len(now) > len(open) {
			t.Errorf("descriptors %v, before %v", now, open)
		}
		if n, stacks := ourGoroutines(); n > before {
			t.Errorf("%d goroutines, %d before:\n%s", n, before, stacks)
		}
	})
}

// ourGoroutines are those that run, but for what a server with the fault
// ChannelFlood may leave behind (see flood in package demo).
func ourGoroutines() (n int, stacks string) {
	buf := make([]byte, 1<<20)
	stacks = string(buf[:runtime.Stack(buf, true)])
	return runtime.NumGoroutine() - strings.Count(stacks, "demo.(*conn).flood("), stacks
}

// openDescriptors are those of this process and what they are, none where
// there is no /proc.
func openDescriptors() (open []string) {
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil { // not that of ReadDir
			open = append(open, e.Name()+" "+to)
		}
	}
	return open
}

// contains fails the test unless s has every word.
func contains(t testing.TB, what, s string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(s, w) {
			t.Errorf("%s = %q, want %q in it", what, s, w)
		}
	}
}

// readIf is the text of a file, or none.
func readIf(path string) string {
	text, _ := os.ReadFile(path)
	return string(text)
}

// authorizedLine is the site's key as a line of authorized_keys.
func authorizedLine(s *site) string { return string(ssh.MarshalAuthorizedKey(s.key.PublicKey())) }
