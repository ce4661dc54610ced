package flinkrest

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/remote"
)

const password = "hunter2:with:colons"

// client is a client of a server with short limits.
func client(t *testing.T, o Options) *Client {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout = 20 * time.Second // a slow machine, not a slow server
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// file writes a file of a mode.
func file(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// lostIn asserts that an error is of a phase, and holds no secret.
func lostIn(t *testing.T, name string, err error, phase remote.Phase, words string) {
	t.Helper()
	var e *remote.Error
	if !errors.As(err, &e) {
		t.Errorf("%s: error %v, want one of phase %s", name, err, phase)
		return
	}
	if e.Phase != phase || !strings.Contains(e.Reason, words) {
		t.Errorf("%s: phase %s, %q; want %s, %q", name, e.Phase, e.Reason, phase, words)
	}
	for _, secret := range []string{"hunter2", "aHVudGVy", "s3cret"} {
		if strings.Contains(e.Reason+e.Hint+fmt.Sprint(err), secret) {
			t.Errorf("%s: the error holds %q: %v", name, secret, err)
		}
	}
}

func TestURLIsRefusedWithoutItsPassword(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ url, want string }{
		{"http://jm1:8081", ""},
		{"https://jm1", ""},
		{"HTTPS://jm1:8081/proxy/flink/", ""},
		{"http://[::1]:8081", ""},
		{"http://admin:hunter2@jm1:8081", "user or password"},
		{"http://hunter2@jm1:8081", "user or password"},
		{"http://admin:hunter2%zz@jm1:8081", "user or password"},
		{"admin:hunter2@jm1", "user or password"},
		{"http://jm1:8081/?token=hunter2", "query"},
		{"http://jm1:8081/#hunter2", "fragment"},
		{"jm1:8081", "not a URL"},
		{"http:///x", "not a URL"},
		{"http:jm1", "not a URL"},
		{"http://jm1:80 81", "not a URL"},
		{"http://jm1:port", "not a URL"},
		{"http://jm1\n:8081", "not a URL"},
		{"ftp://jm1", "scheme"},
		{"", "not a URL"},
	} {
		_, err := New(Options{URL: row.url})
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%q: %v, want %q", row.url, err, row.want)
		}
		var option *OptionError
		if err != nil && (!errors.As(err, &option) || option.Hint == "" || strings.Contains(err.Error()+option.Hint, "hunter2")) {
			t.Errorf("%q: no hint, or the password: %v", row.url, err)
		}
	}
}

func TestAuthFile(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if user, pass, _ := r.BasicAuth(); user != "admin" || pass != password {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		io.WriteString(w, "{}")
	})
	for _, row := range []struct {
		name, text string
		mode       os.FileMode
		want       string // of the error, "" for none
	}{
		{"a line", "admin:" + password + "\n", 0o600, ""},
		{"a line of Windows", "admin:" + password + "\r\n", 0o400, ""},
		{"no newline", "admin:" + password, 0o600, ""},
		{"group may read", "admin:" + password, 0o640, "permissions 0640"},
		{"others may read", "admin:" + password, 0o604, "permissions 0604"},
		{"two lines", "admin:" + password + "\nadmin:x\n", 0o600, "not one line"},
		{"no colon", "hunter2\n", 0o600, "not one line"},
		{"no user", ":hunter2\n", 0o600, "not one line"},
		{"empty", "", 0o600, "not one line"},
		{"control characters", "admin:\x1bhunter2", 0o600, "not one line"},
		{"large", "admin:" + strings.Repeat("hunter2", 1000), 0o600, "larger"},
	} {
		if runtime.GOOS == "windows" && strings.HasPrefix(row.want, "permissions") {
			continue
		}
		c, err := New(Options{URL: s.URL, AuthFile: file(t, row.text, row.mode), Auth: "env:ignored"})
		if row.want != "" {
			if err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: %v, want %q", row.name, err, row.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		if body, err := c.Get(t.Context(), "/overview"); err != nil || string(body) != "{}" {
			t.Errorf("%s: %q, %v", row.name, body, err)
		}
		c.Close()
	}
	for name, path := range map[string]string{"a directory": t.TempDir(), "nothing": filepath.Join(t.TempDir(), "none")} {
		if _, err := New(Options{URL: s.URL, AuthFile: path}); err == nil {
			t.Errorf("%s is taken for an auth file", name)
		}
	}
}

func TestCredentialsOfTheEnvironment(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		user, pass, _ := r.BasicAuth()
		fmt.Fprintf(w, "[%q,%q]", user, pass)
	})
	c := client(t, Options{URL: s.URL, Auth: "admin:" + password})
	if body, err := c.Get(t.Context(), "/x"); err != nil || string(body) != `["admin","`+password+`"]` {
		t.Errorf("%s, %v", body, err)
	}
	if _, err := New(Options{URL: s.URL, Auth: "hunter2"}); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a word without a colon: %v", err)
	}
	if _, err := New(Options{URL: "http://jm1:8081", Auth: "admin:hunter2"}); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a password in the clear over the network: %v", err)
	}
	if _, err := New(Options{URL: "https://jm1:8081", Auth: "admin:hunter2"}); err != nil {
		t.Errorf("a password over TLS: %v", err)
	}
}

