// Command tmdoctor says why Apache Flink TaskManagers fail on their hosts.
//
//	tmdoctor check -i hosts.txt
//
// It reads an inventory, runs one POSIX sh script on every host over ssh, and
// prints one table: which hosts are unhealthy and why. Nothing is installed on
// the hosts and check changes nothing there.
//
// This package is the only one that prints, prompts or exits. A command is a
// file; what it may say to a person stands in ui.go. The line from hosts to
// report is cmd/internal/audit.
package main
