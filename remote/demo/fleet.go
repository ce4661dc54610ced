package demo

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/errgroup"
)

// Member is one host of a fleet.
type Member struct {
	Name    string
	Archive []byte   // of Unpack; nil for a host without a tree, whose Exec answers
	Exec    ExecFunc // see [Host]
	Behave  Behaviour
	// Unreachable gives the host a port that nobody listens on.
	Unreachable bool
	// ChangedKey puts another key into known_hosts than the host has.
	ChangedKey bool
	// UnknownKey leaves the host out of known_hosts.
	UnknownKey bool
	// Jump is the name of the member through which the host is reached.
	Jump string
	// Groups of the inventory that the host is in.
	Groups []string
	// Sudo asks for raised sections on this host.
	Sudo bool
}

// Fleet is a set of hosts that run in this process, with all that a client
// needs to reach them. It is made by [Start].
type Fleet struct {
	dir     string
	options Options
	key     ssh.Signer
	members []Member
	berths  []berth // of the members

	close func() error
}

// berth is where a member is found.
type berth struct {
	server  *Server // nil if unreachable
	port    int
	release func() // of the port of an unreachable member
	known   ssh.PublicKey
}

// Start unpacks and starts the members in a new directory below $TMPDIR, or
// else where temporary files are fast; nobody but the caller may enter it.
// Close stops them and removes it; if Start returns an error, nothing is left.
func Start(ctx context.Context, members []Member, o Options) (*Fleet, error) {
	if err := checkMembers(members); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(tempDir(), "tmdoctor-demo-") // 0700
	if err != nil {
		return nil, err
	}
	if o.Now.IsZero() {
		o = Caller(time.Now())
	}
	f := &Fleet{dir: dir, options: o, members: slices.Clone(members)}
	f.close = sync.OnceValue(f.stop)
	if err := f.start(ctx); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// checkMembers finds what cannot be started, before anything is.
func checkMembers(members []Member) error {
	names := map[string]bool{}
	for _, m := range members {
		if m.Name == "" || !filepath.IsLocal(m.Name) || filepath.Base(m.Name) != m.Name {
			return fmt.Errorf("host %q: not a plain name", m.Name)
		}
		if names[m.Name] {
			return fmt.Errorf("host %s: is there twice", m.Name)
		}
		names[m.Name] = true
	}
	for _, m := range members {
		if m.Jump != "" && !names[m.Jump] {
			return fmt.Errorf("host %s: its jump host %s is not in the fleet", m.Name, m.Jump)
		}
	}
	return nil
}

func (f *Fleet) start(ctx context.Context) error {
	key, err := newPrivateKey(Ed25519)
	if err != nil {
		return err
	}
	if f.key, err = ssh.NewSignerFromSigner(key); err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(key, "tmdoctor demo")
	if err != nil {
		return err
	}
	if err := os.WriteFile(f.KeyFile(), pem.EncodeToMemory(block), 0o600); err != nil {
		return err
	}
	f.berths = make([]berth, len(f.members))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, m := range f.members {
		g.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			var err error
			if f.berths[i], err = f.startMember(m); err != nil {
				return fmt.Errorf("host %s: %w", m.Name, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return f.writeFiles()
}

// startMember unpacks and starts one host.
func (f *Fleet) startMember(m Member) (berth, error) {
	known, err := NewKey(Ed25519)
	if err != nil {
		return berth{}, err
	}
	if m.Unreachable {
		port, release, err := deafPort()
		return berth{port: port, release: release, known: known.PublicKey()}, err
	}
	h := Host{
		Name:           m.Name,
		Exec:           m.Exec,
		Behave:         m.Behave,
		AuthorizedKeys: []ssh.PublicKey{f.key.PublicKey()},
	}
	if m.Archive != nil {
		h.Root = f.Root(m.Name)
		if err := os.MkdirAll(h.Root, 0o700); err != nil {
			return berth{}, err
		}
		o := f.options
		o.Host = m.Name
		if err := Unpack(h.Root, m.Name+".txtar", m.Archive, o); err != nil {
			return berth{}, err
		}
	}
	s, err := Listen(h)
	if err != nil {
		return berth{}, err
	}
	p := berth{server: s, port: s.Port(), known: s.HostKey()}
	if m.ChangedKey {
		p.known = known.PublicKey()
	}
	return p, nil
}

// Close stops every host and removes the directory. It may be called more
// than once and at any time, also while hosts are being asked, from whatever
// handles a signal; each call returns when all is done.
func (f *Fleet) Close() error { return f.close() }

func (f *Fleet) stop() error {
	var wg sync.WaitGroup
	for _, p := range f.berths {
		switch {
		case p.server != nil:
			wg.Go(func() { p.server.Close() })
		case p.release != nil:
			p.release()
		}
	}
	wg.Wait()
	return RemoveAll(f.dir)
}

// RemoveAll is [os.RemoveAll] for trees with directories that their owner may
// not list.
func RemoveAll(dir string) error {
	filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			os.Chmod(p, 0o700) // what stays shut is an error of RemoveAll
		}
		return nil
	})
	return os.RemoveAll(dir)
}

// Dir is the directory in which everything lies.
func (f *Fleet) Dir() string { return f.dir }

// KeyFile is the private key that may log in everywhere.
func (f *Fleet) KeyFile() string { return filepath.Join(f.dir, "id_ed25519") }

// SSHConfig is the ssh_config(5) file with a block for each host.
func (f *Fleet) SSHConfig() string { return filepath.Join(f.dir, "ssh_config") }

// KnownHosts is the known_hosts file of SSHConfig.
func (f *Fleet) KnownHosts() string { return filepath.Join(f.dir, "known_hosts") }

// Inventory is the inventory file of the fleet.
func (f *Fleet) Inventory() string { return filepath.Join(f.dir, "tmdoctor.yaml") }

// Root is the directory that stands for a host.
func (f *Fleet) Root(name string) string { return filepath.Join(f.dir, "hosts", name) }

// Server is the server of a host; nil if it is unreachable or not there.
func (f *Fleet) Server(name string) *Server {
	for i, m := range f.members {
		if m.Name == name {
			return f.berths[i].server
		}
	}
	return nil
}
