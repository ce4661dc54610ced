package probes

// All is every probe, in the order of their sections in the script and of
// their columns in a table.
var All = []*Probe{
	&Flink,
	&Host,
	&Maps,
	&NoFile,
	&AddressSpace,
	&Threads,
	&Memory,
	&State,
	&Disk,
	&JobManager,
	&Logs,
}

// ByName returns the probe of that name, nil if there is none.
func ByName(name string) *Probe {
	for _, p := range All {
		if p.Name == name {
			return p
		}
	}
	return nil
}
