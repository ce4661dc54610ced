package demo

import (
	"context"
	"fmt"
	"time"
)

// Case is one host of the demonstration and what tmdoctor must say of it.
type Case struct {
	Member
	// Like is the archive that the host is made from: a name that [Archive]
	// knows.
	Like   string
	Expect Expect
}

// Expect is what the report must say of a host, in the report's own words.
type Expect struct {
	Status     string // ok, warn, fail or unknown
	Phase      string // where the host was lost, if it was
	Cause      string // the first of its causes, none if empty
	Confidence string // of Cause
	Code       string // a finding that must be there, if any
}

// Cases are the hosts of `tmdoctor demo`, in their order: a healthy majority,
// hosts that fail and hosts that cannot be asked.
func Cases() []Case {
	var cases []Case
	for i := range 20 {
		c := Case{Like: "healthy", Expect: Expect{Status: "ok"}}
		c.Name = fmt.Sprintf("tm%03d", i+1)
		c.Groups = []string{"rack1"}
		if i >= 8 {
			c.Groups = []string{"rack2"}
		}
		switch c.Name {
		case "tm003":
			c.Like = "maps-exhausted"
			c.Expect = Expect{Status: "fail", Cause: "max_map_count", Confidence: "proven", Code: "maps/exhausted"}
		case "tm005":
			c.Like = "nofile-exhausted"
			c.Expect = Expect{Status: "fail", Code: "nofile/exhausted"}
		case "tm006":
			c.Like = "inodes"
			c.Expect = Expect{Status: "fail", Code: "disk/inodes"}
		case "tm009":
			c.Like = "jobmanager-refused"
			c.Expect = Expect{Status: "fail", Code: "jobmanager/refused"}
		case "tm012":
			c.Like, c.Sudo = "sudo-denied", true
			c.Expect = Expect{Status: "ok"}
		case "tm014":
			c.Unreachable = true
			c.Expect = Expect{Status: "unknown", Phase: "connect"}
		case "tm015":
			c.ChangedKey = true
			c.Expect = Expect{Status: "unknown", Phase: "host_key"}
		case "tm016":
			c.Behave.Fault = Hang
			c.Expect = Expect{Status: "unknown", Phase: "script"}
		}
		cases = append(cases, c)
	}
	return cases
}

// StartCases starts a fleet of the cases, as of now and for the caller.
func StartCases(ctx context.Context, cases []Case) (*Fleet, error) {
	var members []Member
	for _, c := range cases {
		m := c.Member
		if m.Archive = Archive(c.Like); m.Archive == nil {
			return nil, fmt.Errorf("host %s: no archive %q", c.Name, c.Like)
		}
		members = append(members, m)
	}
	return Start(ctx, members, Caller(time.Now()))
}
