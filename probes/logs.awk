# What of a log leaves the host. Input are the lines of grep -n -B 1: NUMBER:TEXT
# where something was found, NUMBER-TEXT for the line before. Variables: name,
# what output begins with; out, 1 for standard output, which has no heads.
#
# A line that begins with a date, a brace or a level is the head of an entry. The
# lines below belong to it: of an entry of Flink's own loggers those that name an
# exception are kept, each with its innermost frame. What other loggers wrote
# stays here, whatever it looks like. Of entries that differ in numbers only the
# newest four are printed, and before them how many more there were and
# the time of the first.
#
# Old mawk knows neither classes with a name nor counts in braces, and busybox
# compiles a pattern in a variable anew for each line: @FLINK@, @HEADS@ and @KNOWN@
# are put in by the shell. The text travels in quotes: no single quote may stand here.

# put adds a line to the entry. Of an entry the first 60 are enough, whatever
# is in the file.
function put(s) {
	if (lines++ > 59) return
	entry = entry name number s "\n"
	kind = kind substr(s, 1, 300)
}

# keep adds at most MAX bytes of a line.
function keep(s, max) { put(substr(hide(s), 1, max)) }

# hide takes out what may be secret, before anything is cut off that tells it;
# the reader knows more of it. A value in quotes ends at a quote with as many
# backslashes before it as the first one has, so that what is in quotes itself, as
# in a JSON layout, stays whole. Of a line with too many such words the rest is left out.
function hide(s,  told, low, word, option, i, k, n, tries) {
	gsub(/:\/\/[^\/@ ]*:[^\/@ ]*@/, "://", s)
	# The @ may have been cut off.
	if (length(s) > 999) sub(/:\/\/[^\/@ ]*$/, "://", s)
	low = tolower(s)
	while (match(low, /pass(word|wd|phrase)?|pwd|secret|token|credential|authorization|signature|(api|access|account|private|shared).?key/)) {
		if (tries++ > 40) return told
		word = substr(low, RSTART, RLENGTH)
		i = RSTART > 40 ? RSTART - 40 : 1
		option = substr(low, i, RSTART - i) ~ /-[a-z._-]*$/
		i = RSTART + RLENGTH
		told = told substr(s, 1, i - 1)
		s = substr(s, i)
		low = substr(low, i)
		if (word ~ /^p(ass|wd)$/ && low ~ /^[a-z]/) continue
		if (!match(low, /^[a-z0-9_.-]*[\\"\047]*[ \t]*[=:][ \t]*((basic|bearer) +)?/) && (!option || !match(low, /^[a-z0-9_.-]*[ \t]+/))) continue
		told = told substr(s, 1, RLENGTH)
		s = substr(s, RLENGTH + 1)
		if (match(s, /^[\\]*"/)) {
			k = RLENGTH - 1
			told = told substr(s, 1, RLENGTH)
			s = substr(s, RLENGTH + 1)
			while (i = index(s, "\"")) {
				n = 0
				while (substr(s, i - 1 - n, 1) == "\\") n++
				if (n < k || n % (k + k + 2) == k) break
				s = substr(s, i + 1)
			}
			s = i ? substr(s, i - (n < k ? n : k)) : ""
		} else if (match(s, /^(\047[^\047]*\047?|[^ ,;&"\\]*)/)) s = substr(s, RLENGTH + 1)
		told = told "(withheld)"
		low = tolower(s)
	}
	return told s
}

# finish ends an entry.
function finish(  k, n) {
	if (entry == "") return
	gsub(/[0-9a-f]*[0-9][0-9a-f]*/, "", kind)
	k = start kind
	n = ++count[k]
	if (n == 1) first[k] = stamp
	if (n > 4) delete text[place[k, n - 4]]
	text[++last] = entry
	place[k, n] = last
	kinds[last] = k
	entry = kind = ""
	lines = 0
}

# json takes the frames of a stack but the first out of a line in a JSON layout,
# and prints the line in pieces.
function json(s,  n, i, part, line, frame) {
	gsub(/,[ ]*[{][ ]*"class"[ ]*:[^{}]*[}]/, "", s)
	n = split(s, part, /[\\](r[\\])?n/)
	line = part[1]
	for (i = 2; i <= n && length(line) < 4800; i++) {
		if (part[i] ~ /^[\\t ]+([.][.][.] |Suppressed|Caused|at )/) {
			if (frame || part[i] !~ /^([\\]t| +)at /) {
				# What follows the stack.
				if (i == n && match(part[i], /".*/)) line = line substr(part[i], RSTART)
				continue
			}
			frame = 1
		} else frame = 0
		line = line "\\n" part[i]
	}
	number = number "{"
	line = hide(substr(line, 1, 4800))
	for (i = 0; i < 9 && line != ""; i++) {
		put(substr(line, 1, 480))
		line = substr(line, 481)
	}
}

{
	if (!match($0, /^[0-9]+[:-]/)) next
	found = substr($0, RLENGTH, 1) == ":"
	number = substr($0, 1, RLENGTH - 1) ":"
	s = substr($0, RLENGTH + 1, 16384)
	# A pattern may take the square of the length of a line.
	if (s !~ /^ *[{]/) s = substr(s, 1, 1000)
}
s ~ /^([[][0-9;]*m)*[[ ]*([0-9"{(]|(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)[^A-Za-z])/ || s ~ /^[[][^]]*[]] *[[]?[0-9][0-9]/ {
	finish()
	after = 0
	head = ""
	i = index(s, " - ")
	i = substr(s, 1, i ? i : 400)
	if (s ~ /^ *[{]/) {
		# GELF has numbers for levels.
		user = s !~ /[lL]ogger(_?[nN]ame)?" *: *"@FLINK@/
		found = s ~ /"[a-z.]*(level|severity)": *("(WARN|ERROR|FATAL|warn|error)|[0-4][^0-9])/ || substr(s, 1, 1000) ~ /@HEADS@/
	} else user = i ~ /[A-Za-z_][.][A-Za-z_]/ && i !~ /(^|[^A-Za-z0-9_.]|[0-9]m)@FLINK@/ && s !~ /AppenderLoggingE/
	if (match(s, /[0-9][0-9T:., +Z-]*[0-9]/)) stamp = substr(s, RSTART, RLENGTH)
	if (found && !user && (s ~ /^[0-9[{ ]/ || s ~ /@HEADS@/)) {
		if (substr(s, 1, 1000) ~ /Starting .*[(]Version/) start = NR
		if (s ~ /^ *[{]/) json(s)
		else keep(s, 500)
		# Flink before 1.15 has the first exception on the line of the head.
		if (s ~ /[.][A-Za-z]*(Exception|Error)(:|$)/) after = 1
	} else if (!user) {
		sub(/( -|:) .*/, " - ", s)
		sub(/"message".*/, "", s)
		head = number substr(s, 1, 300)
	}
	next
}
out {
	user = 0
	if (found && s !~ /^[ \t]+at /) {
		if (s !~ /^(Caused|Wrapped) by:/) finish()
		keep(s, 500)
		after = 1
		next
	}
}
user { next }
/^[0-9]+[:-][ \t]+at / {
	if (after == 1 || s ~ /@FRAMES@/) keep(s, 300)
	after = 2
	next
}
s ~ /@KNOWN@/ {
	if (head != "") entry = name head "\n"
	head = ""
	keep(s, 500)
	after = 1
}
END {
	whole = entry != ""
	finish()
	for (i = 1; i <= last; i++) {
		if (!(i in text)) continue
		k = kinds[i]
		if (count[k] > 4 && i == place[k, count[k] - 3]) print name "0*" (count[k] - 4) " " first[k]
		printf "%s", text[i]
	}
	# What was last in the file may go on in the next.
	if (whole) print name "0&"
}
