package probes

// causePrefix begins the code of a finding that a cause makes.
const causePrefix = "cause/"

// The names of causes: those of the runbook, and neighbours of them.
const (
	causeMaps             = "max_map_count"
	causeOpenFiles        = "open_files"
	causeAddressSpace     = "address_space"
	causeMemory           = "out_of_memory"
	causeCorrupted        = "corrupted_state"
	causePermissions      = "permissions"
	causeInodes           = "inodes"
	causeDiskFull         = "disk_full"
	causeReadOnly         = "read_only"
	causeNoExec           = "noexec"
	causeJobManager       = "jobmanager_unreachable"
	causeThreads          = "threads"
	causeHeap             = "heap_memory"
	causeDirect           = "direct_memory"
	causeMetaspace        = "metaspace"
	causeLock             = "lock_held"
	causeLibrary          = "native_library"
	causeMissingDirectory = "missing_directory"
	causeMissingFile      = "missing_checkpoint_file"
	causeUserCode         = "user_code"
)

// causeOrder is the order of causes with the same confidence: what explains
// others comes first.
var causeOrder = []string{
	causeOpenFiles, causeMaps, causeAddressSpace, causeThreads, causeMemory, causeReadOnly, causeNoExec, causeInodes, causeDiskFull, causePermissions,
	causeMissingFile, causeCorrupted, causeDirect, causeHeap, causeMetaspace, causeLibrary, causeLock, causeMissingDirectory, causeJobManager, causeUserCode,
}

// CauseDoc is what there is to say about a cause, whatever the host.
type CauseDoc struct {
	Name  string // as in Cause.Cause: "open_files"
	Title string // one line, lower case
	Means string // what goes wrong
	Shown string // what shows it: texts, facts
	Fix   string // what to do by hand
	// Proves is what makes it proven, Neighbours what it is mistaken for.
	Proves, Neighbours string
	// Restart says whether a TaskManager has to be started again.
	Restart string
	// Starts says whether the fix differs by what starts a TaskManager: the item
	// of a limit, "start" for a start alone, "" where it does not.
	Starts string
	// Words are what people search for.
	Words []string
	// Row is the row of the runbook, 1 to 7; 0 for a neighbour of them.
	Row int
	// Probe is the probe that measures it.
	Probe string
}

// causeDoc is the document of a cause, nil for a name that is none.
func causeDoc(name string) *CauseDoc {
	for i := range CauseDocs {
		if CauseDocs[i].Name == name {
			return &CauseDocs[i]
		}
	}
	return nil
}

