package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/remote/flinkrest"
)

// registeredLimit bounds the question who is registered.
const registeredLimit = 10 * time.Second

// whom are the hosts that check asks: those of the patterns. Where the
// operator has no inventory and names no host, they are those of the
// TaskManagers that are registered at --flink-url. An inventory that there is
// is never widened so: what is registered and not in it is a finding, and not
// a host to log in to.
func (f *checkFlags) whom(ctx context.Context, u *ui, client *flinkrest.Client, patterns []string) ([]inventory.Host, error) {
	hosts, err := f.hosts(u, patterns)
	var none *inventory.NoInventoryError
	if client == nil || len(patterns) > 0 || !errors.As(err, &none) {
		return hosts, err
	}
	ctx, cancel := context.WithTimeout(ctx, registeredLimit)
	defer cancel()
	list, err := probes.ReadTaskManagers(func(path string) ([]byte, error) { return client.Get(ctx, path) })
	if err != nil {
		return nil, &usageError{fmt.Errorf("%w; and who is registered at %s cannot be read: %w", none, client.URL(), err), hintOf(err)}
	}
	inv, err := registeredHosts(list, "REST "+client.URL()+" /taskmanagers")
	if err != nil {
		return nil, &usageError{err: err}
	}
	if len(inv.Hosts) == 0 {
		return nil, usagef("name hosts, or a file with -i", "%w; and at %s no TaskManager is registered by a name of its own", none, client.URL())
	}
	f.known = inv.Hosts
	return inv.Hosts, nil
}

// registeredHosts are the hosts of TaskManagers, each once. Those whose name
// does not tell where they are (localhost) cannot be asked: they are findings.
func registeredHosts(list []probes.ClusterTaskManager, source string) (*inventory.Inventory, error) {
	var hosts []inventory.Host
	index := map[string]int{}
	for _, t := range list {
		if !t.Located() {
			continue
		}
		i, ok := index[t.Host]
		if !ok {
			i = len(hosts)
			index[t.Host] = i
			hosts = append(hosts, inventory.Host{Name: t.Host, Source: source})
		}
		hosts[i].TaskManagers++
	}
	return inventory.New(hosts)
}
