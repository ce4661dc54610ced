//go:build unix

package demo

import (
	"net"
	"os"
	"syscall"
)

func makeFIFO(name string) error {
	if err := syscall.Mkfifo(name, 0o644); err != nil {
		return &os.PathError{Op: "mkfifo", Path: name, Err: err}
	}
	return nil
}

// deafPort is a port of 127.0.0.1 that nobody listens on, and that nobody
// else can be given until release is called: a socket is bound to it.
func deafPort() (port int, release func(), err error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return 0, nil, os.NewSyscallError("socket", err)
	}
	syscall.CloseOnExec(fd)
	release = func() { syscall.Close(fd) }
	addr := syscall.SockaddrInet4{Addr: [4]byte(net.IPv4(127, 0, 0, 1).To4())}
	if err := syscall.Bind(fd, &addr); err != nil {
		release()
		return 0, nil, os.NewSyscallError("bind", err)
	}
	bound, err := syscall.Getsockname(fd)
	if err != nil {
		release()
		return 0, nil, os.NewSyscallError("getsockname", err)
	}
	return bound.(*syscall.SockaddrInet4).Port, release, nil
}
