//go:build !unix

package bench

import (
	"io/fs"
	"time"
)

// processCPU is not known here.
func processCPU() time.Duration { return 0 }

// occupied is the length of a file.
func occupied(info fs.FileInfo) int64 { return info.Size() }
