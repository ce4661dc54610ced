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
// A command uses a [Loader], which is given the environment and standard
// input, and [Loader.Open], which finds an inventory where none is named.
// Formats are known by their content; only Flink's is known by its file name
// (workers, slaves) or by workers:PATH. One more format is one more row in
// the table of load.go.
//
// # One host in several places
//
//   - In one plain list a word is all that is said of a host: the same host
//     twice must be the same word, else it is an error with both places.
//   - In one YAML file, and across files, what only one place says holds, and
//     two values of one setting are an error with both places. So conf/workers
//     can name the hosts and a YAML file how to log in to them. Defaults and
//     groups act on the hosts that their own file names.
//   - In conf/workers each repeat is one more TaskManager; the numbers of
//     several files add up.
//
// # Precedence in YAML
//
// A host's own setting holds before that of an inner group, that before the
// groups around it, those before the defaults. Labels do so name by name, lists
// as a whole. Two groups of which neither is inside the other and that
// contradict each other are an error, unless the host says itself what holds.
//
// # This machine
//
// The host localhost is this machine, without ssh, if nothing says how to log
// in to it (user, port, address, identity_file, jump, transport), defaults
// included.
//
// The package reads files and nothing else: it resolves no name, opens no
// connection and does not read ssh_config (package remote does).
package inventory
