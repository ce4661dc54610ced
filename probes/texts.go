package probes

import "strings"

// Text is one text that Flink, RocksDB, the JVM or the kernel writes when
// something fails, or that marks a start or a success. This table is the only
// place that knows them: the filter that runs on the host is generated from
// it, and the judge classifies by it.
//
// A pattern is a POSIX extended regular expression that Go's regexp reads
// alike, and travels inside double quotes of the script, which itself travels
// in single quotes: no quote, dollar sign, backquote or doubled backslash.
type Text struct {
	ID      string
	Pattern string
	// Host is true for texts that must be looked for by themselves. The others
	// stand on lines that are kept anyway: exceptions, and warnings and errors
	// of Flink's own loggers.
	Host bool
	// Class, if not "", is what the innermost exception's class must contain.
	Class string
}

// The ids of texts by which the judge decides.
const (
	textTooMany     = "too-many-open-files"
	textTooManySys  = "too-many-open-files-in-system"
	textNoSpace     = "no-space"
	textQuota       = "quota"
	textDenied      = "permission-denied"
	textNotPermit   = "not-permitted"
	textReadOnly    = "read-only"
	textLocalDir    = "local-dir"
	textMakeDir     = "make-dir"
	textCorrupt     = "corruption"
	textBadMeta     = "bad-metadata"
	textMapSegment  = "map-segment"
	textLibMissing  = "library-missing"
	textLibVersion  = "library-version"
	textLibCut      = "library-cut"
	textLibOther    = "library-other"
	textLock        = "lock"
	textNoThread    = "no-thread"
	textMapNoMem    = "map-no-memory"
	textNoMemory    = "cannot-allocate"
	textMapFailed   = "map-failed"
	textHeap        = "heap"
	textMetaspace   = "metaspace"
	textDirect      = "direct"
	textMissingFile = "missing-file"
	textRegTimeout  = "registration-timeout"
	textRegFailed   = "registration-failed"
	textClosedEarly = "closed-early"
	textIOError     = "io-error"
	textYarnMemory  = "yarn-memory"
	textNotNative   = "no-hard-links"

	textCommit    = "commit-memory"
	textNative    = "native-allocation"
	textGuard     = "guard-pages"
	textPthread   = "pthread-create"
	textSystemErr = "system-error"
	textReserve   = "jvm-reserve"
	textZGCMaps   = "zgc-maps"
)

