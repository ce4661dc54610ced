package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/tmdoctor/tmdoctor/cmd/internal/audit"
	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/remote/flinkrest"
)

// restFlags say where Flink's REST API is and how it is reached.
type restFlags struct {
	url, caFile, authFile string
}

func (f *restFlags) addREST(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.url, "flink-url", "", "ask Flink's REST API at `URL` too: exceptions of failing jobs, state backend, checkpoints; a user or password in the URL is refused")
	flags.StringVar(&f.caFile, "flink-ca-file", "", "certificates in PEM `FILE` to trust for an https --flink-url, in place of the system's")
	flags.StringVar(&f.authFile, "flink-auth-file", "", "`FILE` with USER:PASSWORD for --flink-url, that only its owner may read; else $"+flinkrest.AuthEnv)
}

// check refuses flags that mean nothing together.
func (f *restFlags) check(saved bool) error {
	switch {
	case f.url == "" && f.caFile+f.authFile != "":
		return usagef("add --flink-url http://HOST:8081", "--flink-ca-file and --flink-auth-file are for --flink-url, which is missing")
	case f.url != "" && saved:
		return usagef("leave --flink-url out: a saved report is judged with what the API said then", "--from and --flink-url cannot be together")
	}
	return nil
}

// open is the client of the API that the flags name, nil for none.
func (f *restFlags) open(u *ui) (*flinkrest.Client, error) {
	if f.url == "" {
		return nil, nil
	}
	client, err := flinkrest.New(flinkrest.Options{URL: f.url, CAFile: f.caFile, AuthFile: f.authFile, Auth: u.getenv(flinkrest.AuthEnv)})
	var option *flinkrest.OptionError
	if errors.As(err, &option) {
		return nil, &usageError{err, option.Hint}
	}
	return client, err
}

// askCluster begins to ask the API, if there is a client; stop ends that.
func askCluster(ctx context.Context, client *flinkrest.Client, hosts []inventory.Host) (cluster *audit.Cluster, stop func()) {
	if client == nil {
		return nil, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	cluster = audit.AskCluster(ctx, client, hosts)
	return cluster, func() {
		cancel()
		_ = cluster.Err() // nothing of it outlives the run
		client.Close()
	}
}

// words are the flags for the next command to type.
func (f *restFlags) words() []string {
	words := flagWords("--flink-url", f.url)
	words = append(words, flagWords("--flink-ca-file", f.caFile)...)
	return append(words, flagWords("--flink-auth-file", f.authFile)...)
}
