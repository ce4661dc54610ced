package probes

// Diagnose ranks why RocksDB, or the TaskManager around it, fails on this
// host: the most probable cause first, none if nothing on the host shows one.
func Diagnose(f *Facts, findings []Finding) []Cause {
	return []Cause{}
}

// causeFindings makes each likely or proven cause a finding cause/NAME, so
// that a host with a cause is never ok; possible causes and history add none.
func causeFindings(causes []Cause, p *Policy) []Finding {
	return nil
}