// Texts is the table. Order matters: the first that matches an innermost
// message names it. Sources: RocksDB env/io_posix.cc, env/fs_posix.cc,
// table/format.cc, db/version_set.cc; Flink EmbeddedRocksDBStateBackend,
// RocksDBOperationUtils, TaskExecutor, RegistrationTimeoutException; OpenJDK
// os_linux.cpp, os_posix.cpp, debug.cpp; glibc strerror and dl-load.c.
var Texts = []Text{
	{ID: textRegFailed, Host: true, Pattern: `Could not resolve (ResourceManager|JobManager) address|Registration at ResourceManager (failed|was declined|attempt)|Could not connect to (rpc|ResourceManager)|heartbeat of ResourceManager|Association with remote system|Could not connect[.] Waiting for`},
	{ID: textYarnMemory, Host: true, Pattern: `beyond .*memory limit`},
	{ID: textCommit, Host: true, Pattern: `os::commit_memory\(.*errno=12`},
	{ID: textNative, Host: true, Pattern: `Native memory allocation \((mmap|malloc)\) failed|insufficient memory for the Java Runtime`},
	{ID: textGuard, Host: true, Pattern: `ttempt to (de)?(allocate|protect|unguard) stack guard pages failed|to (de)?allocate stack guard pages failed`},
	{ID: textPthread, Host: true, Pattern: `pthread_create failed \(EAGAIN\)|Failed to start the native thread`},
	{ID: textSystemErr, Host: true, Pattern: `what\(\): +Resource temporarily unavailable|Fatal glibc error: failed to register TLS destructor`},
	{ID: textReserve, Host: true, Pattern: `Could not reserve enough space|Could not allocate (compressed class space|metaspace)|Failed to reserve memory for metaspace`},
	{ID: textZGCMaps, Host: true, Pattern: `number of memory mappings per process might be too low`},

	{ID: textTooManySys, Pattern: `Too many open files in system`},
	{ID: textTooMany, Pattern: `Too many open files`},
	{ID: textQuota, Pattern: `Disk quota exceeded`},
	{ID: textNoSpace, Pattern: `No space left on device`},
	{ID: textReadOnly, Pattern: `Read-only file system`},
	{ID: textMapSegment, Pattern: `failed to map segment from shared object`},
	{ID: textLibVersion, Pattern: `version .(GLIBC|GLIBCXX|CXXABI)[A-Za-z_0-9.]*. not found|wrong ELF class|Exec format error|Error relocating|Error loading shared library|symbol not found|undefined symbol|cannot enable executable stack`, Class: "UnsatisfiedLinkError"},
	{ID: textLibCut, Pattern: `file too short|invalid ELF header|ELF load command|file truncated`, Class: "UnsatisfiedLinkError"},
	{ID: textLibMissing, Pattern: `cannot open shared object file`},
	{ID: textMapNoMem, Pattern: `[Ww]hile mmap file for read: |MMap failed on `},
	{ID: textNoMemory, Pattern: `Cannot allocate memory|Not enough space`},
	{ID: textLock, Pattern: `[Ww]hile lock file: |lock hold by current process`},
	{ID: textDenied, Pattern: `Permission denied|AccessDeniedException`},
	{ID: textLocalDir, Pattern: `Local DB files directory .* does not exist and cannot be created`},
	{ID: textMakeDir, Pattern: `Could not create (RocksDB data directory|the working directory|working directory for RocksDB)|Failed to create directory for shared state`},
	{ID: textNotNative, Pattern: `[Ww]hile link file to .*(Not supported|not permitted|Invalid cross-device)`},
	{ID: textNotPermit, Pattern: `Operation not permitted`},
	{ID: textIOError, Pattern: `Input/output error|Structure needs cleaning|Stale file handle|StaleFile`},
	{ID: textCorrupt, Pattern: `checksum mismatch|Bad table magic number|file is too short \(|Sst file size mismatch|Corrupt or unsupported format_version|truncated block read|Corrupted (compressed block|Key|[Kk]ey)|CURRENT file (corrupted|does not end)|Missing SST footer|corrupted record|bad block contents|unknown WriteBatch tag|Can.t access .*(sst|ldb): IO error`},
	{ID: textBadMeta, Pattern: `Unexpected magic number|Incompatible version: found [-0-9]+, compatible|Cannot deserialize.*savepoint|Corrupt.*_metadata`},
	{ID: textNoThread, Pattern: `unable to create (new )?native thread`},
	{ID: textMapFailed, Pattern: `^Map failed`},
	{ID: textHeap, Pattern: `Java heap space|GC overhead limit exceeded|Requested array size exceeds VM limit`},
	{ID: textMetaspace, Pattern: `OutOfMemoryError: Metaspace|^Metaspace|Compressed class space`},
	{ID: textDirect, Pattern: `Direct buffer memory|Cannot reserve [0-9]+ bytes of direct buffer memory|failed to allocate [0-9]+ byte.*direct memory`},
	{ID: textMissingFile, Pattern: `No such file or directory|NoSuchFileException|File does not exist|NoSuchKey|The specified key does not exist`},
	{ID: textRegTimeout, Pattern: `Could not register at the ResourceManager within`},
	{ID: textLibOther, Pattern: `already loaded in another classloader|rocksdbjni.* not found|no rocksdbjni|not found inside JAR`},
	{ID: textClosedEarly, Pattern: `Cannot register Closeable, registry is already closed`},
}

