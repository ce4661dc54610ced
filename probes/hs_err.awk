# What an hs_err file says of limits and memory, and how many maps the process
# had. A command keeps its first word: its arguments may hold keys. Variable: name, what output begins with.
/^[0-9a-f]+-[0-9a-f]+ / { maps += below; next }
/^Dynamic lib/ { below = 1 }
/^VM Arg/ { below = 0 }
/^Command Line/ && match($0, /-Dlog[.]file=[^ ]*/) { $0 = "log_file " substr($0, RSTART + 11, RLENGTH - 11) }
/^java_command:/ { $0 = $1 " " $2 }
value || /^log_file |^# +(Native memory|Out of Memory|SIG|Internal Error|Problematic|C +)|^rlimit|max_map_count|^(MemAvailable|CommitLimit|Committed_AS|Time|java_command):/ { if (lines++ < 60) print name "line " substr($0, 1, 300) }
# Older JVMs print the limit in a line of its own.
{ value = /max_map_count.*:$/ }
END { print name "maps " maps + 0 }
