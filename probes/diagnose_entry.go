package probes

// This file tells whether an entry of a log speaks for Flink and the host, or
// for the job.

import (
	"regexp"
	"slices"
	"strings"
)

// trustedLoggers are those of Flink and what it is made of. An exception that
// another logger wrote is the job's own business.
var trustedLoggers = []string{"org.apache.flink.", "org.apache.pekko.", "akka.", "org.rocksdb", "o.a.f.", "o.a.p.", "o.apache.flink.", "o.apache.pekko.", "org.apache.hadoop.yarn"}

func (e LogEntry) trusted() bool {
	if e.Kind == LogOut || e.Kind == LogRocksDB || e.Logger == "" {
		return true
	}
	return trustedLogger(e.Logger)
}

func trustedLogger(logger string) bool {
	if strings.HasPrefix(logger, "org.apache.flink.connector") {
		return false
	}
	return slices.ContainsFunc(trustedLoggers, func(p string) bool { return strings.HasPrefix(logger, p) })
}

// platform are the packages whose frames are not the job's own code.
var platform = []string{"java.", "javax.", "jdk.", "sun.", "com.sun.", "org.apache.flink.", "org.rocksdb.", "akka.", "org.apache.pekko.", "scala.", "io.netty.",
	"org.jboss.netty.", "org.apache.commons.", "com.esotericsoftware.", "org.apache.hadoop.", "org.forstdb.", "org.slf4j.", "org.apache.logging."}

// userFrame reports whether a frame is of the job's own classes, or of a
// library that the job brought along.
func userFrame(frame string) bool {
	return !slices.ContainsFunc(platform, func(p string) bool { return strings.HasPrefix(frame, p) })
}

// jvmTexts are messages that the JVM itself gives an OutOfMemoryError,
// wherever it was allocating, also in the job's own code.
var jvmTexts = []string{"Java heap space", "GC overhead limit exceeded", "Metaspace", "Compressed class space"}

// byUser reports whether the innermost exception was thrown by the job's own
// code, whatever its message says.
func (e LogEntry) byUser() bool {
	if len(e.Chain) == 0 {
		return false
	}
	in := e.Innermost()
	if strings.HasSuffix(in.Class, ".OutOfMemoryError") &&
		slices.ContainsFunc(jvmTexts, func(t string) bool { return strings.HasPrefix(in.Message, t) }) {
		return false
	}
	if strings.HasSuffix(in.Class, "RocksDBException") && in.Frame != "" {
		return !strings.HasPrefix(in.Frame, "org.rocksdb.") && !strings.HasPrefix(in.Frame, "org.forstdb.")
	}
	if frame := e.thrownAt(); frame != "" {
		return userFrame(frame)
	}
	return userFrame(in.Class)
}

// planted reports whether the stack of an entry is not as Java prints one: the
// outermost exception always has frames of its own before its cause is told. A
// message with a stack in it has them behind.
func (e LogEntry) planted() bool {
	return len(e.Chain) > 1 && e.Chain[0].Frame == "" && e.thrownAt() != "" && e.Kind != LogREST
}

// thrownAt is the frame that threw the innermost exception, "" where none is
// known. Java leaves out frames that an exception has in common with the one
// around it: one that was made on the same line has none of its own.
func (e LogEntry) thrownAt() string {
	for _, c := range slices.Backward(e.Chain) {
		if c.Frame != "" {
			return c.Frame
		}
	}
	return ""
}

// flinkWords are in the messages of what Flink wraps around a failure of its
// own files.
var flinkWords = newMatcher(`RocksDB|ForSt|state backend|checkpoint|Checkpoint|savepoint|restore|working directory|local storage|shared state|blob|Could not load`)

// flinkFile are parts of paths that only Flink's own files have.
var flinkFile = regexp.MustCompile(`/[0-9a-f]{32}/(chk-[0-9]+|shared|taskowned)(/|$)|/job_[0-9a-f]{32}|/savepoint-[0-9a-f]{6}-|/_metadata$`)

// ofTheJob reports whether a file that cannot be opened is one of the job's
// own: Java's exception, in nothing of Flink's, and in none of its directories.
func (d *diagnosis) ofTheJob(e LogEntry, p string) bool {
	in := e.Innermost()
	if p == "" || len(e.Frames) > 0 || !strings.HasPrefix(in.Class, "java.") || !strings.Contains(e.Head, "to FAILED") ||
		flinkFile.MatchString(p) || madeByFlink.MatchString(p) || d.dirOf(p) != nil {
		return false
	}
	return !slices.ContainsFunc(e.Chain, func(c LogCause) bool {
		// A wrapper of Flink's around an operator says nothing of the file.
		return strings.Contains(c.Class, ".state.") || strings.Contains(c.Class, "heckpoint") || strings.HasPrefix(c.Class, "org.rocksdb.") ||
			c.Message != in.Message && flinkWords.match(c.Message)
	})
}

// hostClasses are the classes of exceptions that carry what the operating
// system or the JVM said.
var hostClasses = []string{"java.io.", "java.nio.", "java.net.", "java.lang.UnsatisfiedLinkError", "java.lang.OutOfMemoryError", "java.lang.InternalError",
	"java.lang.NoClassDefFoundError", "java.lang.ExceptionInInitializerError", "java.lang.Error", "java.util.concurrent.CompletionException",
	"org.rocksdb.", "org.forstdb.", "org.apache.flink.", "sun.", "io.netty.", "org.apache.pekko.", "akka.", "org.apache.hadoop."}

// text is the id of the table's text that an entry means; "" where it has
// none or where its class does not speak for the host.
func (e LogEntry) text() string {
	if e.looked {
		return e.id
	}
	in := e.Innermost()
	if in.Class != "" && !slices.ContainsFunc(hostClasses, func(p string) bool { return strings.HasPrefix(in.Class, p) }) {
		return ""
	}
	id := textOf(in.Class, in.Message)
	if id == textCorrupt && !e.damage() {
		return ""
	}
	return id
}

// damage reports whether a text about corruption is RocksDB's: Kafka, Parquet
// and others say "checksum mismatch" too.
func (e LogEntry) damage() bool {
	in := e.Innermost()
	return strings.Contains(in.Class, "RocksDBException") || e.Kind == LogRocksDB ||
		(e.Kind == LogJobManager || e.Kind == LogREST) && strings.HasSuffix(in.Class, "SerializedThrowable") && !strings.HasPrefix(in.Message, "checksum mismatch")
}

// noise are exceptions that only tell of a task that is being stopped.
var noise = newMatcher(noisePattern)

const noisePattern = `CancellationException|InterruptedException|CancelTaskException|FlinkExpectedException|TaskNotRunningException|ExecutionGraphException|RecipientUnreachable|RpcConnectionException|TaskExecutor is shutting down|JobMaster.*(gone|closed)|Disconnect from JobManager|JobManager responsible|was not found|PartitionNotFound|RemoteTransportException|LocalTransportException|ProducerFailedException|FencingTokenException|TimeoutException|registration.*declined|HeartbeatManager|EndpointNotStarted|ClosedChannel|Connection (reset|refused|unexpectedly)|AbortPolicy|Checkpoint (was declined|expired|Coordinator)|CheckpointException|TaskManager with id|JobLeaderIdActions|actor system|AskTimeout|ConnectException|UnknownHost|RegistrationTimeout|NotYetConnected`
