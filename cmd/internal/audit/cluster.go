package audit

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/remote"
	"github.com/tmdoctor/tmdoctor/report"
)

// REST is a way to the answers of Flink's REST API; see
// [github.com/tmdoctor/tmdoctor/remote/flinkrest.Client].
type REST interface {
	URL() string
	Get(ctx context.Context, path string) ([]byte, error)
}

// restLimit bounds all questions to a REST API together: no host is judged
// before they are answered.
const restLimit = 15 * time.Second

var errRESTLimit = errors.New("the time for Flink's REST API is over")

// Cluster is what Flink's REST API says, asked once beside the hosts. Hosts
// that end early wait for it. A nil Cluster is one that nobody asked.
type Cluster struct {
	url   string
	asked time.Time
	done  chan struct{}
	facts *probes.ClusterFacts
	err   error
	place *probes.Placement
	hosts []inventory.Host // of the audit
	// Inventory are all hosts that the operator knows of, nil if there is no
	// inventory: then registered TaskManagers are compared with nothing. It is
	// set before the first host is judged.
	Inventory []inventory.Host
	saved     *probes.Registration // of a saved report
}

// AskCluster begins to ask, and comes back at once. hosts are those of the
// audit: the answers are placed on them by their names.
func AskCluster(ctx context.Context, rest REST, hosts []inventory.Host) *Cluster {
	c := &Cluster{url: rest.URL(), asked: time.Now().UTC(), done: make(chan struct{}), hosts: hosts}
	go func() {
		defer close(c.done)
		ctx, cancel := context.WithTimeoutCause(ctx, restLimit, errRESTLimit)
		defer cancel()
		c.facts, c.err = probes.ReadCluster(c.asked, func(path string) ([]byte, error) { return rest.Get(ctx, path) })
		if c.err == nil {
			c.place = probes.Place(c.facts, namesOf(hosts, func(h inventory.Host) (string, string) { return h.Name, h.Address }))
		}
	}()
	return c
}

// namesOf are hosts by their names and by what they are reached by.
func namesOf[H any](hosts []H, of func(H) (name, address string)) []probes.ClusterHost {
	list := make([]probes.ClusterHost, len(hosts))
	for i, h := range hosts {
		name, address := of(h)
		list[i] = probes.ClusterHost{Name: name, Names: []string{address}}
	}
	return list
}

// Err waits for the answers and is why there are none, nil if there are.
func (c *Cluster) Err() error {
	if c == nil {
		return nil
	}
	<-c.done
	return c.err
}

// Report is the piece of the report, after the last host; nil if nobody asked.
func (c *Cluster) Report() *report.Cluster {
	if c == nil {
		return nil
	}
	var lost *report.Unreachable
	if err := c.Err(); err != nil {
		lost = unreachable(err)
		if lost.Phase == string(remote.PhaseScript) { // an answer that makes no sense
			lost.Phase = string(remote.PhaseDecode)
			lost.Hint = "something else than Flink answers there: is it the JobManager's rest.port, and the path of a proxy?"
		}
	}
	said := report.NewCluster(c.url, c.asked, c.facts, c.place.Left(), lost)
	said.Registration = c.registration()
	if r := said.Registration; r != nil && r.Unclear != "" {
		said.Notes = append(said.Notes, "which hosts have no TaskManager registered cannot be told: "+r.Unclear)
	}
	return said
}

// registration compares the inventory with what is registered, after the last
// host. JobManagers of conf/masters need no TaskManager.
func (c *Cluster) registration() *probes.Registration {
	if c.saved != nil || c.Inventory == nil {
		return c.saved
	}
	var asked []string
	for _, h := range c.hosts {
		if !slices.Contains(h.Groups, inventory.Masters) || h.TaskManagers > 0 {
			asked = append(asked, h.Name)
		}
	}
	return c.place.Registration(asked, namesOf(c.Inventory, func(h inventory.Host) (string, string) { return h.Name, h.Address }))
}

// of is what the cluster says about one host; it waits for the answers.
func (c *Cluster) of(h *report.Host, f *probes.Facts) *probes.HostCluster {
	if c.Err() != nil || c == nil {
		return nil
	}
	return c.place.Of(h.Name, h.Address, f)
}

// savedCluster is the cluster of a saved report, for its hosts to be judged
// with again.
func savedCluster(saved *report.Cluster, hosts []*report.Host) *Cluster {
	c := &Cluster{url: saved.URL, asked: saved.Asked, done: make(chan struct{}), facts: saved.Facts, saved: saved.Registration}
	close(c.done)
	if c.facts == nil {
		c.err = &remote.Error{Phase: remote.PhaseDecode, Reason: "the saved report has no facts of the cluster", Hint: "ask again with --flink-url"}
		if u := saved.Unreachable; u != nil {
			c.err = &remote.Error{Phase: remote.Phase(u.Phase), Reason: u.Reason, Hint: u.Hint}
		}
		return c
	}
	c.place = probes.Place(c.facts, namesOf(hosts, func(h *report.Host) (string, string) { return h.Name, h.Address }))
	return c
}
