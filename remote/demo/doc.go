// Package demo is a small fleet inside this process, reached over real SSH.
//
// Its one idea: a host is a directory tree and an SSH server on loopback, and
// the server does one thing only: it runs the script it is given over that
// tree. So `tmdoctor demo` goes through the very same code as `tmdoctor
// check`, and a test can have any host, healthy or hostile, in a line:
//
//	s, err := demo.Listen(demo.Host{
//		Name:           "tm001",
//		Root:           dir,                        // stands for the host
//		AuthorizedKeys: []ssh.PublicKey{operator},
//		Behave:         demo.Behaviour{Fault: demo.Hang},
//	})
//	defer s.Close()
//
// [Unpack] makes the tree from one txtar archive, [Start] a whole fleet with
// key, ssh configuration, known_hosts and inventory in one private directory,
// and [Cases] are the hosts of the demonstration with what must be said of
// each. A new sick host is a short archive in hosts/ that begins with `like
// healthy`, and a line in Cases.
//
// A clean end is the caller's: the context of Start ends a start that is under
// way, and [Fleet.Close] may be called from any place and any number of times.
//
// The server executes nothing but the command `exec /bin/sh -s`, and of the
// program on its standard input it replaces the first line (root= and an empty
// word) by one with the directory of the host. A program that begins otherwise is refused, because
// it would look at the machine the demo runs on. Input may stay open, as a
// conversation needs it; who leaves in the middle of one leaves the program the
// end of its input and the time to put things right.
//
// What it does not do: it is no general SSH server (no terminal, no shell, no
// files, no passwords), it listens on nothing but loopback, it forwards to
// nothing but loopback, and it does not confine the script: the program runs
// as the caller, and a rooted program keeps to its root by its own rules.
package demo
