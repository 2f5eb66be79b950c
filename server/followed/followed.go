// Package followed keeps what was read from files as new as the files are, without a
// restart: certificates that are renewed, key sets that are rotated.
//
// It starts no goroutine: the files' times are looked at when somebody asks, at most
// once a second. Where new files can't be read, or don't fit together, the last ones
// that were good go on being used, and the log says so. It stores nothing.
package followed

import (
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

// CheckEvery is how often the files' times are looked at.
const CheckEvery = time.Second

// Files are files and what was read from them.
type Files[T any] struct {
	paths  []string
	read   func() (T, error)
	logger *slog.Logger
	// Now is the clock. Tests put another one there before they ask.
	Now func() time.Time

	// mu guards the fields below.
	mu      sync.Mutex
	value   T
	times   []fileTime
	checked time.Time
}

// fileTime tells one state of a file from another. The size is for file systems that
// have coarse times.
type fileTime struct {
	modifiedUnixNano int64
	bytes            int64
}

// Open reads files with read, which must name what is wrong.
func Open[T any](logger *slog.Logger, read func() (T, error), paths ...string) (*Files[T], error) {
	f := &Files[T]{paths: paths, read: read, logger: logger, Now: time.Now}
	var err error
	if f.times, err = f.stat(); err != nil {
		return nil, err
	}
	if f.value, err = read(); err != nil {
		return nil, err
	}
	f.checked = f.Now()
	return f, nil
}

// Current is what the files hold, or held when they were good. Many goroutines may
// ask.
func (f *Files[T]) Current() T {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.Now()
	if since := now.Sub(f.checked); since >= 0 && since < CheckEvery {
		return f.value
	}
	f.checked = now
	times, err := f.stat()
	if err == nil && slices.Equal(times, f.times) {
		return f.value
	}
	var value T
	if err == nil {
		value, err = f.read()
	}
	if err != nil {
		// The times stay the old ones: half of a renewal may be there, and the
		// other half comes.
		f.logger.Error("changed files are not used; what was read before is", "files", f.paths, "error", err)
		return f.value
	}
	f.value, f.times = value, times
	f.logger.Info("changed files are read anew", "files", f.paths)
	return f.value
}

func (f *Files[T]) stat() ([]fileTime, error) {
	times := make([]fileTime, 0, len(f.paths))
	for _, path := range f.paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		times = append(times, fileTime{info.ModTime().UnixNano(), info.Size()})
	}
	return times, nil
}
