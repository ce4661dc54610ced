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
// is the truth. Edits ([SetSysctl], [SetLimits]) keep every byte that they do
// not mean.
//
// The resolvers are held against golden vectors, which real programs gave on
// trees of files, and against slow models that were written from the sources of
// those programs, on random trees:
//
//	go test ./probes/conf -run TestGolden -args -golden DIR
//	go test ./probes/conf -fuzz FuzzUnitAgreesWithReference
//
// What it does not do: it judges nothing, and it follows neither aliases nor
// merge keys of YAML, which configuration of this size does not need and which
// make a small text a large one.
package conf
