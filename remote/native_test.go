package remote

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/crypto/ssh"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

func TestNativeRunsAScript(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var got bytes.Buffer
	h, server := s.host(demo.Host{Exec: func(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
		io.Copy(&got, stdin)
		return answer(ctx, stdin, stdout, stderr)
	}})
	h.User = "flink"
	res := s.native().Run(t.Context(), h, script("some text"))
	want := Result{
		Host: h, Address: "127.0.0.1", Port: server.Port(), User: "flink",
		Stdout: []byte("hello\n" + endMark), Stderr: []byte("a word on stderr\n"), ExitStatus: 3,
	}
	if diff := cmp.Diff(want, res, cmpopts.IgnoreFields(Result{}, "Timing")); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	if got.String() != "some text" {
		t.Errorf("the host read %q, want the script's text and its end", got.String())
	}
	if res.Timing.Connect <= 0 || res.Timing.Auth <= 0 || res.Timing.Script <= 0 {
		t.Errorf("timing = %+v, want each above 0", res.Timing)
	}
	if st := server.Stats(); st.Connections != 1 || st.Execs != 1 || st.Sessions != 1 {
		t.Errorf("stats = %+v, want one connection, one session, one exec", st)
	}
}

func TestTheKeyThatWorkedIsOfferedFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	writeKey(t, s.dir+"/wrong", "")
	s.opts.Identity = []string{s.dir + "/wrong", s.dir + "/key"}
	n := s.native()
	for range 3 {
		h, _ := s.host(demo.Host{})
		n.known = map[string]*knownFiles{}
		if res := n.Run(t.Context(), h, script("")); res.Err != nil {
			t.Fatal(res.Err)
		}
	}
	keys := n.keys.keysFor(t.Context(), &Settings{User: "operator", IdentityFiles: s.opts.Identity}).keys
	var labels []string
	for _, k := range keys {
		labels = append(labels, k.label)
	}
	if diff := cmp.Diff([]string{s.dir + "/key", s.dir + "/wrong"}, labels); diff != "" {
		t.Errorf("order of keys (-want +got):\n%s", diff)
	}
}

func TestManyKindsOfKeysLogIn(t *testing.T) {
	t.Parallel()
	for _, kind := range []demo.KeyType{demo.Ed25519, demo.ECDSA, demo.RSA} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			hostKey, err := demo.NewKey(kind)
			if err != nil {
				t.Fatal(err)
			}
			h, _ := s.host(demo.Host{HostKeys: []ssh.Signer{hostKey}})
			if res := s.native().Run(t.Context(), h, script("")); res.Err != nil {
				t.Error(res.Err)
			}
		})
	}
}

// A server that has several keys must present one that known_hosts can judge.
func TestAHostKnownByOneOfItsKeysIsNoMismatch(t *testing.T) {
	t.Parallel()
	var all []ssh.Signer
	for _, kind := range []demo.KeyType{demo.ECDSA, demo.RSA, demo.Ed25519} {
		k, err := demo.NewKey(kind)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, k)
	}
	for _, known := range all {
		t.Run(known.PublicKey().Type(), func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			server := s.listen(demo.Host{HostKeys: all})
			s.knowAs(bracketed("127.0.0.1", server.Port()), known.PublicKey())
			if res := s.native().Run(t.Context(), at(server), script("")); res.Err != nil {
				t.Error(res.Err)
			}
		})
	}
}

func TestOutputIsKeptUpToItsLimit(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	big := bytes.Repeat([]byte("0123456789abcdef"), 3<<20/16)
	h, _ := s.host(demo.Host{Exec: func(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
		stdout.Write(big)
		stderr.Write(big[:200<<10])
		io.WriteString(stdout, endMark)
		return 0
	}})
	t.Run("3 MiB come whole", func(t *testing.T) {
		res := s.native().Run(t.Context(), h, script(""))
		if res.Err != nil || len(res.Stdout) != len(big)+len(endMark) {
			t.Errorf("got %d bytes, %v; want %d", len(res.Stdout), res.Err, len(big)+len(endMark))
		}
		if len(res.Stderr) != 64<<10 || !res.Truncated {
			t.Errorf("stderr of %d bytes, truncated %v; want 64 KiB, truncated", len(res.Stderr), res.Truncated)
		}
	})
	t.Run("1 MiB kept is not the whole answer", func(t *testing.T) {
		s.opts.Limits.Stdout = 1 << 20
		res := s.native().Run(t.Context(), h, script(""))
		e := failure(t, res)
		if e.Phase != PhaseScript || len(res.Stdout) != 1<<20 || !res.Truncated {
			t.Errorf("got %d bytes, truncated %v, %v; want 1 MiB, truncated, phase script", len(res.Stdout), res.Truncated, e)
		}
		contains(t, "reason", e.Reason, "only the first 1048576 bytes were kept")
	})
}

func TestAMissingHostNameIsPhaseResolve(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	res := s.native().Run(t.Context(), inventory.Host{Name: "no-such-host.invalid"}, script(""))
	if e := failure(t, res); e.Phase != PhaseResolve {
		t.Errorf("error = %+v, want phase resolve", e)
	}
}

func TestManyKindsOfUserKeysLogIn(t *testing.T) {
	t.Parallel()
	ecdsaKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.Signer{"ecdsa": ecdsaKey, "rsa": rsaKey} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			block, err := ssh.MarshalPrivateKey(key, "")
			if err != nil {
				t.Fatal(err)
			}
			writeFile(t, s.dir+"/key", string(pem.EncodeToMemory(block)))
			public, err := ssh.NewPublicKey(key.Public())
			if err != nil {
				t.Fatal(err)
			}
			h, _ := s.host(demo.Host{AuthorizedKeys: []ssh.PublicKey{public}})
			if res := s.native().Run(t.Context(), h, script("")); res.Err != nil {
				t.Error(res.Err)
			}
		})
	}
}
