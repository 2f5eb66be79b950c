//go:build unix

package bench

import (
	"io/fs"
	"syscall"
	"time"
)

// processCPU is what this process has used.
func processCPU() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// occupied is what a file takes of the disk: files of the Raft log are longer
// than what is written in them.
func occupied(info fs.FileInfo) int64 {
	if system, ok := info.Sys().(*syscall.Stat_t); ok {
		return min(info.Size(), system.Blocks*512)
	}
	return info.Size()
}
