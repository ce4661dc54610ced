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
// What it does not do: it gives no setting a meaning, and it follows neither
// aliases nor merge keys of YAML, which configuration of this size does not
// need and which make a small text a large one.
package conf
