package report

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
)

// maxFolds bounds how many different findings are kept apart. A fleet has
// tens; a host that sends texts without end must not fill our memory.
const maxFolds = 2000

// Fold is one thing that is wrong on one or more hosts: a finding, a check
// that is unknown for one reason, or a reason why hosts were not reached.
type Fold struct {
	Status probes.Status
	// Code is the code of the finding; for a check that is unknown the probe,
	// for hosts that were not reached the phase.
	Code string
	// Message has nothing of a single host in it: no pid, no usage, no address.
	Message string
	// Names are the hosts in order of arrival.
	Names []string
	// Remedy is what to do on the first host, and Same is true if that is
	// what to do on all of them.
	Remedy string
	Same   bool
	// Waived is the waiver of a finding that was accepted.
	Waived *probes.Waiver

	kind foldKind
	// unexplained is true if it says something that the likely and proven
	// causes of one of its hosts do not: it then needs a line of its own.
	unexplained bool
	// order is the place of the probe among the checks: the first often
	// explains those behind it.
	order int
	own   string // the message with what is the first host's own
}

// text is the message: as the host had it, while there is only one.
func (f *Fold) text() string {
	if len(f.Names) == 1 && f.own != "" {
		return f.own
	}
	return f.Message
}

// Hosts are the names as ranges: tm[003-017,022].
func (f *Fold) Hosts() string { return inventory.Fold(f.Names) }

type foldKind int

const (
	foldFinding foldKind = iota
	foldCheck
	foldPhase
	foldNewKey
)

// folds collects Folds host by host.
type folds struct {
	byKey map[foldKey]*Fold
	list  []*Fold
	// lost are findings that came when the list was full.
	lost int
}

type foldKey struct {
	kind    foldKind
	status  probes.Status
	code    string
	message string
	waived  bool
}

// add folds all that is wrong with a host.
func (fs *folds) add(h *Host) {
	if u := h.Unreachable; u != nil {
		fs.addUnreachable(h, u)
		return
	}
	explained := explainedProbes(h)
	for i := range h.Findings {
		f := &h.Findings[i]
		if strings.HasPrefix(f.Code, causePrefix) {
			continue // the causes have a section of their own
		}
		fs.put(h.Name, squashNothing, Fold{
			Status: f.Status, Code: f.Code, Message: cmp.Or(f.Message, f.Code),
			Remedy: f.Remedy, Waived: f.Waived, unexplained: len(explained) == 0 || f.Status == probes.Fail && !explained[f.Probe],
			order: slices.IndexFunc(h.Checks, func(c probes.Check) bool { return c.Probe == f.Probe }),
		})
	}
	spared := fs.addNoProcesses(h)
	for i := range h.Checks {
		if c := &h.Checks[i]; (c.Status == probes.StatusUnknown || c.Status.Rank() == 0 && !known(c.Status)) && !spared[c.Probe] {
			fs.put(h.Name, squashDigits, Fold{
				Status: probes.StatusUnknown, Code: c.Probe, kind: foldCheck, order: i,
				Message: reasonOf(c),
			})
		}
	}
}

// noProcesses is what probes/main.sh says of all that it could not ask on a
// host that cannot fork.
const noProcesses = "the host refuses to start processes"

// addNoProcesses folds the checks that could not be made for want of processes
// into one, and says which those are: it is one thing that is wrong.
func (fs *folds) addNoProcesses(h *Host) map[string]bool {
	spared := map[string]bool{}
	var names []string
	for i := range h.Checks {
		if c := &h.Checks[i]; c.Status == probes.StatusUnknown && strings.Contains(c.Reason, noProcesses) {
			names, spared[c.Probe] = append(names, c.Probe), true
		}
	}
	if len(names) > 0 {
		fs.put(h.Name, squashNothing, Fold{
			Status: probes.StatusUnknown, Code: names[0], kind: foldCheck, Message: strings.Join(names, ", ") + ": " + noProcesses,
			Remedy: "a limit of processes is reached: compare nproc of the login user, pids.max of its slice and kernel.pid_max with ps -eLf on the host",
		})
	}
	return spared
}

// reasonOf is why a check is unknown, with its name once: the setting of nofile
// is called so too.
func reasonOf(c *probes.Check) string {
	reason := cmp.Or(briefly(c.Reason), "no reason was given")
	if strings.HasPrefix(reason, c.Probe+" (") {
		return reason
	}
	return c.Probe + ": " + reason
}

// explainedProbes are the probes whose failures the likely and proven causes
// of a host account for; empty if it has no such cause.
func explainedProbes(h *Host) map[string]bool {
	names := map[string]bool{}
	for i := range h.Causes {
		if strength(h.Causes[i].Confidence) < strength(probes.Likely) {
			continue
		}
		for j := range probes.CauseDocs {
			if d := &probes.CauseDocs[j]; d.Name == h.Causes[i].Cause {
				names[d.Probe] = true
			}
		}
	}
	return names
}

