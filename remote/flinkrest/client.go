package flinkrest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tmdoctor/tmdoctor/remote"
)

// Client asks one REST API. It may be used by several goroutines.
type Client struct {
	url     *url.URL
	auth    credentials
	timeout time.Duration
	most    int64
	http    *http.Client
}

// maxRedirects is how many are followed, within one host.
const maxRedirects = 3

// New opens no connection yet; an error is an [OptionError].
func New(o Options) (*Client, error) {
	u, err := parseURL(o.URL)
	if err != nil {
		return nil, err
	}
	auth, err := readCredentials(o)
	if err != nil {
		return nil, err
	}
	if auth.user != "" && u.Scheme == "http" && !onThisMachine(u) {
		return nil, refuse("give https://, or a tunnel of ssh that ends on localhost", "a password would go to %s unencrypted", u.Host)
	}
	roots, err := readRoots(o.CAFile)
	if err != nil {
		return nil, err
	}
	if roots != nil && u.Scheme == "http" {
		return nil, refuse("give https://, or leave the CA file out", "a CA file was given for %s, which has no certificate", u)
	}
	c := &Client{url: u, auth: auth, timeout: o.Timeout, most: o.MaxBody}
	if c.timeout <= 0 {
		c.timeout = DefaultTimeout
	}
	if c.most <= 0 {
		c.most = DefaultMaxBody
	}
	c.http = &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil, // see doc.go
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true, // a small answer must not become a large one
			MaxIdleConnsPerHost:    8,
			IdleConnTimeout:        time.Minute,
		},
		CheckRedirect: c.redirect,
	}
	return c, nil
}

// URL is the URL that was given, without anything secret.
func (c *Client) URL() string { return c.url.String() }

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Get is the body of the answer to a path such as "/jobs/overview", which may
// have a query. An error is a *[remote.Error].
func (c *Client) Get(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, errSlow)
	defer cancel()
	progress := newProgress()
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, progress.trace()), http.MethodGet, c.url.String()+path, nil)
	if err != nil {
		return nil, c.lost(path, remote.PhaseConnect, "is not a URL", "", err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "tmdoctor")
	if c.auth.user != "" {
		req.SetBasicAuth(c.auth.user, c.auth.password)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.noAnswer(ctx, path, progress.phase(), err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, c.refused(path, res.StatusCode)
	}
	return c.body(ctx, path, res.Body)
}

// body reads an answer that is JSON and not too large.
func (c *Client) body(ctx context.Context, path string, r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, c.most+1))
	switch {
	case int64(len(b)) > c.most:
		return nil, c.lost(path, remote.PhaseDecode, fmt.Sprintf("the answer is larger than %d bytes", c.most), "", nil)
	case ctx.Err() != nil:
		return nil, c.ended(ctx, path, remote.PhaseDecode)
	case err != nil:
		return nil, c.lost(path, remote.PhaseDecode, "the answer broke off", "", err)
	}
	if first := bytes.TrimLeft(b, " \t\r\n"); len(first) == 0 || first[0] != '{' && first[0] != '[' {
		return nil, c.lost(path, remote.PhaseDecode, "the answer is not JSON", "something else than Flink answers there: is it the JobManager's rest.port, and the path of a proxy?", nil)
	}
	return b, nil
}

// redirect follows one only within the scheme, host and port of the URL. Go
// itself would hand credentials on to another port and to names below.
func (c *Client) redirect(req *http.Request, via []*http.Request) error {
	if req.URL.Scheme != c.url.Scheme || !strings.EqualFold(req.URL.Host, c.url.Host) || req.URL.User != nil {
		return &elsewhere{to: req.URL.Scheme + "://" + req.URL.Host}
	}
	if len(via) > maxRedirects {
		return errRedirects
	}
	return nil
}

// elsewhere is a redirect that is not followed; the path and query of where it
// leads may hold secrets of a log-in.
type elsewhere struct{ to string }

func (e *elsewhere) Error() string { return "it redirects to " + e.to }

var errRedirects = errors.New("more redirects than are followed")

// errSlow is the cause of a request that took longer than Options.Timeout.
var errSlow = errors.New("no answer in time")

// progress is how far a request has come.
type progress struct{ at atomic.Value }

func newProgress() *progress {
	p := &progress{}
	p.at.Store(remote.PhaseConnect)
	return p
}

func (p *progress) phase() remote.Phase { return p.at.Load().(remote.Phase) }

func (p *progress) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSStart:          func(httptrace.DNSStartInfo) { p.at.Store(remote.PhaseResolve) },
		ConnectStart:      func(string, string) { p.at.Store(remote.PhaseConnect) },
		TLSHandshakeStart: func() { p.at.Store(remote.PhaseTLS) },
		GotConn:           func(httptrace.GotConnInfo) { p.at.Store(remote.PhaseStatus) },
	}
}
