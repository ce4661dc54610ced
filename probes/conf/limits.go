package conf

import (
	"math"
	"strconv"
)

// Rlimit is a resource limit in the units of setrlimit(2): bytes, seconds or a
// count.
type Rlimit uint64

// RlimitInfinity is no limit.
const RlimitInfinity Rlimit = math.MaxUint64

// String is the limit as /proc/PID/limits prints it.
func (r Rlimit) String() string {
	if r == RlimitInfinity {
		return "unlimited"
	}
	return strconv.FormatUint(uint64(r), 10)
}

// Rlimits are a soft and a hard limit.
type Rlimits struct{ Soft, Hard Rlimit }

// Bound is one limit as it was resolved: a value, or why it cannot be known.
// The zero value is unknown.
type Bound struct {
	Value Rlimit
	Known bool
	Why   string // why it is not known; "" if it is
	At    Place  // the line that decided; the zero Place if none did
	From  string // what decided, in words: "line", "process 1", "start limits"
}

// Note is a line of a file and what is to be said about it.
type Note struct {
	At    Place
	Text  string // the line, without blanks around it; the beginning of a long one
	Why   string
	Meant string // the item that was probably meant, where the line names none that exists
}

// Step is one step on the way to a value, in the order in which the host takes
// them. At is the zero Place for a step that no line causes.
type Step struct {
	At   Place
	Text string // the line, "" without one; the beginning of a long one
	What string // what came of it
	Won  bool   // the line decides at least one of the final limits
}

// ItemLimits are what one item comes to.
type ItemLimits struct {
	Item       string
	Soft, Hard Bound
	Shadowed   []Note // lines that are for this user and item and do not decide
	Ignored    []Note // lines that were meant for this item and are skipped
	Chain      []Step
}

// LoginGroup is a group that a user is in, the primary one included.
type LoginGroup struct {
	Name string
	GID  int64
}

// LoginUser is the user whose session is opened. UID and GID are -1 where they
// are not known.
type LoginUser struct {
	Name     string
	UID, GID int64
	Groups   []LoginGroup
	// GroupsUnknown says why Groups may not be all of them; "" if they are.
	GroupsUnknown string
}

// Login is all that decides which limits a new session gets.
type Login struct {
	User  LoginUser
	Files []File // of the security directories; see Variant.VendorDirs
	// Modules are the pam_limits lines of the stack, in order; see PAMStack.
	// None means that the session keeps the start limits.
	Modules []LimitsModule
	// Variants are the builds of pam_limits that the host may have. Where they
	// disagree the value cannot be known.
	Variants []Variant
	NROpen   uint64 // fs.nr_open; 0 means not known
	// Start are the limits of the process that opens the session, by item; what
	// is missing is not known. They are not those of the shell in which su was
	// called: su of util-linux since 2.38 first lowers its own soft limit of
	// open files to 1024.
	Start map[string]Rlimits
	// PID1 are the limits of process 1, by item.
	PID1 map[string]Rlimits
	// Unprivileged is true if the process may not raise limits, as in a
	// container without CAP_SYS_RESOURCE. The golden vectors were recorded so;
	// of a host the facts do not tell it, and it is false.
	Unprivileged bool
}

// LoginLimits are what a new session gets.
type LoginLimits struct {
	Items map[string]ItemLimits
	// Refused says why no session is opened at all; "" if one is.
	Refused   string
	RefusedAt Place
	// MayRefuse are lines that refuse a session under a condition which files
	// do not tell.
	MayRefuse []Note
	Ignored   []Note // every line that is skipped, whatever it was meant for
	Variant   Variant
}

// ResolveLogin says what a new session of the user gets of every item. It
// never guesses: what the facts do not decide is a Bound with its reason.
func ResolveLogin(in Login) LoginLimits {
	if len(in.Modules) == 0 {
		return withoutModule(in)
	}
	if len(in.Variants) == 0 {
		return unknownLogin(in, "the build of pam_limits on this host is not known")
	}
	var out LoginLimits
	for i, v := range in.Variants {
		one := resolveVariant(in, v)
		if i == 0 {
			out = one
			continue
		}
		mergeLogin(&out, one)
	}
	return out
}