// TestCertificateIsVerified: by the file, and by the system's roots where
// there is none; nothing else is taken.
func TestCertificateIsVerified(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "{}") }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are to fail
	s.StartTLS()
	t.Cleanup(s.Close)
	ca := file(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})), 0o644)
	if body, err := client(t, Options{URL: s.URL, CAFile: ca}).Get(t.Context(), "/overview"); err != nil || string(body) != "{}" {
		t.Errorf("with its authority: %q, %v", body, err)
	}
	_, err := client(t, Options{URL: s.URL}).Get(t.Context(), "/overview")
	lostIn(t, "with the system's", err, remote.PhaseTLS, "not trusted")
	// The certificate is for 127.0.0.1, ::1 and example.com.
	byName := strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	if addrs, _ := net.LookupHost("localhost"); len(addrs) > 0 {
		_, err = client(t, Options{URL: byName, CAFile: ca}).Get(t.Context(), "/overview")
		lostIn(t, "by another name", err, remote.PhaseTLS, "another name")
	}
	_, err = client(t, Options{URL: strings.Replace(s.URL, "https", "http", 1)}).Get(t.Context(), "/overview")
	lostIn(t, "http to a server of TLS", err, remote.PhaseStatus, "status 400")
	plain := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "{}") })
	_, err = client(t, Options{URL: strings.Replace(plain.URL, "http", "https", 1)}).Get(t.Context(), "/overview")
	lostIn(t, "https to a server of http", err, remote.PhaseTLS, "does not speak TLS")
	for name, o := range map[string]Options{
		"no certificate in the file": {URL: s.URL, CAFile: file(t, "-----BEGIN NONSENSE-----\n", 0o644)},
		"no file":                    {URL: s.URL, CAFile: "/does/not/exist"},
		"a CA file for http":         {URL: "http://jm1", CAFile: ca},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestServerThatWantsACertificate of the client says so in an alert: within the
// handshake until TLS 1.2, and after it since 1.3.
func TestServerThatWantsACertificate(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(nil) // for its certificate
	s.StartTLS()
	t.Cleanup(s.Close)
	ca := file(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})), 0o644)
	for _, row := range []struct {
		name    string
		version uint16
		want    string
	}{
		{"TLS 1.2", tls.VersionTLS12, "handshake failure"},
		{"TLS 1.3", tls.VersionTLS13, "certificate required"},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_ = tls.Server(conn, &tls.Config{Certificates: s.TLS.Certificates, ClientAuth: tls.RequireAnyClientCert, MaxVersion: row.version}).Handshake()
				_, _ = io.Copy(io.Discard, conn) // a close now could overtake the alert
				conn.Close()
			}
		}()
		_, err = client(t, Options{URL: "https://" + l.Addr().String(), CAFile: ca}).Get(t.Context(), "/overview")
		l.Close()
		<-done
		lostIn(t, row.name, err, remote.PhaseTLS, row.want)
		var e *remote.Error
		if errors.As(err, &e) && !strings.Contains(e.Hint, "security.ssl.rest.authentication-enabled") {
			t.Errorf("%s: hint %q", row.name, e.Hint)
		}
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/base/200":
			io.WriteString(w, ` [1]`)
		case "/base/html":
			io.WriteString(w, "<html>s3cret")
		case "/base/empty":
		case "/base/cut":
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, `{"a":`)
		case "/base/large":
			for range 100 {
				if _, err := io.WriteString(w, strings.Repeat(" ", 1000)); err != nil {
					return
				}
			}
		case "/base/headers":
			w.Header().Set("X", strings.Repeat("s3cret", 1<<15))
		default:
			var status int
			fmt.Sscanf(r.URL.Path, "/base/%d", &status)
			w.Header().Set("WWW-Authenticate", `Basic realm="s3cret"`)
			w.WriteHeader(status)
			io.WriteString(w, `{"errors":["s3cret"]}`)
		}
	})
	c := client(t, Options{URL: s.URL + "/base/", MaxBody: 10000, Auth: "admin:" + password})
	if body, err := c.Get(t.Context(), "/200?x=1"); err != nil || string(body) != " [1]" {
		t.Errorf("200: %q, %v", body, err)
	}
	for path, want := range map[string]struct {
		phase remote.Phase
		words string
	}{
		"/401": {remote.PhaseStatus, "status 401 Unauthorized"}, "/403": {remote.PhaseStatus, "status 403"}, "/404": {remote.PhaseStatus, "status 404"},
		"/500": {remote.PhaseStatus, "status 500"}, "/503": {remote.PhaseStatus, "status 503"}, "/204": {remote.PhaseStatus, "status 204"},
		"/html": {remote.PhaseDecode, "not JSON"}, "/empty": {remote.PhaseDecode, "not JSON"}, "/cut": {remote.PhaseDecode, "broke off"},
		"/large": {remote.PhaseDecode, "larger than 10000 bytes"}, "/headers": {remote.PhaseStatus, "no HTTP answer"},
	} {
		_, err := c.Get(t.Context(), path+"?q=s3cret")
		lostIn(t, path, err, want.phase, want.words)
		lostIn(t, path, err, want.phase, "GET "+s.URL+"/base"+path+": ")
	}
	var status *StatusError
	if _, err := c.Get(t.Context(), "/404"); !errors.As(err, &status) || status.Status != 404 {
		t.Errorf("404 is not told apart: %v", err)
	}
}

