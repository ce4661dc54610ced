package probes

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRegistrationComparesInventoryAndCluster(t *testing.T) {
	t.Parallel()
	tm := func(id, host string) ClusterTaskManager { return ClusterTaskManager{ID: id, Host: host} }
	none := []string{}
	for _, tt := range []struct {
		name      string
		list      []ClusterTaskManager
		inventory []ClusterHost
		cut       string
		ids       []string // TaskManagers that the facts of tm2 show
		want      Registration
	}{
		{"all are there", []ClusterTaskManager{tm("a", "tm1"), tm("b", "TM2.example.com.")}, nil, "", nil,
			Registration{NotRegistered: none, NotInInventory: none}},
		{"one is not registered, one not in the inventory", []ClusterTaskManager{tm("a", "tm1"), tm("b", "tm9"), tm("c", "tm9")}, nil, "", nil,
			Registration{NotRegistered: []string{"tm2"}, NotInInventory: []string{"tm9"}}},
		{"a host that was not asked is in the inventory", []ClusterTaskManager{tm("a", "tm1"), tm("b", "tm2"), tm("c", "tm3")}, []ClusterHost{{Name: "tm3"}}, "", nil,
			Registration{NotRegistered: none, NotInInventory: none}},
		{"by its address in the inventory", []ClusterTaskManager{tm("a", "tm1"), tm("b", "tm2"), tm("c", "10.0.0.3")}, []ClusterHost{{Name: "tm3", Names: []string{"10.0.0.3"}}}, "", nil,
			Registration{NotRegistered: none, NotInInventory: none}},
		{"by the address that it was reached by", []ClusterTaskManager{tm("a", "tm1"), tm("b", "10.0.0.2")}, nil, "", nil,
			Registration{NotRegistered: none, NotInInventory: none}},
		{"by an id that its facts show", []ClusterTaskManager{tm("a", "tm1"), tm("b", "pod-7")}, nil, "", []string{"b"},
			Registration{NotRegistered: none, NotInInventory: none}},
		{"by an address of nobody", []ClusterTaskManager{tm("a", "tm1"), tm("b", "10.9.9.9")}, nil, "", nil,
			Registration{NotRegistered: none, NotInInventory: []string{"10.9.9.9"}, Unclear: "TaskManagers are registered by addresses that no host of the inventory has: 10.9.9.9"}},
		{"as localhost", []ClusterTaskManager{tm("a", "tm1"), tm("b", "localhost"), tm("c", "127.0.1.1")}, nil, "", nil,
			Registration{NotRegistered: []string{"tm2"}, NotInInventory: none, AsLocalhost: 2}},
		{"as localhost, and its facts show which", []ClusterTaskManager{tm("a", "tm1"), tm("b", "localhost")}, nil, "", []string{"b"},
			Registration{NotRegistered: none, NotInInventory: none, AsLocalhost: 1}},
		{"localhost is a host of the inventory", []ClusterTaskManager{tm("a", "tm1"), tm("b", "tm2"), tm("c", "localhost")}, []ClusterHost{{Name: "localhost"}}, "", nil,
			Registration{NotRegistered: none, NotInInventory: none}},
		{"a path that does not tell", []ClusterTaskManager{tm("a", "")}, nil, "", nil,
			Registration{NotRegistered: none, NotInInventory: none, Unclear: "the paths of some TaskManagers do not tell their hosts"}},
		{"too many", []ClusterTaskManager{tm("a", "tm1")}, nil, "7 TaskManagers are not listed", nil,
			Registration{NotRegistered: none, NotInInventory: none, Unclear: "there are more TaskManagers than are read"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := &ClusterFacts{TaskManagers: Known(tt.list)}
			if tt.cut != "" {
				c.Cut = []string{tt.cut}
			}
			asked := []ClusterHost{{Name: "tm1"}, {Name: "tm2"}}
			p := Place(c, asked)
			facts := &Facts{}
			for _, id := range tt.ids {
				facts.Flink.TaskManagers = append(facts.Flink.TaskManagers, TaskManager{ResourceID: id})
			}
			p.Of("tm2", "10.0.0.2", facts)
			got := p.Registration([]string{"tm1", "tm2"}, append(asked, tt.inventory...))
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Errorf("Registration (-want +got):\n%s", diff)
			}
		})
	}
	if r := Place(&ClusterFacts{}, nil).Registration([]string{"tm1"}, nil); r != nil {
		t.Errorf("without an answer: %+v", r)
	}
}
