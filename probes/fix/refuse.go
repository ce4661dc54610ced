package fix

import (
	"fmt"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// stopped is why nothing may be changed on a host at all, "" if something may.
func stopped(f *probes.Facts, s *Snapshot, o Options) string {
	marks, known := f.Maps.Boot.Get()
	switch mark := conf.ContainerMark(marks); {
	case !known:
		return "whether this host is a container is not known: " + f.Maps.Boot.Why()
	case mark != "":
		return fmt.Sprintf("this host is a container (%s): its own host has to be changed", mark)
	case s.Obstacle != "":
		return "the host cannot be changed: " + s.Obstacle
	case s.Lock != "":
		return "another fix is at work on the host: " + s.Lock
	case s.Unfinished != nil:
		return s.Unfinished.Open()
	}
	switch o.PersistIn {
	case "", PersistAuto, PersistMain, PersistDropIn, PersistBoth:
		return ""
	}
	return fmt.Sprintf("%q is no place to persist settings in", o.PersistIn)
}
