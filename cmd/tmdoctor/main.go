package main

import (
	"context"
	"os"
	"runtime/debug"
)

// gcPercent lets the heap grow to three times of what is in use, which is little:
// answers of hosts are looked at once and dropped, and to collect them half as
// often is worth more than the memory. GOGC in the environment overrides it.
const gcPercent = 200

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	os.Exit(run(context.Background(), os.Args[1:], processEnv()))
}
