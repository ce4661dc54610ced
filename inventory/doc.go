// Package inventory says which hosts a run is about.
//
// Its one idea: whatever the operator already has (a list of names, a YAML
// file, Flink's conf/workers and conf/masters, an inventory of Ansible) becomes
// the same [Host] values, and every value remembers the file and line it came
// from, so that an error or a finding can name them.
//
//	inv, err := inventory.Load([]string{"tmdoctor.yaml"})
//	hosts, err := inv.Select([]string{"rack1", "!tm017"})
//
// A command uses a [Loader], which is given the environment and standard
// input, and [Loader.Open], which finds an inventory where none is named.
// Formats are known by their content; only Flink's are known by their file
// names (workers, slaves, masters). workers:PATH, masters:PATH and ansible:PATH
// say it. One more format is one more row in the tables of load.go.
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
// # Inventories of Ansible
//
// INI, YAML, and the JSON that ansible-inventory --list prints, on standard
// input: so any dynamic inventory of Ansible is one of tmdoctor. group_vars
// and host_vars beside the file are read. The rules, precedence and ties
// included, are those of Ansible, and tests compare with ansible-inventory.
//
// What is taken is how a host is reached: ansible_host, ansible_port,
// ansible_user, ansible_ssh_private_key_file (and their other names),
// ansible_become by sudo, ansible_connection ssh or local, and of the
// arguments for ssh the jump host. All else is a [Note], once a kind. A value
// that only Ansible could evaluate (a template, a vaulted value), and that
// says how some host is reached, is an error: a guess would reach another
// host. So is what Ansible and a reader take for different values, as an
// octal port in YAML.
//
// Not read are group_vars beside a playbook, ansible.cfg and the environment:
// they belong to the place where Ansible is run.
//
// # This machine
//
// The host localhost is this machine, without ssh, if nothing says how to log
// in to it (user, port, address, identity_file, jump, transport), defaults
// included. So is a host of Ansible whose ansible_connection is local.
//
// The package reads files and nothing else: it resolves no name, opens no
// connection and does not read ssh_config (package remote does).
package inventory