// Marks are what a log says of a process's life, in the same form as Texts.
var Marks = []Text{
	{ID: "start", Host: true, Pattern: `Starting (TaskManager|YARN TaskExecutor|Kubernetes TaskExecutor|[A-Za-z]*ClusterEntrypoint|Standalone[A-Za-z]*)[A-Za-z ]*\(Version`},
	{ID: "limit", Host: true, Pattern: `Maximum number of open file descriptors is`},
	{ID: "resource", Host: true, Pattern: `Starting TaskManager with ResourceID`},
	{ID: "registered", Host: true, Pattern: `Successful registration at resource manager`},
	{ID: "task", Host: true, Pattern: `switched from [A-Z]+ to (RUNNING|FAILED|FINISHED|CANCELED)`},
	{ID: "checkpoint", Host: true, Pattern: `Completed checkpoint [0-9]+ `},
	{ID: "declined", Host: true, Pattern: `asynchronous part of checkpoint [0-9]+ could not be completed|Could not complete snapshot`},
	{ID: "local-copy", Host: true, Pattern: `Found registered local state for checkpoint`},
	{ID: "signal", Host: true, Pattern: `RECEIVED SIGNAL [0-9]+`},
}

// frames keep, of a stack, the frames that say what was being done: the
// checkpoint that was written or downloaded.
const frames = `at .*(FsCheckpointStreamFactory|FsCheckpointStateOutputStream|RocksDBStateDownloader|ForStStateDownloader|StateUploader|Checkpoints[.]load|DefaultCompletedCheckpointStoreUtils)`

// Exceptions, at the head of a line, as a cause, or as that for which the JVM
// ends (-XX:+ExitOnOutOfMemoryError), or of log4j itself, and warnings and errors of
// Flink itself, whatever the layout. What other loggers write stays on the
// host.
const (
	exceptions = `^(Caused by|Wrapped by): |^[a-z][a-z0-9_]*[.][^ ]*(Exception|Error|Throwable|Closed)|^[A-Z][^ :]*(Exception|Error)(:| )|due to java.lang.OutOfMemoryE|AppenderLoggingE`
	flinkName  = `(org[.]apache[.](flink|pekko|hadoop[.]yarn)|akka|o[.]a[.][fp]|o[.]apache[.][fp])[a-z]*[.]`
	// Level and logger in either order, a thread in brackets between them.
	warnings = `(WARN|ERROR|FATAL)(ING)?.*([^A-Za-z0-9_.]|[0-9]m)` + flinkName + `|` + flinkName + `[^ ]* +([[][^]]*[]] *)?[[]?(WARN|ERROR|FATAL)`
)

// knownPattern are the lines without a head of their own that leave the host:
// exceptions, and texts that stand alone.
func knownPattern() string {
	return strings.Join(append([]string{exceptions}, alone(Texts)...), "|")
}

// headPattern are the lines with a head that do, beside those of knownPattern.
func headPattern() string {
	return strings.Join(append([]string{warnings}, alone(Marks)...), "|")
}

func alone(list []Text) (patterns []string) {
	for _, t := range list {
		if t.Host {
			patterns = append(patterns, t.Pattern)
		}
	}
	return patterns
}

var textMatchers = compileTexts(Texts)

var markMatchers = compileTexts(Marks)

func compileTexts(texts []Text) []matcher {
	var patterns []string
	for _, t := range texts {
		patterns = append(patterns, t.Pattern)
	}
	return newMatchers(patterns...)
}

// textOf is the id of the first text that a class and its message match, ""
// for none.
func textOf(class, message string) string {
	lexicon := textMatchers[0].lexicon
	ofClass, ofMessage := lexicon.in(class), lexicon.in(message)
	for i := range textMatchers {
		m, t := &textMatchers[i], &Texts[i]
		if t.Class != "" && !strings.Contains(class, t.Class) {
			continue
		}
		if m.matchKnowing(message, ofMessage) || m.matchKnowing(class, ofClass) {
			return t.ID
		}
	}
	return ""
}

// markOf is the id of the mark that a line bears, "" for none.
func markOf(line string) string {
	words := markMatchers[0].lexicon.in(line)
	for i := range markMatchers {
		if markMatchers[i].matchKnowing(line, words) {
			return Marks[i].ID
		}
	}
	return ""
}