// TestServerThatTakesItsTime ends at the limit, wherever it hangs.
func TestServerThatTakesItsTime(t *testing.T) {
	t.Parallel()
	done := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/drip" {
			// A byte at a time keeps every timer of a single read at bay.
			for {
				if _, err := io.WriteString(w, " "); err != nil {
					return
				}
				w.(http.Flusher).Flush()
				select {
				case <-done:
					return
				case <-r.Context().Done():
					return
				case <-time.After(5 * time.Millisecond):
				}
			}
		}
		select {
		case <-done:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(done) })
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	for _, row := range []struct {
		name, url, path string
		phase           remote.Phase
	}{
		{"no answer", s.URL, "/hang", remote.PhaseStatus},
		{"an answer that never ends", s.URL, "/drip", remote.PhaseDecode},
		{"a handshake that never ends", "https://" + silent.Addr().String(), "/", remote.PhaseTLS},
	} {
		_, err := client(t, Options{URL: row.url, Timeout: 200 * time.Millisecond}).Get(t.Context(), row.path)
		lostIn(t, row.name, err, row.phase, "within 200ms")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = client(t, Options{URL: s.URL}).Get(ctx, "/hang")
	lostIn(t, "a run that ended", err, remote.PhaseDeadline, "time was over")
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	l.Close()
	_, err = client(t, Options{URL: url}).Get(t.Context(), "/overview")
	lostIn(t, "refused", err, remote.PhaseConnect, "connection refused")
	unnamed := client(t, Options{URL: "http://name.invalid:8081"})
	unnamed.http.Transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "name.invalid", IsNotFound: true}}
	}
	_, err = unnamed.Get(t.Context(), "/overview")
	var e *remote.Error
	if !errors.As(err, &e) || e.Phase != remote.PhaseResolve {
		t.Errorf("a name that is none: %v, want phase resolve", err)
	}
}

// TestRedirectLeadsNowhereElse: not to another host, port or scheme, and no
// credentials go along.
func TestRedirectLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var elsewhere []string
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		elsewhere = append(elsewhere, r.URL.Path+" "+r.Header.Get("Authorization"))
		io.WriteString(w, "{}")
	})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		to := map[string]string{
			"/port":   other.URL + "/login?state=s3cret",
			"/name":   strings.Replace(other.URL, "127.0.0.1", "localhost", 1),
			"/scheme": "https://" + r.Host + "/x",
			"/user":   "http://admin:s3cret@" + r.Host + "/here",
			"/loop":   "/loop",
			"/same":   "/here",
			"/whole":  "http://" + r.Host + "/here",
		}[r.URL.Path]
		if to == "" {
			fmt.Fprintf(w, `[%q]`, r.Header.Get("Authorization"))
			return
		}
		http.Redirect(w, r, to, http.StatusTemporaryRedirect)
	})
	for _, auth := range []string{"", "admin:" + password} {
		c := client(t, Options{URL: s.URL, Auth: auth})
		for path, words := range map[string]string{"/port": "it redirects to " + other.URL, "/name": "it redirects to http://localhost:", "/scheme": "it redirects to https://", "/user": "it redirects to"} {
			_, err := c.Get(t.Context(), path)
			lostIn(t, path, err, remote.PhaseStatus, words)
		}
		_, err := c.Get(t.Context(), "/loop")
		lostIn(t, "/loop", err, remote.PhaseStatus, "more redirects")
		for _, path := range []string{"/same", "/whole"} {
			if body, err := c.Get(t.Context(), path); err != nil || (auth != "") != strings.Contains(string(body), "Basic ") {
				t.Errorf("%s: %s, %v", path, body, err)
			}
		}
	}
	if len(elsewhere) > 0 {
		t.Errorf("another server was asked: %q", elsewhere)
	}
}

// TestOnlyGET, and no proxy of the environment.
func TestOnlyGET(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.ContentLength > 0 {
			t.Errorf("%s with %d bytes", r.Method, r.ContentLength)
		}
		io.WriteString(w, "{}")
	})
	c := client(t, Options{URL: s.URL})
	if _, err := c.Get(t.Context(), "/overview"); err != nil {
		t.Error(err)
	}
	if transport := c.http.Transport.(*http.Transport); transport.Proxy != nil || transport.TLSClientConfig.InsecureSkipVerify {
		t.Error("a proxy is used, or certificates are not verified")
	}
}
