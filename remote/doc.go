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
// [Native] speaks SSH itself; [Local] is this machine. ssh_config is honoured
// or refused by FILE:LINE, never half applied: a host to which a ProxyCommand,
// a Match block or anything else that changes where or as whom we connect
// could apply is not connected to in another way than ssh would. Host keys are
// verified on every connection, jump hosts included, and no option turns that
// off.
//
// A host costs nine round trips after TCP: versions, key exchange, the
// algorithms, the service, "none", the key and its signature, the session and
// the exec with the script right behind it. Nothing in SSH lets them be fewer.
//
// It is the only package that opens connections or starts processes. It does
// not know what a script asks or what the output means; it never prints and
// never prompts (it takes callbacks for what only a person can answer). It
// runs no ssh(1), offers no passwords and no certificates, forwards no agent,
// and does not retry once a host has let us in. Another way to a host is
// another [Transport]; a script that holds back its text until the host is
// ready would be a wider [Script], fed by the function that [Native] and
// [Local] start beside the readers of both streams.
package remote
