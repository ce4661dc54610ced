//go:build !unix

package remote

import (
	"context"
	"os/exec"

	"golang.org/x/crypto/ssh"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// master is an ssh with a control socket, which there is none of here.
type master struct {
	log    *sshLog
	stderr *capture
	stop   func()
}

func (o *OpenSSH) startMaster(inventory.Host, []string) (*master, *Error) {
	return nil, &Error{Phase: PhaseConfig, Reason: "transport openssh needs the control sockets of ssh, which this system does not have",
		Hint: "leave out --transport openssh"}
}

func (m *master) login(context.Context, Limits) (*ssh.Client, *Error) { return nil, nil }

func ownSession(*exec.Cmd) {}
