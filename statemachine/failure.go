package statemachine

import (
	"errors"
	"fmt"
	"sync"

	"kont/statemachine/command"
)

// ErrCorrupt: a file of the store does not have the bytes that were written. The
// error's text names it. Restore the node from a snapshot, or empty its directory
// and let it join again.
var ErrCorrupt = errors.New("store is damaged")

// FailedError is why a store takes no more writes: the disk's failure, or a
// command in the log that this release does not know. It is both
// command.ErrUnavailable and its cause. Reads go on; only a restart after the
// cause is gone helps.
type FailedError struct{ Cause error }

func (e *FailedError) Error() string { return fmt.Sprintf("state machine stopped: %v", e.Cause) }

// Unwrap makes errors.Is true for both.
func (e *FailedError) Unwrap() []error { return []error{command.ErrUnavailable, e.Cause} }

// failure is the first cause for which a store stopped.
type failure struct {
	mu sync.Mutex // guards err and hooks of failed
	// err is set once.
	err    *FailedError
	failed chan struct{}
}

func newFailure() *failure { return &failure{failed: make(chan struct{})} }

// set keeps the first cause; later ones follow from it.
func (f *failure) set(cause error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = &FailedError{Cause: cause}
		close(f.failed)
	}
}

// get returns nil as long as all is well.
func (f *failure) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		return nil
	}
	return f.err
}
