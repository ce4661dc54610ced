package inventory

import _ "embed"

//go:embed schema/inventory.json
var schemaJSON string

// Schema is the JSON schema (draft 2020-12) of the YAML inventory, for
// editors. What needs counting or comparing (names twice, the ends of a
// range, more than [MaxHosts]) only the parser knows.
func Schema() string { return schemaJSON }
