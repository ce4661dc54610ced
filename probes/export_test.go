package probes

// WithoutComments is what assemble does to the program.
var WithoutComments = withoutComments

// ScriptParts are the parts of the program as they are written, by name.
func ScriptParts() map[string]string {
	parts := map[string]string{"prelude.sh": preludeScript, "session.sh": sessionScript, "main.sh": expand(mainScript, All)}
	for _, p := range All {
		parts[p.Name+".sh"] = p.Script
	}
	return parts
}

// ShortNames is what assemble does to names.
var ShortNames = shortNames

// WholeScript is the program with comments, and with nothing in quotes.
func WholeScript() string {
	text := preludeScript + ownerDriver(All) + sessionScript
	for _, p := range All {
		text += p.Script
	}
	return text + "words='' owners=''\n" + expand(mainScript, All)
}

// ForgetEach calls visit with every fact unknown in turn.
var ForgetEach = forgetEach
