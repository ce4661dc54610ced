package probes

import "strings"

// loginUser is how the user of TaskManagers is known where nothing else tells:
// a guess.
const loginUser = "login user"

// SessionFacts say as whom the script ran and what it was allowed.
type SessionFacts struct {
	UID    Value[int64]    `json:"uid"`
	User   Value[string]   `json:"user"`
	Groups Value[[]string] `json:"groups"`
	// Shell is what /bin/sh is on the host, as far as it tells.
	Shell Value[string] `json:"shell"`
	// Root is the directory that stood for the host, "" for a real one.
	Root Value[string] `json:"root"`
	// Sudo says for each TaskManager user whether what only that user may see
	// was read: "own" (we are that user), "root", "sudo", or why not.
	Sudo map[string]string `json:"sudo"`
	// FlinkUser is the user TaskManagers run as, and FlinkUserFrom how it was
	// found: "inventory", "running TaskManager", "newest log", "login user".
	FlinkUser     Value[string] `json:"flink_user"`
	FlinkUserFrom Value[string] `json:"flink_user_from"`
	// ClockSkew is the host's clock minus the clock of the audit, in seconds;
	// see SetClock.
	ClockSkew Value[int64] `json:"clock_skew"`
	// LegacySSH are algorithms of the connection that are no longer safe, as
	// "cipher aes128-cbc"; whoever connected tells.
	LegacySSH []string `json:"legacy_ssh,omitempty"`
	// SSH is true if the script ran in a session that sshd opened.
	SSH bool `json:"ssh,omitempty"`
	// Stuck are children of the script that could not be ended: they sit in
	// uninterruptible sleep.
	Stuck []string `json:"stuck,omitempty"`
	// Cut are lists and directories that had more than the script reads.
	Cut []string `json:"cut,omitempty"`
}

func parseSession(r Records, f *Facts) {
	s := &f.Session
	s.UID = r.Int("session.uid")
	s.User = r.String("session.user")
	s.Shell = r.String("session.shell")
	s.Root = r.String("session.root")
	s.FlinkUser = r.String("session.flink_user")
	s.FlinkUserFrom = r.String("session.flink_user_from")
	if g, ok := r.String("session.groups").Get(); ok {
		s.Groups = Known(strings.Fields(g))
	} else {
		s.Groups = Unknown[[]string](r.String("session.groups").Why())
	}
	_, s.SSH = r.String("session.ssh").Get()
	s.Stuck, s.Cut = r.All("session.stuck"), r.All("session.cut")
	s.Sudo = map[string]string{}
	for _, line := range r.All("session.sudo") {
		user, how, _ := strings.Cut(line, " ")
		s.Sudo[user] = how
	}
}