// resolveVariant runs the modules of the stack one after another: each starts
// with what the one before left.
func resolveVariant(in Login, v Variant) LoginLimits {
	var out LoginLimits
	start := in.Start
	for i, m := range in.Modules {
		run := newLimitsRun(in, v, m, start)
		one := run.result()
		if i > 0 {
			one = after(out, one)
		}
		out = one
		if out.Refused != "" {
			break
		}
		start = map[string]Rlimits{}
		for item, r := range out.Items {
			if r.Soft.Known && r.Hard.Known {
				start[item] = Rlimits{r.Soft.Value, r.Hard.Value}
			}
		}
	}
	return out
}

// after joins the result of a second module to that of the first: what the
// second did not touch is still the first's doing.
func after(first, second LoginLimits) LoginLimits {
	for item, r := range second.Items {
		f := first.Items[item]
		for _, b := range []struct{ now, before *Bound }{{&r.Soft, &f.Soft}, {&r.Hard, &f.Hard}} {
			if b.now.From == fromStart {
				*b.now = *b.before
			}
		}
		r.Chain = append(append([]Step{}, f.Chain...), r.Chain...)
		second.Items[item] = r
	}
	second.MayRefuse = append(append([]Note{}, first.MayRefuse...), second.MayRefuse...)
	return second
}

// mergeLogin keeps of out what holds for the other variant too.
func mergeLogin(out *LoginLimits, other LoginLimits) {
	if (out.Refused == "") != (other.Refused == "") {
		why, at, by := out.Refused, out.RefusedAt, out.Variant
		if why == "" {
			why, at, by = other.Refused, other.RefusedAt, other.Variant
		}
		out.MayRefuse = append(out.MayRefuse, Note{At: at, Why: by.Name + ": " + why})
		out.Refused, out.RefusedAt = "", Place{}
	}
	for item, r := range out.Items {
		o := other.Items[item]
		r.Soft = agree(r.Soft, o.Soft, out.Variant.Name, other.Variant.Name)
		r.Hard = agree(r.Hard, o.Hard, out.Variant.Name, other.Variant.Name)
		out.Items[item] = r
	}
}

func agree(a, b Bound, nameA, nameB string) Bound {
	switch {
	case !a.Known:
		return a
	case !b.Known:
		return b
	case a.Value == b.Value:
		return a
	}
	return Bound{At: a.At, From: a.From, Why: nameA + " gives " + a.Value.String() + ", " + nameB + " gives " + b.Value.String()}
}

// withoutModule is a session whose stack has no pam_limits.
func withoutModule(in Login) LoginLimits {
	out := LoginLimits{Items: map[string]ItemLimits{}}
	for _, item := range limitItems {
		b := startBounds(in.Start, item.name)
		out.Items[item.name] = ItemLimits{
			Item: item.name, Soft: b[0], Hard: b[1],
			Chain: []Step{startStep(in.Start, item.name), {What: "no pam_limits in the stack: limits.conf is not read"}},
		}
	}
	return out
}

func unknownLogin(in Login, why string) LoginLimits {
	out := LoginLimits{Items: map[string]ItemLimits{}}
	for _, item := range limitItems {
		b := Bound{Why: why}
		out.Items[item.name] = ItemLimits{Item: item.name, Soft: b, Hard: b, Chain: []Step{startStep(in.Start, item.name), {What: why}}}
	}
	return out
}

// FromStart is the From of a bound that the process which opens the session
// brought along.
const FromStart = "start limits"

// The words of Bound.From.
const (
	fromStart = FromStart
	fromPID1  = "process 1"
	fromLine  = "line"
)

func startBounds(start map[string]Rlimits, item string) [2]Bound {
	l, ok := start[item]
	if !ok {
		b := Bound{From: fromStart, Why: "the limits of the process that opens the session were not read"}
		return [2]Bound{b, b}
	}
	return [2]Bound{{Value: l.Soft, Known: true, From: fromStart}, {Value: l.Hard, Known: true, From: fromStart}}
}

func startStep(start map[string]Rlimits, item string) Step {
	if l, ok := start[item]; ok {
		return Step{What: "starts with soft " + l.Soft.String() + ", hard " + l.Hard.String()}
	}
	return Step{What: "what the session begins with is not known"}
}
