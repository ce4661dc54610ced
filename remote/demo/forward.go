package demo

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/crypto/ssh"
)

// forward serves one direct-tcpip channel (RFC 4254, section 7.2), which is
// what makes a host a jump host. Only loopback can be reached.
func (c *conn) forward(ctx context.Context, nc ssh.NewChannel) {
	var to struct {
		Host       string
		Port       uint32
		OriginHost string
		OriginPort uint32
	}
	if err := ssh.Unmarshal(nc.ExtraData(), &to); err != nil {
		nc.Reject(ssh.ConnectionFailed, "malformed request")
		return
	}
	ip := net.ParseIP(to.Host)
	if to.Host == "localhost" {
		ip = net.IPv4(127, 0, 0, 1)
	}
	if !ip.IsLoopback() {
		nc.Reject(ssh.Prohibited, "only loopback is forwarded to")
		return
	}
	var d net.Dialer
	out, err := d.DialContext(ctx, "tcp", net.JoinHostPort(ip.String(), strconv.Itoa(int(to.Port))))
	if err != nil {
		reason := err.Error()
		if errors.Is(err, syscall.ECONNREFUSED) {
			reason = "Connection refused" // sshd's words
		}
		nc.Reject(ssh.ConnectionFailed, reason)
		return
	}
	defer out.Close()
	ch, requests, err := nc.Accept()
	if err != nil {
		return
	}
	// The end of the requests is the end of the channel: nothing written to
	// out can reach anybody, so a peer that keeps it open is not waited for.
	defer onEnd(ctx, func() { out.Close() })()
	var wg sync.WaitGroup
	wg.Go(func() { ssh.DiscardRequests(requests); out.Close() })
	wg.Go(func() { io.Copy(out, ch); out.(*net.TCPConn).CloseWrite() })
	io.Copy(ch, out)
	ch.Close()
	wg.Wait()
}
