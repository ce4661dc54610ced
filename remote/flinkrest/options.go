package flinkrest

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"runtime"
	"strings"
	"time"
	"unicode"
)

// Options say where Flink's REST API is and how it is reached.
type Options struct {
	// URL is http://HOST:PORT or https://HOST:PORT, with a path where a proxy
	// has the API below one.
	URL string
	// CAFile holds the certificates to trust in place of the system's; "" for
	// the system's.
	CAFile string
	// AuthFile holds USER:PASSWORD for basic authentication; "" for none.
	AuthFile string
	// Auth is USER:PASSWORD where AuthFile is "".
	Auth string
	// Timeout bounds one request with its answer; zero is DefaultTimeout.
	Timeout time.Duration
	// MaxBody bounds the body of one answer; zero is DefaultMaxBody.
	MaxBody int64
}

// The bounds of one request. Twenty exceptions of 1,000 tasks that failed
// together are some 10 MB; whatever is larger is not read.
const (
	DefaultTimeout = 5 * time.Second
	DefaultMaxBody = 16 << 20
)

const (
	maxCAFile   = 4 << 20
	maxAuthFile = 4 << 10
)

// AuthEnv is the environment variable of USER:PASSWORD.
const AuthEnv = "TMDOCTOR_FLINK_AUTH"

// OptionError is an option that cannot be used, and what to give instead. It
// never holds a password.
type OptionError struct {
	Reason string
	Hint   string
}

func (e *OptionError) Error() string { return e.Reason }

func refuse(hint, format string, args ...any) error {
	return &OptionError{fmt.Sprintf(format, args...), hint}
}

const urlHint = "give http://HOST:8081 or https://HOST:8081"

// parseURL reads a URL that has nothing but scheme, host, port and path. What
// is refused is not quoted: it may hold a password.
func parseURL(text string) (*url.URL, error) {
	authority := text
	if i := strings.Index(authority, "://"); i >= 0 {
		authority = authority[i+3:]
	}
	if strings.Contains(authority, "@") {
		return nil, refuse("take USER:PASSWORD@ out of the URL and give --flink-auth-file FILE (mode 0600, one line USER:PASSWORD) or "+AuthEnv,
			"the URL of Flink's REST API has a user or password in it, where other users of this machine see it")
	}
	if strings.ContainsAny(text, "?#") {
		return nil, refuse(urlHint, "the URL of Flink's REST API has a query or a fragment")
	}
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Hostname() == "" || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return nil, refuse(urlHint, "the URL of Flink's REST API is not a URL with a host")
	}
	u.Scheme = strings.ToLower(u.Scheme)
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, refuse(urlHint, "the URL of Flink's REST API is of scheme %q", u.Scheme)
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return u, nil
}

// readRoots reads the certificates of a CA file; nil for the system's.
func readRoots(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	text, _, err := readFile(path, maxCAFile)
	if err != nil {
		return nil, refuse("give a file of certificates in PEM", "CA file %s: %v", path, err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, refuse("give a file of certificates in PEM (-----BEGIN CERTIFICATE-----)", "CA file %s holds no certificate", path)
	}
	return roots, nil
}

// credentials are a user and a password, both "" for none.
type credentials struct{ user, password string }

// readCredentials reads them from the file, or from what the environment has.
func readCredentials(o Options) (credentials, error) {
	if o.AuthFile == "" {
		if o.Auth == "" {
			return credentials{}, nil
		}
		return parseCredentials(o.Auth, AuthEnv)
	}
	text, mode, err := readFile(o.AuthFile, maxAuthFile)
	if err != nil {
		return credentials{}, refuse("give a file with one line USER:PASSWORD", "auth file %s: %v", o.AuthFile, err)
	}
	// Windows has no such modes.
	if mode.Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return credentials{}, refuse("chmod 600 "+o.AuthFile, "auth file %s: permissions %#o let others read the password", o.AuthFile, mode.Perm())
	}
	return parseCredentials(strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"), "auth file "+o.AuthFile)
}

func parseCredentials(line, where string) (credentials, error) {
	user, password, ok := strings.Cut(line, ":")
	if !ok || user == "" || strings.ContainsFunc(line, unicode.IsControl) {
		return credentials{}, refuse("write USER:PASSWORD, on one line", "%s is not one line USER:PASSWORD", where)
	}
	return credentials{user, password}, nil
}

// readFile reads a regular file that is not too large; the mode is of what was
// read.
func readFile(path string, most int64) ([]byte, os.FileMode, error) {
	// A FIFO or device is refused before it is opened: that could wait forever.
	if info, err := os.Stat(path); err != nil {
		return nil, 0, bare(err)
	} else if !info.Mode().IsRegular() {
		return nil, 0, errors.New("is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, bare(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, bare(err)
	}
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, 0, bare(err)
	}
	if int64(len(text)) > most {
		return nil, 0, fmt.Errorf("is larger than %d bytes", most)
	}
	return text, info.Mode(), nil
}

// bare is an error of a file without its path, which the caller names.
func bare(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// onThisMachine reports whether a URL's host is this machine by its very name.
func onThisMachine(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
