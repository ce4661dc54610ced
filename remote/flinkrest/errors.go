package flinkrest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/tmdoctor/tmdoctor/remote"
)

// lost is a request that brought nothing. The path of a request is ours; its
// query is left out.
func (c *Client) lost(path string, phase remote.Phase, reason, hint string, cause error) error {
	path, _, _ = strings.Cut(path, "?")
	return &remote.Error{Phase: phase, Reason: "GET " + c.url.String() + path + ": " + reason, Hint: hint, Err: cause}
}

// ended says that time was over, or the whole run.
func (c *Client) ended(ctx context.Context, path string, phase remote.Phase) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, errSlow) {
		err := c.lost(path, phase, fmt.Sprintf("%s within %v", slowIn[phase], c.timeout), hintOf(phase), cause).(*remote.Error)
		err.Kind = remote.KindTimeout
		return err
	}
	err := c.lost(path, remote.PhaseDeadline, "time was over in phase "+string(phase), "", cause).(*remote.Error)
	err.Kind = remote.KindCanceled
	return err
}

// slowIn is what did not come to its end in each phase.
var slowIn = map[remote.Phase]string{
	remote.PhaseResolve: "the name was not resolved", remote.PhaseConnect: "no connection", remote.PhaseTLS: "no TLS handshake",
	remote.PhaseStatus: "no answer", remote.PhaseDecode: "the answer did not end",
}

func hintOf(phase remote.Phase) string {
	switch phase {
	case remote.PhaseConnect:
		return "is the port open from here? rest.bind-address is localhost in Flink's own configuration: use a tunnel, ssh -L 8081:localhost:8081 JOBMANAGER"
	case remote.PhaseStatus, remote.PhaseDecode:
		return "the JobManager is slow or stuck: look at its log"
	}
	return ""
}

// noAnswer sorts the errors of a request by phase. Texts of the http package
// are not repeated: they quote URLs of redirects.
func (c *Client) noAnswer(ctx context.Context, path string, phase remote.Phase, err error) error {
	var (
		other  *elsewhere
		dns    *net.DNSError
		record tls.RecordHeaderError
		op     *net.OpError
	)
	switch {
	case errors.As(err, &other):
		return c.lost(path, remote.PhaseStatus, other.Error(), "if that is Flink's REST API, give it as --flink-url; if it is a page to log in, go around the proxy", nil)
	case ctx.Err() != nil:
		return c.ended(ctx, path, phase)
	case errors.As(err, &dns):
		return c.lost(path, remote.PhaseResolve, "the name "+c.url.Hostname()+" has no address", "check the name in the URL", err)
	case errors.Is(err, errRedirects):
		return c.lost(path, remote.PhaseStatus, errRedirects.Error(), "", nil)
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return c.lost(path, remote.PhaseTLS, "the server does not speak TLS", "give http:// in place of https://", err)
	case errors.As(err, &op) && op.Op == "remote error": // an alert of TLS: of 1.3 it comes behind the handshake
		return c.lost(path, remote.PhaseTLS, "the server ended the TLS session: "+op.Err.Error(), clientCertificate, err)
	case certificateText(err) != "":
		return c.lost(path, remote.PhaseTLS, certificateText(err), "give the certificate of the authority that signed it with --flink-ca-file FILE, and the name that it is for in the URL", err)
	case phase == remote.PhaseTLS:
		return c.lost(path, remote.PhaseTLS, "the TLS handshake failed: "+innermost(err), clientCertificate, err)
	case errors.As(err, &op) && op.Op == "dial":
		return c.lost(path, remote.PhaseConnect, innermost(err), hintOf(remote.PhaseConnect), err)
	case phase == remote.PhaseStatus && c.url.Scheme == "https": // a reset may have overtaken the alert
		return c.lost(path, remote.PhaseStatus, "the server gave no HTTP answer", "is it the JobManager's rest.port? "+clientCertificate, err)
	case phase == remote.PhaseStatus:
		return c.lost(path, remote.PhaseStatus, "the server gave no HTTP answer", "is it the JobManager's rest.port, and http or https?", err)
	}
	return c.lost(path, phase, "no answer", hintOf(phase), err)
}

const clientCertificate = "does the server ask for a certificate of the client (security.ssl.rest.authentication-enabled)? tmdoctor has none"

// certificateText says what is wrong with a certificate, "" for any other
// error.
func certificateText(err error) string {
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		verify  *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &unknown):
		return "the certificate is signed by an authority that is not trusted"
	case errors.As(err, &name):
		return "the certificate is for another name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate has expired, or is not valid yet"
	case errors.As(err, &invalid), errors.As(err, &verify):
		return "the certificate is not valid"
	}
	return ""
}

// innermost is the error of the system below those of Go's network, such as
// "connection refused".
func innermost(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return "the connection was lost"
}

// refused is an answer with another status than 200. Its body is not shown:
// it is anybody's text.
func (c *Client) refused(path string, status int) error {
	hint := ""
	switch {
	case status == http.StatusUnauthorized && c.auth.user == "":
		hint = "give --flink-auth-file FILE (mode 0600, one line USER:PASSWORD) or " + AuthEnv
	case status == http.StatusUnauthorized:
		hint = "the user or password is not accepted: check the auth file or " + AuthEnv
	case status == http.StatusBadRequest && c.url.Scheme == "http":
		hint = "does the server want https://?"
	case status == http.StatusForbidden:
		hint = "the user may not read this: ask whoever runs the proxy"
	case status == http.StatusNotFound:
		hint = "is it the JobManager's rest.port, and the path of a proxy?"
	case status >= 500:
		hint = "the JobManager is not ready (it may be electing a leader), or a proxy does not reach it: ask again, look at its log"
	}
	return c.lost(path, remote.PhaseStatus, fmt.Sprintf("status %d %s", status, http.StatusText(status)), hint, &StatusError{status})
}

// StatusError is the cause of an answer with another status than 200.
type StatusError struct{ Status int }

func (e *StatusError) Error() string { return fmt.Sprintf("status %d", e.Status) }
