package raftlog

import (
	"fmt"
	"runtime/debug"
)

// catchPanics runs f, which parses files by means of libraries that trust them, and
// turns a panic or a fault on a mapped page into an error. What f works on must not be
// used after an error.
func catchPanics(f func() error) (err error) {
	old := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(old)
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", ErrCorrupt, r)
			if cause, ok := r.(error); ok {
				err = fmt.Errorf("%w: %w", ErrCorrupt, cause)
			}
		}
	}()
	return f()
}
