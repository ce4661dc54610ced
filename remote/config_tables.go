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
		"host", "match", "hostname", "user", "port", "identityfile", "identitiesonly", "identityagent",
		"userknownhostsfile", "globalknownhostsfile", "hostkeyalias", "proxyjump", "proxycommand",
		"stricthostkeychecking", "connecttimeout", "addressfamily", "bindaddress", "ignoreunknown", "hashknownhosts",
		"tag", "certificatefile", "revokedhostkeys", "proxyusefdpass", "pubkeyauthentication", "dsaauthentication", "passwordauthentication",
		"kbdinteractiveauthentication", "challengeresponseauthentication", "skeyauthentication", "tisauthentication",
		"preferredauthentications", "batchmode",
	},
	isAlgorithm: {
		"ciphers", "macs", "kexalgorithms", "hostkeyalgorithms", "pubkeyacceptedalgorithms", "pubkeyacceptedkeytypes",
		"casignaturealgorithms", "hostbasedacceptedalgorithms", "hostbasedkeytypes", "requiredrsasize", "warnweakcrypto",
	},
	isNoted: {"pkcs11provider", "knownhostscommand"},
	isRefused: {
		"canonicalizehostname", "bindinterface", "refuseconnection", "include",
	},
	isHarmless: {
		"addkeystoagent", "canonicaldomains", "canonicalizefallbacklocal", "canonicalizemaxdots",
		"canonicalizepermittedcnames", "channeltimeout", "checkhostip", "cipher",
		"clearallforwardings", "compression", "compressionlevel", "connectionattempts", "controlmaster", "controlpath",
		"controlpersist", "dynamicforward", "enableescapecommandline", "enablesshkeysign", "escapechar",
		"exitonforwardfailure", "fingerprinthash", "forkafterauthentication", "forwardagent", "forwardx11",
		"forwardx11timeout", "forwardx11trusted", "gatewayports", "gssapiauthentication", "gssapiclientidentity",
		"gssapidelegatecredentials", "gssapikexalgorithms", "gssapikeyexchange", "gssapirenewalforcesrekey",
		"gssapiserveridentity", "gssapitrustdns", "hostbasedauthentication", "ipqos",
		"kbdinteractivedevices", "keepalive", "keychainintegration", "localcommand",
		"localforward", "loglevel", "logverbose", "nohostauthenticationforlocalhost", "numberofpasswordprompts",
		"obscurekeystroketiming", "permitlocalcommand", "permitremoteopen",
		"protocol", "rekeylimit", "remotecommand",
		"remoteforward", "requesttty", "rhostsrsaauthentication", "rsaauthentication", "securitykeyprovider", "sendenv",
		"serveralivecountmax", "serveraliveinterval", "sessiontype", "setenv", "stdinnull",
		"streamlocalbindmask", "streamlocalbindunlink", "syslogfacility", "tcpkeepalive", "tunnel",
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
	"refuseconnection":     {nil, "the file forbids connecting to this host: take it out of the inventory, or the line out of the file"},
	"include":              {nil, "write the path in full: tokens that depend on the host are expanded too late for it"},
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
