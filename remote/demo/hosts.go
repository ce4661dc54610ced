package demo

import (
	"embed"
	"strings"
)

// hosts are the hosts of the demonstration, one archive each.
//
//go:embed hosts/*.txtar
var hosts embed.FS

// HostNames are the hosts that [Archive] has, sorted.
func HostNames() []string {
	entries, err := hosts.ReadDir("hosts")
	if err != nil {
		panic(err) // it is part of this program
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".txtar"))
	}
	return names
}

// Archive is what [Unpack] makes the host of that name from; nil if there is
// none.
func Archive(name string) []byte {
	data, err := hosts.ReadFile("hosts/" + name + ".txtar")
	if err != nil {
		return nil
	}
	return data
}
