package probes

import (
	"math"
	"path"
	"strconv"
	"strings"
)

// sizeUnits are powers of two.
var sizeUnits = map[string]uint{
	"": 0, "b": 0, "bytes": 0, "k": 10, "kb": 10, "kibibytes": 10, "m": 20, "mb": 20, "mebibytes": 20,
	"g": 30, "gb": 30, "gibibytes": 30, "t": 40, "tb": 40, "tebibytes": 40,
}

// memorySize reads a size as Flink's MemorySize does: a number and a unit
// ("1728m", "4 gb", "285212676b"); no unit is bytes.
func memorySize(s string) (int64, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	i := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if i < 0 {
		i = len(s)
	}
	shift, ok := sizeUnits[strings.TrimSpace(s[i:])]
	n, err := strconv.ParseInt(s[:i], 10, 64)
	if !ok || err != nil || n > math.MaxInt64>>shift {
		return 0, false
	}
	return n << shift, true
}

// jvmSize reads the size of a JVM option such as -Xmx: the last of several.
func (tm TaskManager) jvmSize(option string) (int64, bool) {
	for i := len(tm.JVMOptions) - 1; i >= 0; i-- {
		if v, ok := strings.CutPrefix(tm.JVMOptions[i], option); ok {
			return memorySize(v)
		}
	}
	return 0, false
}

// configuredSize is how much memory a TaskManager was started with, and where
// that stands. Flink's start script (since 1.10) hands the parts of
// taskmanager.memory.process.size over in argv: -Xmx, direct memory,
// metaspace, managed memory (RocksDB's caches) and JVM overhead. The
// configuration is read where argv does not tell; it may have been edited
// since.
func (f *Facts) configuredSize(tm TaskManager) (bytes int64, source string, ok bool) {
	heap, okHeap := tm.jvmSize("-Xmx")
	managed, okManaged := memorySize(tm.Dynamic["taskmanager.memory.managed.size"])
	if okHeap && okManaged {
		direct, _ := tm.jvmSize("-XX:MaxDirectMemorySize=")
		metaspace, _ := tm.jvmSize("-XX:MaxMetaspaceSize=")
		overhead, _ := memorySize(tm.Dynamic["taskmanager.memory.jvm-overhead.max"])
		return heap + direct + metaspace + managed + overhead, "arguments of the process", true
	}
	if n, source, ok := f.processSize(tm.ConfigDir); ok {
		return n, source, true
	}
	if okHeap {
		direct, _ := tm.jvmSize("-XX:MaxDirectMemorySize=")
		metaspace, _ := tm.jvmSize("-XX:MaxMetaspaceSize=")
		return heap + direct + metaspace, "-Xmx, MaxDirectMemorySize and MaxMetaspaceSize of the process", true
	}
	return 0, "", false
}

// processSize is taskmanager.memory.process.size of the configuration in dir,
// or of the first one that has it if dir is "".
func (f *Facts) processSize(dir string) (bytes int64, source string, ok bool) {
	for _, c := range f.Flink.Configs {
		if dir != "" && path.Dir(c.Path) != path.Clean(dir) {
			continue
		}
		if s, found := c.Settings["taskmanager.memory.process.size"]; found {
			if n, good := memorySize(s.Value); good {
				return n, c.Path + ":" + strconv.Itoa(s.Line), true
			}
		}
	}
	return 0, "", false
}

// gib prints bytes for people: MiB below 1 GiB, GiB above.
func gib(n int64) string {
	if n < 1<<30 {
		return strconv.FormatInt(n>>20, 10) + " MiB"
	}
	return strconv.FormatFloat(float64(n)/(1<<30), 'f', 1, 64) + " GiB"
}