// CauseDocs are the causes that Diagnose may name.
var CauseDocs = []CauseDoc{
	{
		Name: causeMaps, Row: 1, Probe: "maps", Title: "the TaskManager has used up its memory maps",
		Means:      "The kernel refuses a process more maps than vm.max_map_count. Flink's RocksDB reads its files with pread and maps none, so this is rare: threads (two maps each), ZGC, mapped buffers or a RocksDBOptionsFactory with allow_mmap_reads use them up. The JVM then aborts; a RocksDBException is the exception.",
		Shown:      "As many maps in /proc/PID/maps or under Dynamic libraries in hs_err_pidN.log as vm.max_map_count; in .out os::commit_memory ... errno=12, or Attempt to deallocate stack guard pages failed; while mmap file for read: ... Cannot allocate memory; Map failed. 65530 alone, the kernel's default, is no cause.",
		Fix:        "sysctl -w vm.max_map_count=262144 works at once, without a restart; for the next boot a line in a file below /etc/sysctl.d. Never lower a greater value.",
		Words:      []string{"vm.max_map_count", "65530", "262144", "sysctl -w", "sysctl -p", "mmap", "Map failed", "errno=12"},
		Proves:     "An hs_err file of the TaskManager that lists as many maps as vm.max_map_count, or a process that holds them now; or a map was refused and the limit is below what any TaskManager needs.",
		Neighbours: "threads and address_space have the same texts (unable to create native thread, errno=12): there the maps are few. out_of_memory: memory is not free. 65530 with some hundred maps in use explains nothing.",
		Restart:    "No restart is needed: the sysctl holds at once for processes that run. A JVM that aborted is to be started again.",
	},
	{
		Name: causeOpenFiles, Row: 2, Probe: "nofile", Title: "the TaskManager may not open more files",
		Means:      "RocksDB keeps every SST file open, about one descriptor for each 64 MB of state. At the limit of the process every open fails. What counts is the limit of the running JVM, which is not ulimit -n of your shell.",
		Shown:      "Too many open files as the innermost cause (While open a file for appending, while open a file for lock, While opendir), and Max open files in /proc/PID/limits or the start line Maximum number of open file descriptors is N. Too many open files in system is fs.file-max, of the whole host.",
		Fix:        "soft and hard nofile 65536 for its user in /etc/security/limits.conf where it is started by ssh or login, LimitNOFILE=65536 where it is a systemd unit (limits.conf does not reach it), --ulimit for a container; then restart it from a new session.",
		Words:      []string{"ulimit -n", "nofile", "Too many open files", "65536", "limits.conf", "LimitNOFILE", "IO error while opening RocksDB"},
		Proves:     "The text, and a limit of the process (/proc/PID/limits, or its own start line) that is below the floor or nearly used up. After the failure the process is below its limit again: few files in use now refute nothing.",
		Neighbours: "Too many open files in system is fs.file-max, not nofile. cannot open shared object file: Too many open files looks like native_library. jobmanager_unreachable may follow from it: sockets are files.",
		Restart:    "A restart is needed, from a new session: a process keeps the limits it was started with. prlimit --pid PID --nofile=65536:65536, as root, changes the one that runs at once.", Starts: "nofile",
	},
	{
		Name: causeAddressSpace, Row: 3, Probe: "address-space", Title: "the virtual memory of the TaskManager is limited",
		Means:      "RLIMIT_AS bounds the address space, of which a JVM reserves much more than it uses: it cannot map or make a thread while the host has memory. ulimit -m, the resident size, is ignored by Linux; an item vmem does not exist in limits.conf.",
		Shown:      "A finite Max address space in /proc/PID/limits or AS in the rlimit line of hs_err; errno=12, Native memory allocation (malloc) failed, unable to create native thread; often no log at all, because the start script's helper JVM fails.",
		Fix:        "remove the as line from limits.conf and limits.d, LimitAS= from the unit, ulimit -v from start scripts; then restart from a new session. Deleting a vmem line changes nothing.",
		Words:      []string{"ulimit -m", "ulimit -v", "vmem", "virtual memory", "RLIMIT_AS"},
		Proves:     "A finite AS in the rlimit line of the TaskManager's hs_err file, or a limit of the process that VmPeak has nearly reached, with a text of a refused allocation or thread.",
		Neighbours: "threads and max_map_count have the same texts; out_of_memory has errno=12 as well, but there no memory is free.",
		Restart:    "A restart is needed, from a new session. prlimit --pid PID --as=unlimited, as root, changes the one that runs at once.", Starts: "as",
	},
	{
		Name: causeMemory, Row: 4, Probe: "memory", Title: "out of memory, of the host or of the TaskManager's cgroup",
		Means:      "The kernel kills the TaskManager when the host or its cgroup has no memory left, or refuses to commit more (vm.overcommit_memory=2). Its log simply stops.",
		Shown:      "Killed process PID (java) in the kernel log with the TaskManager's pid or cgroup; invoked oom-killer names who asked, not who was killed. oom_kill of /proc/vmstat counts kills since the boot. OutOfMemoryError in a Java log is something else: heap_memory, direct_memory, metaspace or threads.",
		Fix:        "more memory or fewer processes on the host, a greater MemoryMax= of the unit or limit of the container, or a smaller taskmanager.memory.process.size.",
		Words:      []string{"OOM", "OOM killer", "out of memory", "oom-kill", "exit code 137", "free", "top", "syslog", "messages", "OutOfMemoryError"},
		Proves:     "A record of the kernel that names the TaskManager's pid or cgroup as the victim; for strict overcommit the numbers in its hs_err file.",
		Neighbours: "kill -9 by a person leaves the same log: without a record nothing is proven. OutOfMemoryError: heap_memory, direct_memory, metaspace or threads. A victim that was another process is pressure, not the cause.",
		Restart:    "The TaskManager is gone: it is to be started again, where its unit or container does not do that by itself. MemoryMax= of a unit (systemctl set-property) and docker update --memory hold at once.",
	},
	{
		Name: causeCorrupted, Row: 5, Probe: "state", Title: "state is damaged",
		Means:      "Local RocksDB files are scratch: Flink makes new ones from the checkpoint at each restart of the job, so local damage heals by itself. If the same comes back in new local files after the restart, the checkpoint or savepoint is damaged, and deleting local state does not help; with local recovery it may be the local copy of the checkpoint, which a restarted TaskManager no longer has.",
		Shown:      "block checksum mismatch, Bad table magic number, file is too short ... to be an sstable, CURRENT file corrupted as the innermost cause. The runbook's IO error while opening RocksDB and Corruption error are texts that no Flink since 1.8 writes: it says Error while opening RocksDB instance, for every reason. checksum mismatch alone is also said by Kafka and others.",
		Fix:        "local: let the job restart, then check disk and memory. Checkpoint: start from an earlier checkpoint or savepoint. Never delete a checkpoint or a savepoint.",
		Words:      []string{"checksum mismatch", "IO error while opening RocksDB", "Corruption error", "Corruption", "corrupted state", "Bad table magic number", "delete state"},
		Proves:     "The text, and errors of that disk in the kernel log, not long before it. Without them likely: memory, controller or the storage may be at fault.",
		Neighbours: "missing_checkpoint_file: gone, not damaged. missing_directory: local files were removed. lock_held, permissions and disk_full have wrappers in common. checksum mismatch from Kafka or Parquet is none.",
		Restart:    "No restart of the TaskManager is needed: the job restarts by itself, or is started from an earlier checkpoint (flink run -s PATH).",
	},
	{
		Name: causePermissions, Row: 6, Probe: "disk", Title: "the TaskManager may not write a directory",
		Means:      "A directory of RocksDB, the working directory or a checkpoint directory belongs to somebody else, or one above it may not be entered.",
		Shown:      "Permission denied, or Local DB files directory ... does not exist and cannot be created (which also means read-only, no inode, or a full disk), and owner and mode as the TaskManager's user sees them.",
		Fix:        "chown the directory to the TaskManager's user, and x on every directory above.",
		Words:      []string{"ls -ld", "Permission denied", "chown", "write access", "Local DB files directory"},
		Proves:     "The text, and a test as the TaskManager's user in its mount namespace that fails, or owner and mode that surely refuse.",
		Neighbours: "The text of Flink is the same for read_only, inodes and disk_full. noexec says failed to map segment. A path that the job's own code opens is user_code.",
		Restart:    "No restart is needed: the job's next attempt finds it. A TaskManager that ended (its working directory) is to be started again.",
	},
	{
		Name: causeInodes, Row: 6, Probe: "disk", Title: "no inode is free",
		Means:      "A file system that has space but no free inode can make no file; the text is the same as for a full disk.",
		Shown:      "No space left on device, or Local DB files directory ... cannot be created, and df -i.",
		Fix:        "remove files that nobody needs (du --inodes), or use a file system with more inodes.",
		Words:      []string{"df -i", "inodes", "No space left on device"},
		Proves:     "The text, and a file system there without a free inode.",
		Neighbours: "disk_full: the same text, and df shows no free block. A quota on files.",
		Restart:    "No restart is needed: the job's next attempt finds it.",
	},
	{
		Name: causeDiskFull, Row: 6, Probe: "disk", Title: "a file system or quota is full",
		Means:      "RocksDB cannot write. Often directories that a killed TaskManager left behind fill the disk. A full /tmp stops a TaskManager before RocksDB: its libraries are unpacked there.",
		Shown:      "No space left on device (While appending to file) or Disk quota exceeded, and df.",
		Fix:        "free space, directories of dead TaskManagers first; never a checkpoint or savepoint.",
		Words:      []string{"df -h", "df", "No space left on device", "Disk quota exceeded", "disk full"},
		Proves:     "The text, and a file system or quota there that is full. Space that is free again since leaves it likely; where its task runs again, possible.",
		Neighbours: "inodes: the same text, and df -h shows free blocks. A full checkpoint directory is the storage's, not RocksDB's.",
		Restart:    "No restart is needed: the job's next attempt finds it. A TaskManager that did not start for a full /tmp is to be started again.",
	},
	{
		Name: causeReadOnly, Row: 6, Probe: "disk", Title: "a file system is read-only",
		Means:      "It is mounted so, or the kernel made it so after an error of the disk; then the mount options may still read rw.",
		Shown:      "Read-only file system, ro in mountinfo, Remounting filesystem read-only in the kernel log.",
		Fix:        "remount it read-write; after an error check the disk and its file system first.",
		Words:      []string{"Read-only file system", "remount-ro", "EXT4-fs error"},
		Proves:     "The text, and ro in the TaskManager's own mountinfo, or the kernel's record that it made the file system read-only.",
		Neighbours: "permissions, inodes, disk_full: the same text of Flink. A unit with ProtectSystem= or ReadOnlyPaths= sees ro where the host sees rw.",
		Restart:    "No restart is needed for a remount. After an error of the file system the TaskManager is stopped for fsck and started again; so is one whose unit or container mounts for itself.",
	},
	{
		Name: causeNoExec, Row: 6, Probe: "disk", Title: "the native library lies on a noexec mount",
		Means:      "librocksdbjni is unpacked into the TaskManager's working directory (io.tmp.dirs, not the RocksDB directory) and mapped from there.",
		Shown:      "UnsatisfiedLinkError: ... failed to map segment from shared object, and noexec in mountinfo.",
		Fix:        "remount without noexec, or point io.tmp.dirs elsewhere.",
		Words:      []string{"noexec", "failed to map segment from shared object", "UnsatisfiedLinkError", "/tmp"},
		Proves:     "The text, and noexec on the mount of that path in the TaskManager's own mountinfo.",
		Neighbours: "native_library: another text behind UnsatisfiedLinkError. The RocksDB directory may be noexec: only the working directory counts.",
		Restart:    "No restart is needed for a remount: the job's next attempt unpacks the library anew. Another io.tmp.dirs needs one.",
	},
	{
		Name: causeJobManager, Row: 7, Probe: "jobmanager", Title: "the TaskManager cannot reach the JobManager",
		Means:      "It does not register, gives up after five minutes (taskmanager.registration.timeout) and ends. Often a consequence of another cause, which then comes first.",
		Shown:      "Could not resolve ResourceManager address, Association with remote system ... has failed, Could not register at the ResourceManager within the specified maximum registration duration, and a connection from the host that fails.",
		Fix:        "start the JobManager, make its name resolve, open the firewall; jobmanager.bind-host must not be localhost when TaskManagers are elsewhere.",
		Words:      []string{"JobManager", "ResourceManager", "Connection refused", "registration", "6123", "bind-host", "the next error"},
		Proves:     "The newest line about registration is a failure, and a connection from the host to that address fails too.",
		Neighbours: "A consequence of direct_memory, open_files or heap_memory of the same process comes after them. Names that differ in spelling: the connection succeeds, and the JobManager drops the messages.",
		Restart:    "No restart is needed while the TaskManager runs: it registers by itself. One that gave up is to be started again; so is one whose own configuration was changed.",
	},
	{
		Name: causeThreads, Probe: "threads", Title: "the TaskManager may not make more threads",
		Means:      "RLIMIT_NPROC of its user, pids.max of its cgroup (TasksMax) or the kernel's own limits are reached. Java calls it OutOfMemoryError, but no memory is missing.",
		Shown:      "unable to create native thread, pthread_create failed (EAGAIN), std::system_error with Resource temporarily unavailable, cgroup: fork rejected by pids controller. A limit on maps or address space has the same texts; counts tell them apart.",
		Fix:        "raise nproc in limits.conf or TasksMax= of the unit, and look for what creates the threads.",
		Words:      []string{"unable to create native thread", "ulimit -u", "TasksMax", "nproc", "Resource temporarily unavailable", "OutOfMemoryError"},
		Proves:     "The text, and a record of the kernel (fork rejected by pids controller), a counter of refused forks of its cgroup, or a count that has reached its limit.",
		Neighbours: "max_map_count and address_space: the same texts, the counts tell. No memory is missing, whatever the text says. lock_held also says Resource temporarily unavailable, with While lock file.",
		Restart:    "TasksMax= (systemctl set-property) and kernel.threads-max hold at once, no restart is needed. nproc of a user needs one, from a new session; prlimit --pid PID --nproc=N:N, as root, changes the one that runs.", Starts: "nproc",
	},
	{
		Name: causeHeap, Title: "the Java heap of the TaskManager is full",
		Means: "A matter of the job and its sizing, not of the host.",
		Shown: "java.lang.OutOfMemoryError: Java heap space, GC overhead limit exceeded.",
		Fix:   "taskmanager.memory.task.heap.size, or less data on the heap.",
		Words: []string{"Java heap space", "GC overhead limit exceeded", "OutOfMemoryError", "-Xmx"}, Probe: "logs",
		Proves:     "Nothing of the host proves it: the JVM's own text is likely enough.",
		Neighbours: "out_of_memory is the kernel's. unable to create native thread is threads.",
		Restart:    "A restart is needed: the size of the heap is an argument of the JVM.", Starts: "start",
	},
	{
		Name: causeDirect, Title: "the direct memory of the TaskManager is used up",
		Means: "A matter of sizing, not of the host. Its network freezes, and it seems to lose the JobManager.",
		Shown: "Direct buffer memory, Cannot reserve N bytes of direct buffer memory.",
		Fix:   "taskmanager.memory.task.off-heap.size or taskmanager.memory.framework.off-heap.size.",
		Words: []string{"Direct buffer memory", "MaxDirectMemorySize", "OutOfMemoryError"}, Probe: "logs",
		Proves:     "Nothing of the host proves it: the JVM's own text is likely enough.",
		Neighbours: "jobmanager_unreachable follows from it, because the network of the process stands still. out_of_memory is the kernel's.",
		Restart:    "A restart is needed: the size is an argument of the JVM.", Starts: "start",
	},
	{
		Name: causeMetaspace, Title: "the metaspace of the TaskManager is used up",
		Means: "Too many classes, often a class loader that leaks at each restart of a job; not the host.",
		Shown: "OutOfMemoryError: Metaspace.",
		Fix:   "taskmanager.memory.jvm-metaspace.size, or the leak.",
		Words: []string{"Metaspace", "OutOfMemoryError"}, Probe: "logs",
		Proves:     "Nothing of the host proves it: the JVM's own text is likely enough.",
		Neighbours: "heap_memory, direct_memory: other texts behind OutOfMemoryError.",
		Restart:    "A restart is needed: the size is an argument of the JVM, and it ends a leak for the time being.", Starts: "start",
	},
	{
		Name: causeLock, Title: "another process holds the lock of a RocksDB directory",
		Means: "Two processes, or two instances, use one directory.",
		Shown: "While lock file: .../LOCK: Resource temporarily unavailable, lock hold by current process.",
		Fix:   "stop the one too many; directories of their own for each TaskManager.",
		Words: []string{"LOCK", "lock hold by current process", "No locks available"}, Probe: "state",
		Proves:     "The text names the file; who holds it is seen on the host (fuser).",
		Neighbours: "threads also says Resource temporarily unavailable, without While lock file. A file system without locks (NFS) says No locks available.",
		Restart:    "No restart of this TaskManager is needed: the one too many is to be stopped.",
	},
	{
		Name: causeLibrary, Title: "the native library of RocksDB cannot be loaded",
		Means: "A library that it needs is missing, or it is built for another C library or processor.",
		Shown: "UnsatisfiedLinkError: ... cannot open shared object file, version GLIBC_2.x not found.",
		Fix:   "install what is missing (libstdc++).",
		Words: []string{"UnsatisfiedLinkError", "librocksdbjni", "libstdc++", "GLIBC", "musl", "Could not load the native RocksDB library"}, Probe: "host",
		Proves:     "The loader's text names what is missing.",
		Neighbours: "noexec: failed to map segment. open_files and disk_full stand behind the same class when the library cannot be unpacked.",
		Restart:    "A restart is needed: a class that failed to load stays so in its JVM.", Starts: "start",
	},
	{
		Name: causeMissingDirectory, Title: "local RocksDB files were removed under a running TaskManager",
		Means: "A cleaner of temporary files or a person removed them. Not corruption: the job restarts from its checkpoint.",
		Shown: "No such file or directory with a local path (job_..._uuid_.../db).",
		Fix:   "exclude the directory from the cleaner, or move it off /tmp.",
		Words: []string{"No such file or directory", "systemd-tmpfiles", "tmpreaper"}, Probe: "state",
		Proves:     "The text with a local path, and a directory that is absent.",
		Neighbours: "missing_checkpoint_file: the path is one of a checkpoint. corrupted_state: the file is there.",
		Restart:    "No restart of the TaskManager is needed: the job restarts from its checkpoint.",
	},
	{
		Name: causeMissingFile, Title: "a file of a checkpoint is gone",
		Means: "The checkpoint cannot be restored: somebody deleted a file of it, or its directory is on one host only.",
		Shown: "FileNotFoundException with a path below the checkpoint directory (chk-N, shared, taskowned).",
		Fix:   "another checkpoint or a savepoint; delete nothing.",
		Words: []string{"FileNotFoundException", "chk-", "shared", "_metadata"}, Probe: "state",
		Proves:     "The text with a path of a checkpoint; the storage shows whether it is there.",
		Neighbours: "corrupted_state: the file is there and damaged. missing_directory: a local path. Cannot register Closeable, ClosedChannelException: parallel downloads that were given up after the true reason.",
		Restart:    "No restart of the TaskManager is needed: the job is started from another checkpoint or savepoint.",
	},
	{
		Name: causeUserCode, Title: "the job's own code fails",
		Means: "An exception that the job's classes throw, whatever its message says. Nothing of the host is at fault.",
		Shown: "The innermost frame of the innermost exception is of the job's own classes.",
		Fix:   "look at the job.",
		Words: []string{"IllegalStateException", "NullPointerException", "user code"}, Probe: "logs",
		Proves:     "Never proven: it is said so that nobody looks for it on the host.",
		Neighbours: "The same messages from Flink or RocksDB themselves, with their own frames innermost.",
		Restart:    "No restart of the TaskManager is needed.",
	},
}
