package demo

import (
	"context"
	"io"

	"golang.org/x/crypto/ssh"
)

// Host is what one server is and how it behaves.
type Host struct {
	// Name is for people; the server does not use it.
	Name string
	// Root is the directory that stands for the host. The script's first
	// line is replaced by it. Empty: Exec answers.
	Root string
	// Exec answers in place of a shell when Root is empty. It must return
	// when ctx ends; what it returns is the exit status.
	Exec ExecFunc
	// AuthorizedKeys may log in; nobody may when it is empty.
	AuthorizedKeys []ssh.PublicKey
	// User is the only user who may log in; empty means any.
	User string
	// HostKeys are the server's own keys, at most one of a type; a
	// certificate signer is one too. Nil means one new ed25519 key.
	HostKeys []ssh.Signer
	// Configure, if set, is given the library's configuration before the server
	// starts: for other ways to log in than a key.
	Configure func(*ssh.ServerConfig)
	// Behave is the zero value for a host that behaves well.
	Behave Behaviour
}

// ExecFunc stands for the remote shell: stdin is the script.
type ExecFunc func(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int

// Behaviour is what a server does beside or instead of its work.
type Behaviour struct {
	// Fault is the one thing that goes wrong; empty for nothing.
	Fault Fault
	// Before and After are printed on standard output around the script,
	// like a MOTD or a ~/.bashrc that speaks.
	Before, After string
	// Throttle is how many first connections get the text of [Throttled].
	Throttle int
	// MaxUnauthenticated is how many connections may be unauthenticated at
	// once before further ones get the text of [Throttled], as MaxStartups
	// in sshd_config(5) does it; 0 means any number.
	MaxUnauthenticated int
	// CutStdout closes the connection after that many bytes of standard
	// output, Before included; 0 means never.
	CutStdout int
	// KeyExchanges are the only ones offered; nil means the library's.
	KeyExchanges []string
}

// Fault is one way for a host to go wrong.
type Fault string

// Faults before authentication.
const (
	Silent            Fault = "silent"             // accepts, never speaks
	DripVersion       Fault = "drip-version"       // sends the version a byte at a time
	EndlessPreVersion Fault = "endless-preversion" // sends lines for ever and no version
	Throttled         Fault = "throttled"          // says "Exceeded MaxStartups" and closes
	ResetAccept       Fault = "reset-accept"       // resets the connection when the client speaks
	CloseAccept       Fault = "close-accept"       // closes at once
	CloseVersion      Fault = "close-version"      // closes after its version line
	CloseKex          Fault = "close-kex"          // closes after the key exchange
	OtherHostKey      Fault = "other-host-key"     // presents a key that is not HostKey
	LegacyAlgorithms  Fault = "legacy-algorithms"  // knows only ssh-rsa (SHA-1) and group1
	EndlessBanners    Fault = "endless-banners"    // sends banners for ever
	NoAuthReply       Fault = "no-auth-reply"      // never judges a key
)

// Faults after authentication.
const (
	CloseAuth      Fault = "close-auth"       // closes once the user is in
	NoSessions     Fault = "no-sessions"      // refuses session channels, as MaxSessions 0 does
	NoChannelReply Fault = "no-channel-reply" // never confirms a session channel
	NoExecReply    Fault = "no-exec-reply"    // never confirms the exec request
	ExecRefused    Fault = "exec-refused"     // refuses the exec request, as a host that cannot fork does
	CloseExec      Fault = "close-exec"       // closes after confirming the exec request
	ChannelFlood   Fault = "channel-flood"    // opens channels to the client for ever, answers nothing
)

// Faults after the exec request.
const (
	NoLogin            Fault = "nologin"              // says that the account is not available, exits 1
	Hang               Fault = "hang"                 // takes the script, never answers
	Flood              Fault = "flood"                // prints lines for ever
	FloodBytes         Fault = "flood-bytes"          // prints packets of one byte for ever
	DripOutput         Fault = "drip-output"          // prints a byte now and then for ever
	FloodStderr        Fault = "flood-stderr"         // prints lines on standard error for ever
	BigLine            Fault = "big-line"             // prints 1 GiB without a newline, exits 0
	OneBytePackets     Fault = "one-byte-packets"     // runs the script, a packet a byte
	StatusWithoutClose Fault = "status-without-close" // runs the script, sends its status, keeps the channel
	CloseWithoutStatus Fault = "close-without-status" // runs the script, closes without a status
	ShortStatus        Fault = "short-status"         // runs the script, sends a status of one byte
)
