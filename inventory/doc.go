// Package inventory says which hosts a run is about.
//
// Its one idea: whatever the operator already has (a list of names, a YAML
// file, Flink's conf/workers) becomes the same [Host] values, and every value
// remembers the file and line it came from, so that an error or a finding can
// name them.
//
//	inv, err := inventory.Load([]string{"tmdoctor.yaml"})
//	hosts, err := inv.Select([]string{"rack1", "!tm017"})
//
// It reads files and nothing else: it resolves no name, opens no connection
// and does not read ssh_config (package remote does).
package inventory
