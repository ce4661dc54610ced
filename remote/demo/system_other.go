//go:build !unix

package demo

import (
	"fmt"
	"net"
)

func makeFIFO(name string) error {
	return fmt.Errorf("mkfifo %s: this system has no named pipes in its file system", name)
}

// deafPort is a port that nobody listened on a moment ago.
func deafPort() (port int, release func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, nil, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, func() {}, nil
}
