package remote

// support is what becomes of a directive of ssh_config.
type support int

const (
	isUnheard   support = iota // not a directive we know: ssh(1) refuses it, and so does this package
	isHonoured                 // applied
	isHarmless                 // cannot change where, as whom or how safely we connect
	isAlgorithm                // a preference of algorithms; ours are used
	isNoted                    // not honoured, at worst the host does not let us in; a warning
	isRefused                  // would change where or as whom we connect, or what we trust
)

// directives is every keyword of ssh_config(5) of OpenSSH 10 and the few that
// Apple and Debian add. What is left out is unheard.
var directives = tableOf(map[support][]string{
	isHonoured: {
		"host", "match", "include", "hostname", "user", "port", "identityfile", "identitiesonly", "identityagent",
		"userknownhostsfile", "globalknownhostsfile", "hostkeyalias", "proxyjump", "proxycommand",
		"stricthostkeychecking", "connecttimeout", "addressfamily", "bindaddress", "ignoreunknown", "hashknownhosts",
	},
	isAlgorithm: {
		"ciphers", "macs", "kexalgorithms", "hostkeyalgorithms", "pubkeyacceptedalgorithms", "pubkeyacceptedkeytypes",
		"casignaturealgorithms", "hostbasedacceptedalgorithms", "hostbasedkeytypes", "requiredrsasize", "warnweakcrypto",
	},
	isNoted: {"certificatefile", "pkcs11provider", "knownhostscommand"},
	isRefused: {
		"canonicalizehostname", "bindinterface", "pubkeyauthentication", "revokedhostkeys", "refuseconnection",
	},
	isHarmless: {
		"addkeystoagent", "batchmode", "canonicaldomains", "canonicalizefallbacklocal", "canonicalizemaxdots",
		"canonicalizepermittedcnames", "challengeresponseauthentication", "channeltimeout", "checkhostip", "cipher",
		"clearallforwardings", "compression", "compressionlevel", "connectionattempts", "controlmaster", "controlpath",
		"controlpersist", "dynamicforward", "enableescapecommandline", "enablesshkeysign", "escapechar",
		"exitonforwardfailure", "fingerprinthash", "forkafterauthentication", "forwardagent", "forwardx11",
		"forwardx11timeout", "forwardx11trusted", "gatewayports", "gssapiauthentication", "gssapiclientidentity",
		"gssapidelegatecredentials", "gssapikexalgorithms", "gssapikeyexchange", "gssapirenewalforcesrekey",
		"gssapiserveridentity", "gssapitrustdns", "hostbasedauthentication", "ipqos",
		"kbdinteractiveauthentication", "kbdinteractivedevices", "keepalive", "keychainintegration", "localcommand",
		"localforward", "loglevel", "logverbose", "nohostauthenticationforlocalhost", "numberofpasswordprompts",
		"obscurekeystroketiming", "passwordauthentication", "permitlocalcommand", "permitremoteopen",
		"preferredauthentications", "protocol", "proxyusefdpass", "rekeylimit", "remotecommand",
		"remoteforward", "requesttty", "rhostsrsaauthentication", "rsaauthentication", "securitykeyprovider", "sendenv",
		"serveralivecountmax", "serveraliveinterval", "sessiontype", "setenv", "skeyauthentication", "stdinnull",
		"streamlocalbindmask", "streamlocalbindunlink", "syslogfacility", "tag", "tcpkeepalive", "tunnel",
		"tunneldevice", "updatehostkeys", "usekeychain", "useprivilegedport", "userroaming", "useroaming",
		"verifyhostkeydns", "versionaddendum", "visualhostkey", "xauthlocation",
	},
})

// refusals gives each refused directive the values that change nothing and
// what to do about others.
var refusals = map[string]struct {
	fine []string
	hint string
}{
	"canonicalizehostname": {[]string{"no", "false"}, "write HostName in full, set CanonicalizeHostname no for this host, or have ssh(1) log in there: --transport openssh"},
	"bindinterface":        {nil, "use BindAddress with an address of that interface"},
	"pubkeyauthentication": {[]string{"yes", "true", "unbound", "host-bound"}, "only keys are used to log in: set PubkeyAuthentication yes for this host"},
	"refuseconnection":     {nil, "the file forbids connecting to this host: take it out of the inventory, or the line out of the file"},
	"revokedhostkeys":      {[]string{"none"}, "list the keys in known_hosts, one line each: @revoked * KEYTYPE KEY"},
	"proxycommand":         {[]string{"none"}, "write ProxyJump if it is a jump host, or have ssh(1) log in there: --transport openssh"},
}

func tableOf(lists map[support][]string) map[string]support {
	m := map[string]support{}
	for s, keys := range lists {
		for _, k := range keys {
			m[k] = s
		}
	}
	return m
}
