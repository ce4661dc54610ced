package demo

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Case is one host of the demonstration and what tmdoctor must say of it.
type Case struct {
	Member
	// Title is what the host shows, in a few words.
	Title string
	// Like is the archive that the host is made from: a name that [Archive]
	// knows.
	Like   string
	Expect Expect
}

// Expect is what the report must say of a host, in the report's own words. An
// empty field of the first three is a claim too: that there is none.
type Expect struct {
	Status     string // ok, warn, fail or unknown
	Phase      string // where the host was lost
	Cause      string // the first of its causes
	Confidence string // of Cause: proven or likely
	Code       string // a finding that must be there, beside that of the cause
	NotSeen    string // part of a reason why something could not be seen, with --sudo
}

// String is the expectation in the words of a report.
func (e Expect) String() string {
	words := []string{e.Status}
	if e.Phase != "" {
		words = append(words, "unreachable in phase "+e.Phase)
	}
	if e.Cause != "" {
		words = append(words, "cause "+e.Cause+" "+e.Confidence)
	}
	if e.Code != "" {
		words = append(words, "finding "+e.Code)
	}
	if e.NotSeen != "" {
		words = append(words, "not seen: "+e.NotSeen)
	}
	return strings.Join(words, ", ")
}

// fleetSize is the number of hosts of the demonstration, in two racks.
const fleetSize = 28

// Cases are the hosts of `tmdoctor demo`, in their order: a healthy majority,
// each row of the runbook, and hosts that cannot be asked. The host that hangs
// is among the first, so that waiting for it costs no time of its own.
func Cases() []Case {
	special := specialCases()
	cases := make([]Case, fleetSize)
	for i := range cases {
		name := fmt.Sprintf("tm%03d", i+1)
		c, ok := special[name]
		if !ok {
			c = Case{Title: "a healthy host", Expect: Expect{Status: "ok"}}
		}
		if c.Like == "" {
			c.Like = "healthy"
		}
		c.Name = name
		c.Groups = []string{"rack1"}
		if i >= fleetSize/2 {
			c.Groups = []string{"rack2"}
		}
		cases[i] = c
	}
	return cases
}

// specialCases are the hosts that are not just healthy, by name.
func specialCases() map[string]Case {
	return map[string]Case{
		"tm002": {
			Title: "takes the script and never answers", Member: Member{Behave: Behaviour{Fault: Hang}},
			Expect: Expect{Status: "unknown", Phase: "script"},
		},
		"tm003": {
			Title: "runbook 1: memory maps", Like: "maps-exhausted",
			Expect: Expect{Status: "fail", Cause: "max_map_count", Confidence: "proven", Code: "maps/exhausted"},
		},
		"tm005": {
			Title: "runbook 2: open files", Like: "open-files",
			Expect: Expect{Status: "fail", Cause: "open_files", Confidence: "proven", Code: "nofile/exhausted"},
		},
		"tm007": {
			Title: "runbook 3: address space", Like: "address-space",
			Expect: Expect{Status: "fail", Cause: "address_space", Confidence: "proven", Code: "address-space/vmem-line"},
		},
		"tm008": {
			Title: "runbook 4: killed for want of memory", Like: "oom-killed",
			Expect: Expect{Status: "fail", Cause: "out_of_memory", Confidence: "proven", Code: "memory/taskmanager-oom-killed"},
		},
		"tm010": {
			Title: "a value that a reboot takes away", Like: "not-persistent",
			Expect: Expect{Status: "warn", Code: "maps/not-persistent"},
		},
		"tm011": {
			Title: "sudo refuses to look", Like: "sudo-denied", Member: Member{Sudo: true},
			Expect: Expect{Status: "ok", NotSeen: "sudo refuses it"},
		},
		"tm014": {
			Title: "runbook 5: damaged local state", Like: "corrupted-state",
			Expect: Expect{Status: "fail", Cause: "corrupted_state", Confidence: "proven", Code: "disk/io-errors"},
		},
		"tm015": {
			Title: "runbook 6: no inode left", Like: "inodes",
			Expect: Expect{Status: "fail", Cause: "inodes", Confidence: "proven", Code: "disk/inodes"},
		},
		"tm017": {
			Title: "runbook 6: state directory of another user", Like: "not-writable",
			Expect: Expect{Status: "fail", Cause: "permissions", Confidence: "proven", Code: "disk/not-writable"},
		},
		"tm018": {
			Title: "runbook 7: JobManager unreachable", Like: "jobmanager-refused",
			Expect: Expect{Status: "fail", Cause: "jobmanager_unreachable", Confidence: "proven", Code: "jobmanager/refused"},
		},
		"tm020": {
			Title: "two TaskManagers, one sick", Like: "two-taskmanagers",
			Expect: Expect{Status: "fail", Cause: "heap_memory", Confidence: "likely", Code: "cause/heap-memory"},
		},
		"tm022": {
			Title: "nobody listens", Member: Member{Unreachable: true},
			Expect: Expect{Status: "unknown", Phase: "connect"},
		},
		"tm024": {
			Title: "its host key has changed", Member: Member{ChangedKey: true},
			Expect: Expect{Status: "unknown", Phase: "host_key"},
		},
	}
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
