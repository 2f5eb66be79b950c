package jsvm

import (
	"errors"
	"fmt"
	"strings"
)

// ErrUnmatched is wrapped when an event fits nothing that the thread waits for: no step
// ran and nothing has changed. Record the event as unmatched and go on.
var ErrUnmatched = errors.New("unmatched event")

// ErrClosed is returned by a pool after Close.
var ErrClosed = errors.New("pool is closed")

// FaultKind says which promise of a step was broken.
type FaultKind string

// The kinds of faults.
const (
	FaultStuck        FaultKind = "wall-time"    // ran for longer than Limits.StepWall
	FaultMemory       FaultKind = "memory"       // grew the heap by more than Limits.HeapGrowthBytesMax
	FaultSize         FaultKind = "size"         // continuation or outputs beyond a limit
	FaultUnsavable    FaultKind = "unsavable"    // a value alive at an await cannot be kept; Path and Stack say where
	FaultIncompatible FaultKind = "incompatible" // the continuation does not fit this bundle or build
	FaultEffects      FaultKind = "effects"      // output to an undeclared topic and the like
	FaultEngine       FaultKind = "engine"       // our bug, or goja's
)

// Fault says that a step failed in the engine: it had no effects, and the thread stays on
// its last good continuation. An error that the workflow throws is no fault, it is the thread's result.
type Fault struct {
	Kind    FaultKind `json:"kind"`
	Message string    `json:"message"`
	Path    string    `json:"path,omitempty"`  // to the value that cannot be kept
	Stack   []string  `json:"stack,omitempty"` // places in the author's source, innermost first

	// IsWithinStep: the value may be gone by the end of the step, where a host saves; see RestoreJobs.
	IsWithinStep bool `json:"-"`
	// isBeforeRun: nothing has run in the VM, which can go on serving.
	isBeforeRun bool
}

func (f *Fault) Error() string {
	if len(f.Stack) == 0 {
		return f.Message
	}
	return f.Message + "\n\tat " + strings.Join(f.Stack, "\n\tat ")
}

func faultf(kind FaultKind, format string, args ...any) *Fault {
	return &Fault{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// faultOf turns any error of the codec into a fault.
func faultOf(err error) *Fault {
	var fault *Fault
	if errors.As(err, &fault) {
		return fault
	}
	var unsavable *UnsavableError
	if errors.As(err, &unsavable) {
		f := &Fault{Kind: FaultUnsavable, Message: unsavable.Error(), Path: unsavable.Path}
		if unsavable.Await.Line > 0 {
			f.Stack = []string{frameText(unsavable.Function, unsavable.Await)}
		}
		return f
	}
	var incompatible *IncompatibleError
	if errors.As(err, &incompatible) {
		return &Fault{Kind: FaultIncompatible, Message: err.Error()}
	}
	return &Fault{Kind: FaultEngine, Message: err.Error()}
}

func frameText(function string, p Position) string {
	if function == "" {
		return p.String()
	}
	return function + " (" + p.String() + ")"
}
