package probes

var jobManagerCodes = []Code{
	{
		Slug: "unresolvable", Default: Fail,
		Title:   "the JobManager's host name does not resolve on a TaskManager's host",
		Means:   `The TaskManager cannot register: "Could not resolve ResourceManager address", UnknownHostException.`,
		Measure: "getent ahosts HOST on the host",
		Source:  "Flink RetryingRegistration; getaddrinfo(3)",
		Fix:     "correct jobmanager.rpc.address, DNS or /etc/hosts",
	},
	{
		Slug: "refused", Default: Fail,
		Title:   "the JobManager's address refuses connections",
		Means:   "No process listens there: the JobManager is down, on another port, or bound to localhost. The TaskManager ends itself after taskmanager.registration.timeout.",
		Measure: "a TCP connect from the host, at most 3 s, with bash, python3, perl, nc or curl, whichever is there",
		Source:  "connect(2), ECONNREFUSED; Flink TaskManagerOptions, REGISTRATION_TIMEOUT",
		Fix:     "start the JobManager; set jobmanager.bind-host: 0.0.0.0 if it listens on 127.0.0.1 only",
	},
	{
		Slug: "timed-out", Default: Fail,
		Title:   "the JobManager's address does not answer",
		Means:   "Packets are dropped or find no route: firewall, security group, routing, a host that is down.",
		Measure: "a TCP connect from the host, at most 3 s",
		Source:  "connect(2), ETIMEDOUT, EHOSTUNREACH",
		Fix:     "open the way from TaskManager hosts to the JobManager's rpc and blob ports",
	},
	{
		Slug: "not-registered", Default: Fail,
		Title:   "a TaskManager is not registered at the ResourceManager",
		Means:   "It runs and does no work. Where the address answers, the names may differ: the JobManager drops messages that name it otherwise than jobmanager.rpc.address does.",
		Measure: "the newest line about registration in the TaskManager's log is a failure",
		Source:  "Flink RetryingRegistration, TaskExecutor; Pekko remoting",
		Fix:     "use the same spelling of jobmanager.rpc.address everywhere; then restart the TaskManager",
	},
	{
		Slug: "bound-to-localhost", Default: Fail,
		Title:   "the configuration is for a single host",
		Means:   "Flink ships jobmanager.rpc.address, jobmanager.bind-host and taskmanager.host as localhost: no other host can reach it.",
		Measure: "the address that the TaskManager uses; jobmanager.bind-host on a host with a JobManager",
		Source:  "Flink conf/config.yaml as shipped",
		Fix:     "set jobmanager.rpc.address to the JobManager's host everywhere and jobmanager.bind-host: 0.0.0.0 on it",
	},
}
