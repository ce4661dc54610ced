package remote

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// sshLog is what ssh -v says, of which the phases are read. It decides only
// what a failure is called: a host may put words into it, and that ssh has
// logged in is shown by its control socket alone.
type sshLog struct {
	changed chan struct{} // holds a token when there is more to see

	mu sync.Mutex
	st sshState
}

// sshState is how far ssh came.
type sshState struct {
	proxied   bool   // through a ProxyCommand, or jump hosts
	connected bool   // there is a connection; through a ProxyCommand, the server spoke
	spoke     bool   // the server said its version
	hostKey   string // the server's, type and fingerprint
	verified  bool   // the host key is accepted
	authed    bool
	ready     bool // at the control socket

	offered  []string // keys
	methods  string   // what the server takes
	said     []string // what is no debug message
	flooded  bool     // more was said than is read
	since    time.Time
	through  time.Time // connected
	finished time.Time // ready
}

// sshEvents are the lines of OpenSSH 7.4 to 10 that say how far it came.
var sshEvents = []struct {
	prefix string
	note   func(st *sshState, rest string)
}{
	{"debug1: Executing proxy command", func(st *sshState, _ string) { st.proxied = true }},
	{"debug1: Connection established.", func(st *sshState, _ string) { st.connected = true }},
	{"debug1: Remote protocol version", func(st *sshState, _ string) { st.connected, st.spoke = true, true }},
	{"debug1: Server host key: ", func(st *sshState, rest string) { st.hostKey = rest }},
	{"debug1: Server host certificate: ", func(st *sshState, rest string) { st.hostKey, _, _ = strings.Cut(rest, ",") }},
	{"debug1: SSH2_MSG_NEWKEYS received", func(st *sshState, _ string) { st.verified = true }},
	{"debug1: Authentications that can continue: ", func(st *sshState, rest string) { st.methods = rest }},
	{"debug1: Offering public key: ", func(st *sshState, rest string) { st.offer(rest) }},
	{"debug1: Offering RSA public key: ", func(st *sshState, rest string) { st.offer(rest) }},
	{"debug1: Authentication succeeded", func(st *sshState, _ string) { st.authed = true }},
	{"Authenticated to ", func(st *sshState, _ string) { st.authed = true }},
	{"debug1: Entering interactive session.", func(st *sshState, _ string) { st.authed, st.ready = true, true }},
}

const (
	maxSaid    = 24      // lines kept of what ssh says
	maxSSHLog  = 1 << 20 // bytes that a login may take to tell of; -v takes 5 KB
	maxOffered = 16
)

// offer notes a key as PATH TYPE FINGERPRINT [where it is from].
func (st *sshState) offer(key string) {
	f := strings.Fields(key)
	if len(f) == 0 || len(st.offered) == maxOffered {
		return
	}
	st.offered = append(st.offered, excerptText(f[0]))
}

func newSSHLog() *sshLog {
	return &sshLog{changed: make(chan struct{}, 1), st: sshState{since: time.Now()}}
}

// readFrom reads to the end, or until too much was said: errFlood. A master
// that is at work says something about each session, and is never stopped for
// it.
func (l *sshLog) readFrom(r io.Reader) error {
	lines := bufio.NewReaderSize(r, 4096)
	for read := 0; ; {
		line, err := lines.ReadSlice('\n')
		read += len(line)
		if len(line) > 0 {
			l.take(string(bytes.TrimRight(line, "\r\n")))
		}
		if read > maxSSHLog && !l.state().ready {
			return errFlood
		}
		if err != nil && err != bufio.ErrBufferFull {
			return nil
		}
	}
}

func (l *sshLog) take(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.st.connected
	known := false
	for _, e := range sshEvents {
		if rest, ok := strings.CutPrefix(line, e.prefix); ok {
			e.note(&l.st, rest)
			known = true
			break
		}
	}
	if l.st.connected && !before {
		l.st.through = time.Now()
	}
	if l.st.ready && l.st.finished.IsZero() {
		l.st.finished = time.Now()
	}
	if !known && line != "" && !strings.HasPrefix(line, "debug1: ") && !strings.HasPrefix(line, "OpenSSH_") && !l.st.ready {
		if len(l.st.said) == maxSaid {
			l.st.said = slices.Delete(l.st.said, 0, 1)
		}
		l.st.said = append(l.st.said, line)
	}
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// flood notes that ssh was ended because it said too much.
func (l *sshLog) flood() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.st.flooded = true
}

func (l *sshLog) state() sshState {
	l.mu.Lock()
	defer l.mu.Unlock()
	st := l.st
	st.said, st.offered = slices.Clone(st.said), slices.Clone(st.offered)
	return st
}

func (l *sshLog) times() (connected, ready time.Time) {
	st := l.state()
	return st.through, st.finished
}

// warnings are what ssh says about a login that succeeded.
func (l *sshLog) warnings() (lines []string) {
	for _, s := range l.state().said {
		if rest, ok := strings.CutPrefix(s, "Warning: "); ok {
			lines = append(lines, "ssh: "+excerptText(rest))
		}
	}
	return lines
}
