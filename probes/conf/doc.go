// Package conf reads configuration as text: no file is opened here, bytes go
// in and values with their places come out.
//
// Its one idea: every value keeps the line it stands in, because whoever is
// told that a value is wrong must be told where.
//
//	root, err := conf.YAML("policy.yaml", data) // err is a *conf.Error with FILE:LINE:COLUMN
//	for _, field := range root.Fields {
//		fmt.Println(field.Line, field.Name, field.Value)
//	}
//
// YAML is decoded here and not in package probes, so that the package which
// judges hosts depends on nothing but the standard library and this one.
//
// Beside the parsers stand the resolvers: what a setting will be when many
// files set it, and which of them wins. [SysctlBoot] is the value of a sysctl
// after the next boot, [ResolveLogin] the limits of a new session through PAM,
// [ResolveUnit] those that systemd gives to a unit, [UlimitLine] what a line of
// a start file may change, [FlinkSettings] what Flink reads. Each gives the
// whole chain of precedence, and says "cannot know" with the reason where that
// is the truth. What decides a dialect is asked here too: [SystemdVersion],
// [VariantsOf], [IsAlpine]. [ManagedBy] tells whether a program would undo an
// edit of a file.
//
// Edits are for repairs: [SetSysctl], [SetLimits], [FreeLimit], [RenameLimit]
// and [SetUnit] keep every byte that they do not mean.
//
// The resolvers are held against three things. Golden vectors are what real
// programs gave on trees of files; -golden names another directory of them.
// Reference models (*_ref_test.go) are slow and were written from the sources
// of those programs; random trees and the fuzzer compare. TestTruth runs the
// programs of Debian 11, 12 and 13 themselves on random trees, as root and only
// on demand.
//
//	go test ./probes/conf -run TestGolden -args -golden DIR
//	go test ./probes/conf -fuzz FuzzUnitAgreesWithReference
//	make truth
//
// What it does not do: it judges nothing, and it follows neither aliases nor
// merge keys of YAML, which configuration of this size does not need and which
// make a small text a large one.
package conf