// briefly is the reason of an unknown check with the facts of one cause
// together and without pids: "uid, limits: not collected" for
// "taskmanagers.4711.uid: not collected; taskmanagers.4711.limits: not
// collected". What is not written so stays as it is.
func briefly(reason string) string {
	var whys []string
	facts := map[string][]string{}
	for part := range strings.SplitSeq(reason, "; ") {
		fact, why, ok := strings.Cut(part, ": ")
		if !ok || strings.ContainsAny(fact, " \t") {
			fact, why = "", part
		}
		if !slices.Contains(whys, why) {
			whys = append(whys, why)
		}
		if name := factName(fact); name != "" && !slices.Contains(facts[why], name) {
			facts[why] = append(facts[why], name)
		}
	}
	for i, why := range whys {
		if names := facts[why]; len(names) > 0 {
			whys[i] = strings.Join(names, ", ") + ": " + why
		}
	}
	return strings.Join(whys, "; ")
}

// known says whether s is one of the statuses at all.
func known(s probes.Status) bool {
	_, err := probes.ParseStatus(string(s))
	return err == nil
}

const causePrefix = "cause/"

func (fs *folds) addUnreachable(h *Host, u *Unreachable) {
	f := Fold{
		Status: probes.StatusUnknown, Code: u.Phase, kind: foldPhase,
		Message: u.Phase + ": " + withoutHost(u.Reason, u.Phase, h), Remedy: u.Hint,
		own: u.Phase + ": " + u.Reason,
	}
	switch {
	case u.Phase != phaseHostKey:
	case unknownKey(u):
		f.kind, f.own, f.Remedy = foldNewKey, "", ""
		f.Message = "the host key is in no known_hosts file: --accept-new records it"
	case u.Kind == "changed_key":
		f.Message = u.Phase + ": the host key has changed"
	}
	// Hosts with the same reason and other hints are not lost for the same.
	var hint string
	if f.own != "" && u.Phase != phaseHostKey {
		hint = squashNumbers(withoutHost(u.Hint, u.Phase, h))
	}
	fs.put(h.Name, func(s string) string { return squashNumbers(s) + "\x00" + hint }, f)
}

const phaseHostKey = "host_key"

// unknownKey recognises a host key that was never seen, also in a saved
// report, which has no Kind. In phase jump it is the key of a jump host.
func unknownKey(u *Unreachable) bool {
	if u.Kind != "" {
		return u.Kind == "unknown_key"
	}
	return u.Phase == phaseHostKey && strings.Contains(u.Hint, "--accept-new")
}

// ofAHost is what a reason has of one host: an IP address with or without a
// port, or its own name (already HOST) with a port.
var ofAHost = regexp.MustCompile(`\b\d{1,3}(\.\d{1,3}){3}\b(:\d+)?|\[[0-9a-fA-F:]+(%\w+)?\](:\d+)?|HOST:\d+`)

// withoutHost takes the host's own name and addresses out of a reason or a
// hint, so that the same folds. What is said of a jump host stays.
func withoutHost(reason, phase string, h *Host) string {
	for _, own := range []string{h.Address, h.Name} {
		if len(own) > 2 {
			reason = strings.ReplaceAll(reason, own, "HOST")
		}
	}
	if phase == "jump" {
		return reason
	}
	return ofAHost.ReplaceAllLiteralString(reason, "HOST")
}

// put adds a host to a Fold, or begins one. like reduces the message to what
// makes two the same.
func (fs *folds) put(name string, like func(string) string, f Fold) {
	key := foldKey{f.kind, f.Status, f.Code, like(f.Message), f.Waived != nil}
	old := fs.byKey[key]
	if old != nil {
		old.Names = appendHost(old.Names, name)
		old.Same = old.Same && old.Remedy == f.Remedy
		old.unexplained = old.unexplained || f.unexplained
		return
	}
	if len(fs.list) == maxFolds {
		fs.lost++
		return
	}
	if fs.byKey == nil {
		fs.byKey = map[foldKey]*Fold{}
	}
	f.Names, f.Same = []string{name}, true
	fs.byKey[key] = &f
	fs.list = append(fs.list, &f)
}

// sorted are the Folds, what matters most first.
func (fs *folds) sorted() []*Fold {
	slices.SortStableFunc(fs.list, func(a, b *Fold) int {
		return cmp.Or(
			cmp.Compare(foldRank(b), foldRank(a)),
			cmp.Compare(len(b.Names), len(a.Names)),
			cmp.Compare(a.kind, b.kind),
			cmp.Compare(a.order, b.order),
			cmp.Compare(a.Code, b.Code),
			cmp.Compare(a.Message, b.Message))
	})
	return fs.list
}

func foldRank(f *Fold) int {
	if f.Waived != nil {
		return 0
	}
	return f.Status.Rank()
}

func squashNothing(s string) string { return s }

// ownNumber is a number that is of one host: a port, a process, a size. One
// that belongs to a name (diffie-hellman-group14-sha1), an exit status or a limit
// is more than that.
var ownNumber = regexp.MustCompile(`\b\d{4,}\b`)

// squashNumbers makes every such number one sign.
func squashNumbers(s string) string { return ownNumber.ReplaceAllLiteralString(s, "#") }

// squashDigits makes every run of digits one sign.
func squashDigits(s string) string {
	if !strings.ContainsAny(s, "0123456789") {
		return s
	}
	var b strings.Builder
	in := false
	for i := range len(s) {
		digit := s[i] >= '0' && s[i] <= '9'
		if !digit {
			b.WriteByte(s[i])
		} else if !in {
			b.WriteByte('#')
		}
		in = digit
	}
	return b.String()
}
