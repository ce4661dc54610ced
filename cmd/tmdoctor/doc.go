// Command tmdoctor says why Apache Flink TaskManagers fail on their hosts.
//
//	tmdoctor check -i hosts.txt
//	tmdoctor why tm17 nofile -i hosts.txt
//
// It reads an inventory, runs one POSIX sh script on every host over ssh, and
// prints one table: which hosts are unhealthy and why (check), or how one limit
// came about on one host, file by file (why). Nothing is installed on the hosts
// and nothing is changed there.
//
// This package is the only one that prints, prompts or exits. A command is a
// file. What check and why share stands in ask.go: whom to ask (an inventory, a
// directory, a saved report), how, and the flags that ask so again. What may be
// said to a person stands in ui.go. The line from hosts to report is
// cmd/internal/audit.
package main
