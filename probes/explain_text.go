package probes

import (
	"regexp"
	"slices"
	"strings"
)

// textTopics are the topics that a text of the table means, the likeliest
// first: the same text has several causes where only facts of a host decide.
var textTopics = map[string][]string{
	textTooMany:     {causeOpenFiles},
	textTooManySys:  {causeOpenFiles, "nofile/file-max-near"},
	textNoSpace:     {causeDiskFull, causeInodes},
	textQuota:       {causeDiskFull},
	textDenied:      {causePermissions},
	textNotPermit:   {causePermissions, causeNoExec},
	textReadOnly:    {causeReadOnly},
	textLocalDir:    {causePermissions, causeReadOnly, causeInodes, causeDiskFull},
	textMakeDir:     {causePermissions, causeReadOnly, causeInodes, causeDiskFull},
	textCorrupt:     {causeCorrupted},
	textBadMeta:     {causeCorrupted},
	textIOError:     {causeCorrupted, "disk/io-errors"},
	textMapSegment:  {causeNoExec},
	textLibMissing:  {causeLibrary},
	textLibVersion:  {causeLibrary},
	textLibOther:    {causeLibrary},
	textLibCut:      {causeLibrary, causeDiskFull},
	textLock:        {causeLock},
	textNoThread:    {causeThreads, causeMaps, causeAddressSpace, causeMemory},
	textPthread:     {causeThreads, causeMaps, causeAddressSpace, causeMemory},
	textSystemErr:   {causeThreads, causeMaps, causeAddressSpace},
	textMapNoMem:    {causeMaps, causeAddressSpace, causeMemory},
	textMapFailed:   {causeMaps, causeAddressSpace, causeMemory},
	textNoMemory:    {causeMemory, causeMaps, causeAddressSpace},
	textCommit:      {causeMemory, causeMaps, causeAddressSpace},
	textNative:      {causeMemory, causeMaps, causeAddressSpace},
	textGuard:       {causeMaps, causeThreads},
	textReserve:     {causeAddressSpace, causeMemory},
	textZGCMaps:     {causeMaps},
	textHeap:        {causeHeap},
	textMetaspace:   {causeMetaspace},
	textDirect:      {causeDirect},
	textMissingFile: {causeMissingFile, causeMissingDirectory},
	textClosedEarly: {causeMissingFile},
	textRegTimeout:  {causeJobManager},
	textRegFailed:   {causeJobManager},
	textYarnMemory:  {causeMemory},
	textNotNative:   {"disk/network-file-system"},
}

// kernelTopics are the topics of the kinds of kernel records.
var kernelTopics = map[string][]string{
	KernelIOError:      {"disk/io-errors", causeCorrupted},
	KernelFSError:      {"disk/io-errors", causeReadOnly, causeCorrupted},
	KernelReadOnly:     {causeReadOnly},
	KernelForkRejected: {causeThreads},
	KernelFileMax:      {causeOpenFiles, "nofile/file-max-near"},
	KernelHung:         {"disk/hanging"},
	KernelOOMDaemon:    {causeMemory},
	KernelHardware:     {causeCorrupted},
}

// wrappers are what Flink says around every reason: the innermost cause below
// it counts.
var wrappers = regexp.MustCompile(`(?i)Error while (opening (RocksDB|ForSt) instance|retrieving data from RocksDB|adding data to RocksDB)|Could not restore keyed state backend|` +
	`Exception while (creating StreamOperatorStateContext|restoring keyed state)|Caught unexpected exception|Failed to build RocksDB state backend|from any of the \d+ provided restore options`)

// localPart tells a path of local files from one of a checkpoint.
var localPart = regexp.MustCompile(`/db/|job_[0-9a-f]+_op_|_uuid_`)

// ofText are the names of topics that lines of a log mean: of an exception the
// innermost cause that the table knows, of a kernel log the record.
func ofText(query string) []string {
	var found []string
	for line := range strings.Lines(query) {
		line = strings.TrimSpace(line)
		if names := ofLine(line); names != nil {
			found = names // the last is the innermost
		}
	}
	if found == nil && wrappers.MatchString(query) {
		return []string{"logs"}
	}
	return found
}

func ofLine(line string) []string {
	class, message := "", strings.TrimPrefix(line, "Caused by: ")
	// A line alone or a chain on one line: the last exception is the innermost.
	for {
		at := exceptionIn.FindStringSubmatchIndex(message)
		if at == nil {
			break
		}
		class, message = message[at[2]:at[3]], message[at[1]:]
	}
	id := textOf(class, message)
	switch {
	case id == textMissingFile && localPart.MatchString(message):
		return []string{causeMissingDirectory, causeMissingFile}
	case id == textNoThread && class == "" && strings.Contains(line, "OutOfMemoryError"):
		return textTopics[id]
	case id != "":
		return textTopics[id]
	}
	return ofKernelLine(line)
}

// exceptionIn is a class and what stands behind it, also behind another
// exception's message.
var exceptionIn = regexp.MustCompile(`(?:^|\s|:|\[)((?:[a-z_][\w$]*\.)+[A-Z][\w$]*(?:Exception|Error|Throwable))(?:: |$)`)

func ofKernelLine(line string) []string {
	if _, text, _ := (hostClock{}).split(line); text != "" {
		line = text
	}
	var b kernelReader
	b.add(0, line, "")
	switch {
	case len(b.kills) > 0 || strings.Contains(line, "invoked oom-killer"):
		return []string{causeMemory}
	case len(b.events) > 0:
		return kernelTopics[b.events[0].Kind]
	}
	return nil
}

// namedTopics are the topics of these names, in their order. A probe may have
// the name of a cause (threads): then it is the cause.
func namedTopics(topics []Topic, names []string) (found []Topic) {
	topics = causesFirst(topics)
	for _, name := range names {
		if i := slices.IndexFunc(topics, func(t Topic) bool { return t.Name == name }); i >= 0 {
			found = append(found, topics[i])
		}
	}
	return found
}
