// Package flinkrest reads answers of Flink's REST API.
//
// Its one idea: it is a way to get bytes and nothing else. [Client.Get] asks
// for one path and gives the body of the answer, or a [remote.Error] that says
// in which phase it was lost (resolve, connect, tls, status, decode), of which
// URL, and what to do. What to ask and what the answers mean is decided by
// others, who bound and decode them.
//
//	client, err := flinkrest.New(flinkrest.Options{URL: "https://jm1:8081", CAFile: "ca.pem"})
//	if err != nil {
//		return err // a URL or file that cannot be meant
//	}
//	defer client.Close()
//	body, err := client.Get(ctx, "/jobs/overview")
//
// # What it promises
//
// It sends GET requests and no others. A certificate is always verified, by
// the system's roots or by the CA file alone; nothing turns that off. A user
// and a password come from a file that only its owner reads, or from the
// caller's environment, never from the URL; they are sent only over TLS or to
// this machine, and stand in no error. Each request and each body has a bound
// in time and in bytes that no server can move.
//
// Redirects are followed only within the scheme, name and port of the URL: a
// JobManager of Flink 1.13 or later answers for its leader and redirects to
// nobody, so one that leads elsewhere is a proxy's, often to a page to log in.
// The error names where it leads, for the user to decide.
//
// The proxies of the environment (HTTPS_PROXY and the like) are not used: a
// JobManager is an inside service, and a proxy that was set for the world
// outside would see every request.
package flinkrest
