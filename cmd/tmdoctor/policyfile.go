package main

import (
	"os"

	"github.com/tmdoctor/tmdoctor/probes"
)

// readPolicy reads a policy file; no file is the default policy.
func readPolicy(file string) (*probes.Policy, error) {
	if file == "" {
		return nil, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, &usageError{err, "check the path after --policy"}
	}
	p, err := probes.ParsePolicy(file, b)
	if err != nil {
		return nil, &usageError{err: err}
	}
	return p, nil
}
