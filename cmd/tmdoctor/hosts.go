package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/remote"
	"github.com/tmdoctor/tmdoctor/report"
)

// resolvedHost is a host as check would reach it. Its JSON is what
// `hosts -o json` prints.
type resolvedHost struct {
	inventory.Host
	SSH   *resolvedSSH `json:"ssh"`             // null for this machine
	Error string       `json:"error,omitempty"` // why check could not even begin
	Hint  string       `json:"hint,omitempty"`
}

// resolvedSSH is what inventory, ssh_config and defaults together say.
type resolvedSSH struct {
	Address       string   `json:"address"`
	Port          int      `json:"port"`
	User          string   `json:"user"`
	Jumps         []string `json:"jumps"`
	ProxyCommand  string   `json:"proxy_command,omitempty"`
	IdentityFiles []string `json:"identity_files"`
	Certificates  []string `json:"certificate_files,omitempty"`
	Methods       []string `json:"methods,omitempty"` // those that ssh_config leaves; none is all
	KnownHosts    []string `json:"known_hosts"`
	Revoked       []string `json:"revoked_host_keys,omitempty"`
	HostKeyAlias  string   `json:"host_key_alias,omitempty"`
	Warnings      []string `json:"warnings,omitempty"`
}

func newHosts(u *ui) *cobra.Command {
	f := &hostFlags{tellOwn: true}
	var output string
	cmd := &cobra.Command{
		Use:   "hosts [PATTERN...]",
		Short: "print the resolved inventory and ssh settings; connect to nothing",
		Long: `hosts prints which hosts the patterns select and how check would reach each: what
the inventory, ssh_config and the defaults say together. It connects to nothing
and looks up no name. What of an inventory of Ansible is not used is said on
standard error, here also the variables that are your own.

` + exitOtherHelp,
		RunE: func(_ *cobra.Command, patterns []string) error {
			if output != "table" && output != "json" {
				return usagef("the formats are table, json", "-o %q is not a format", output)
			}
			hosts, err := f.resolve(u, patterns)
			if err != nil {
				return err
			}
			if output == "json" {
				b, err := json.MarshalIndent(hosts, "", "  ")
				if err != nil {
					return err
				}
				_, err = u.stdout.Write(append(report.EscapeJSON(b), '\n'))
				return err
			}
			return printHosts(u.stdout, hosts)
		},
	}
	f.addInventory(u, cmd)
	f.addSSH(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (f *hostFlags) resolve(u *ui, patterns []string) ([]resolvedHost, error) {
	selected, err := f.selectHosts(u, patterns)
	if err != nil {
		return nil, err
	}
	reach, err := f.reach(u, nil)
	if err != nil {
		return nil, err
	}
	defer reach.Close()
	hosts := make([]resolvedHost, len(selected))
	for i, h := range selected {
		hosts[i].Host = h
		if h.Local {
			continue
		}
		s, err := reach.Resolve(h)
		if err != nil {
			hosts[i].Error, hosts[i].Hint = err.Error(), hintOf(err)
			continue
		}
		hosts[i].SSH = &resolvedSSH{
			Address: s.Address, Port: s.Port, User: s.User, Jumps: jumpNames(s.Jumps), ProxyCommand: s.ProxyCommand,
			IdentityFiles: s.IdentityFiles, Certificates: s.CertificateFiles, Methods: s.Methods,
			KnownHosts: s.KnownHosts, Revoked: s.RevokedHostKeys, HostKeyAlias: s.HostKeyAlias, Warnings: s.Warnings,
		}
	}
	return hosts, nil
}

func jumpNames(jumps []remote.Settings) []string {
	names := []string{}
	for _, j := range jumps {
		name := j.HostPort()
		if j.User != "" { // else ssh says it, and only when it connects
			name = j.User + "@" + name
		}
		names = append(names, name)
	}
	return names
}

// printHosts is one line a host; what cannot be reached says why.
func printHosts(out io.Writer, hosts []resolvedHost) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "HOST\tUSER\tADDRESS\tPORT\tJUMP\tGROUPS\tFROM")
	for _, h := range hosts {
		cells := []string{h.Name, "", "", "", "", strings.Join(h.Groups, ","), h.Source}
		switch {
		case h.Error != "":
			cells[1], cells[2] = "-", h.Error
		case h.SSH == nil:
			cells[2] = "this machine, without ssh"
		default:
			cells[1], cells[2], cells[3] = h.SSH.User, h.SSH.Address, strconv.Itoa(h.SSH.Port)
			if cells[4] = strings.Join(h.SSH.Jumps, ","); h.SSH.ProxyCommand != "" {
				cells[4] = "(ProxyCommand)"
			}
		}
		for i, c := range cells {
			if cells[i] = report.Escape(c); c == "" {
				cells[i] = "-"
			}
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	return w.Flush()
}
