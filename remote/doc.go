// Package remote runs a script on many hosts.
//
// Its one idea: every host ends in exactly one [Result], whatever its server
// does: one that never answers, floods, lies or dies costs its own deadline
// and nothing else. [Result.Err] says "did not run to completion, conclude
// nothing"; a script that ran and exited with status 1 is not an error.
//
//	native, err := remote.NewNative(remote.Options{AskPassphrase: ask})
//	if err != nil {
//		return err // FILE:LINE of an ssh_config that ssh refuses too
//	}
//	defer native.Close()
//	runner := &remote.Runner{Transport: native}
//	for res := range runner.Run(ctx, hosts, script) {
//		...
//	}
//
// [Native] speaks SSH itself; [OpenSSH] logs in with ssh(1), for what only it
// can do; [Local] is this machine; [Choice] is the one that the inventory names
// for a host. One suite tests them all. Native honours ssh_config or refuses it
// by FILE:LINE, and never half applies it: it is resolved in ssh's own order,
// Match blocks included, and where a block of which only ssh can tell if it
// holds would change where or as whom we connect, nothing is connected to. No
// command is run to find out; a ProxyCommand is run to connect. Host keys are
// verified on every connection, jump hosts included, and no option turns that
// off.
//
// [OpenSSH] runs one ssh a connection, which authenticates and opens no
// session, but waits at a control socket in a private directory. Sessions go
// through that socket by the code of Native: what a host says, and how much of
// it, is the same for both. It is tempting to run ssh once for each session
// instead: its standard error then mixes the host's words with its own, status
// 255 is the script's or its own, and each is a login. ssh asks nobody
// (BatchMode, no terminal), forwards nothing, and ends with us, even where we
// are killed. [OpenSSH.Run] goes through a ControlMaster of the user's where
// one is running; [OpenSSH.Connect] never does, as it is to show that a login
// works.
//
// A password logs in only where a person can be asked (Options.AskLogin), after
// the keys were refused, and under the same rule as that of sudo below. While a
// person is asked, no deadline runs.
//
// A host costs nine round trips after TCP: versions, key exchange, the
// algorithms, the service, "none", the key and its signature, the session and
// the exec with the script right behind it. Nothing in SSH lets them be fewer.
//
// It is gentle. New connections are paced by [Limits].Rate, and logins at once
// are bounded for each address, network and jump host, besides key exchanges for
// the processor here. Who waits for such a place has not connected yet, and only
// by its own time; who is silent gives its places back but those of its address.
// Jump hosts are connected to once, however many hosts are behind them. What may
// be over in a moment is tried twice more, with jitter, before authentication
// only; what was refused is not tried again in a run, unless [TryAgain] asks for
// it.
//
// What changes a host is a [Program], and is spoken with: [Connector] gives a
// [Conn] that stays open, on which scripts and programs run one after the
// other, each in a session of its own, and [Talk] says lines to a program and
// waits for its answers. A program that is to run as root becomes so by sudo,
// and none of its text is sent before a shell of root's has said READY with a
// nonce. A password (Options.AskSudo) is sent when sudo asks for it and at no
// other time: once to a host, to one host after the other until one has taken
// it, and to none after one has not. It is in no argument, environment, log or
// error. Where sudo asks again it is killed on the host, so that even PAM
// counts one failed attempt.
//
//	conn, err := native.Connect(ctx, host)
//	if err != nil {
//		return err
//	}
//	defer conn.Close()
//	talk, err := conn.Start(ctx, remote.Program{Text: text, Root: true, End: end})
//	if err != nil {
//		return err // nothing of the text was sent
//	}
//	if _, err := talk.Until(ctx, "applied"); err != nil {
//		return err // it may have begun; the program saw the end of its input
//	}
//	talk.Say(ctx, "keep")
//	res := talk.Wait(ctx)
//
// It is the only package that opens connections or starts processes. It does
// not know what a script asks or what the output means; it never prints and
// never prompts (it takes callbacks for what only a person can answer). It
// forwards no agent, knows no other way to root than sudo, and does not retry
// once a host has let us in. Another way to a host is another [Transport] or
// [Connector].
package remote
