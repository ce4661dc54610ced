package probes

import "fmt"

// Why resolves how the values of a setting came about on a host. setting is
// the name of a probe's Setting, another item of limits.conf, or any key of
// sysctl.
func Why(f *Facts, p *Policy, setting string) (Chain, error) {
	return Chain{}, fmt.Errorf("%q is not a setting", setting)
}
