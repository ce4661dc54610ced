package remote

const (
	// spareDescriptors are kept for the report, the agent, known_hosts, jump
	// hosts and the standard streams.
	spareDescriptors = 64
	// hostDescriptors are what one host at work may take: while its name is
	// looked up, a socket for each family of addresses; later one connection.
	hostDescriptors = 2
	// proxyDescriptors are what a ProxyCommand takes while it is started: three
	// pipes, and what watches the process. Hosts wait for their turn, see
	// Native.proxies.
	proxyDescriptors = 8
	// LeastDescriptors are needed to ask one host at a time.
	LeastDescriptors = 32
)

// Descriptors says how many hosts can be at work at once with the files that
// this process may open.
type Descriptors struct {
	// Limit is RLIMIT_NOFILE, 0 if it is unknown or there is none. There is no
	// soft limit to raise: package syscall has raised it to the hard one when the
	// process started (syscall/rlimit.go), and what is started here gets the old one
	// back, so that the script on this machine sees what a login gets. It is
	// tempting to set it here again: children would then keep it.
	Limit int
	// Wanted is how many hosts were to be at work at once, and Needed the limit
	// that this takes.
	Wanted, Needed int
	// Fit is how many will be: Wanted, or as many as Limit allows.
	Fit int
}

// proxyCommands is how many may be at work at once.
func proxyCommands(limit int) int {
	if limit == 0 {
		return 1 << 20
	}
	return max(1, (limit-spareDescriptors)/proxyDescriptors)
}

// Descriptors fits InFlight to what this process may open, for that many
// hosts.
func (l Limits) Descriptors(hosts int) Descriptors {
	return fitDescriptors(descriptorLimit(), max(1, min(l.withDefaults().InFlight, hosts)))
}

func fitDescriptors(limit, wanted int) Descriptors {
	d := Descriptors{Limit: limit, Wanted: wanted, Needed: spareDescriptors + hostDescriptors*wanted, Fit: wanted}
	if limit > 0 {
		d.Fit = max(1, min(wanted, (limit-spareDescriptors)/hostDescriptors))
	}
	return d
}
