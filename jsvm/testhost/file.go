package testhost

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// fileRun is a test file at work.
type fileRun struct {
	options   Options
	file      string // as it was named
	source    *source
	snapshots *snapshots
	result    FileResult

	mu        sync.Mutex // guards workflows: an abandoned VM may open one yet
	workflows map[string]bool
}

func runFile(ctx context.Context, file string, o Options) (result FileResult) {
	began := time.Now()
	f := &fileRun{options: o, file: file, workflows: map[string]bool{}}
	f.result.File = file
	f.run(ctx)
	f.result.Wall = time.Since(began)
	f.noteInputs(began)
	return f.result
}

func (f *fileRun) addWorkflow(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.workflows[path] = true
}

// noteInputs tells which files the result depends on.
func (f *fileRun) noteInputs(began time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	path, err := filepath.Abs(f.file)
	if err != nil {
		path = f.file
	}
	own := []string{path}
	if f.source != nil {
		own = append(own, f.source.inputs...)
	} else {
		f.result.HasMore = true
	}
	f.result.Inputs = inputsOf(own, began)
	for workflow := range f.workflows {
		inputs, isKnown := f.options.Bundles.inputsOf(workflow)
		if !isKnown {
			f.result.HasMore = true
			inputs = inputsOf([]string{workflow}, began) // at least
		}
		f.result.Inputs = append(f.result.Inputs, inputs...)
	}
}

// seedOf is a seed for a part of the file, whatever else runs.
func (f *fileRun) seedOf(part string) uint64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s\x00%s", f.options.Seed, f.source.entry, part))
	return binary.LittleEndian.Uint64(sum[:])
}

func (f *fileRun) fail(format string, args ...any) {
	f.result.Failure = &Failure{Message: fmt.Sprintf(format, args...)}
}

func (f *fileRun) run(ctx context.Context) {
	path, err := filepath.Abs(f.file)
	if err != nil {
		f.fail("%v", err)
		return
	}
	if f.source, err = compileSource(path); err != nil {
		f.fail("%v", err)
		return
	}
	if len(f.source.modules) == 0 { // there is no code
		f.result.Failure = noTests()
		return
	}
	if f.snapshots, err = readSnapshots(path, f.options.Snapshots); err != nil {
		f.fail("%v", err)
		return
	}
	if _, err := library(); err != nil { // compiled once a process, on nobody's time
		f.fail("%v", err)
		return
	}
	isWhole := true
	for next := 0; ; {
		s := newScript(f, f.source)
		worker := newWorker(s)
		var unhandled *Failure
		failure := worker.do(ctx, f.options.Timeout, "loading the file", func(ctx context.Context) error {
			err := s.load(ctx)
			unhandled = s.unhandled()
			return err
		})
		if failure == nil {
			failure = unhandled
		}
		if failure == nil && len(s.tests) == 0 {
			failure = noTests()
		}
		if failure != nil {
			if !worker.isAbandoned {
				f.result.Console = s.loadConsole
			}
			worker.end()
			f.result.Failure = failure
			return
		}
		isOver := f.runTests(ctx, worker, &next, &isWhole)
		worker.end()
		if isOver {
			break
		}
		// A test was interrupted. What is left of its VM can't be told, so the others run in a new one.
	}
	if ctx.Err() != nil {
		return
	}
	if err := f.snapshots.write(isWhole); err != nil {
		f.fail("%v", err)
	}
	f.result.SnapshotsAdded, f.result.SnapshotsUpdated, f.result.SnapshotsRemoved = f.snapshots.added, f.snapshots.updated, f.snapshots.removed
}

func noTests() *Failure {
	return &Failure{Message: "the file has no tests: write `test(\"…\", () => { … })`, imported from \"kont/test\""}
}

// runTests runs the tests from next on; false if the VM must not be used any more.
func (f *fileRun) runTests(ctx context.Context, worker *worker, next *int, isWhole *bool) bool {
	s := worker.script
	hasOnly := false
	for _, t := range s.tests {
		hasOnly = hasOnly || t.mode == "only"
	}
	for *next < len(s.tests) && ctx.Err() == nil {
		index := *next
		t := s.tests[index]
		*next++
		switch {
		case f.options.Filter != nil && !f.options.Filter.MatchString(t.name):
			*isWhole = false
			continue
		case t.mode == "skip" || hasOnly && t.mode != "only":
			*isWhole = false
			f.result.Tests = append(f.result.Tests, Result{Name: t.name, Status: Skipped})
			continue
		}
		if f.options.Began != nil {
			f.options.Began(f.file, t.name)
		}
		r := f.runTest(ctx, worker, index)
		if r.Status == Failed {
			*isWhole = false
		}
		f.result.Tests = append(f.result.Tests, r)
		if worker.isSpoilt {
			return false
		}
	}
	return true
}

func (f *fileRun) runTest(ctx context.Context, worker *worker, index int) Result {
	began := time.Now()
	s := worker.script
	t := &testRun{name: s.tests[index].name, seed: f.seedOf(s.tests[index].name)}
	timeout := f.options.Timeout
	if f.options.timeoutOf != nil {
		timeout = f.options.timeoutOf(t.name)
	}
	failure := worker.do(ctx, timeout, "the test", func(ctx context.Context) error { return s.run(ctx, index, t) })
	r := Result{Name: t.name, Status: Passed, Wall: time.Since(began)}
	if worker.isAbandoned { // its VM is at work yet
		r.Status, r.Failure = Failed, failure
		return r
	}
	switch {
	case failure == nil:
		failure = s.judge(t)
	case t.endedAt != nil:
		failure.At, failure.Source, failure.Stack = t.endedAt.At, t.endedAt.Source, t.endedAt.Stack
	}
	r.Console = t.console
	for i, h := range s.hosts {
		from := 0
		if i < t.hostsSeen {
			from = t.logsBefore[i]
		}
		r.Logs = append(r.Logs, h.logs[from:]...)
	}
	if failure != nil {
		if failure.At.Line == 0 {
			failure.Stack = s.framesOf(s.tests[index].stack)
			s.place(failure)
		}
		r.Status, r.Failure = Failed, failure
	}
	s.test = nil
	for _, h := range s.hosts[t.hostsSeen:] {
		h.close()
	}
	return r
}

// judge looks at a test that has come back.
func (s *script) judge(t *testRun) *Failure {
	failure := t.failure
	if !t.isDone {
		failure = &Failure{Message: "the test waits for a promise that nothing settles: calls of the host are over when they return, and there are no other timers"}
	}
	var faults []string
	for _, h := range s.hosts {
		faults = append(faults, h.unseenFaults()...)
	}
	if failure == nil && len(faults) > 0 {
		return &Failure{Message: strings.Join(faults, "\n") + "\n(a test that expects it looks at thread.fault)"}
	}
	if failure != nil {
		failure.Notes = append(failure.Notes, faults...)
		return failure
	}
	return t.unhandled
}

// unhandled describes the first promise that was rejected and that nobody has handled. It reads properties, so it may take any time.
func (s *script) unhandled() *Failure {
	if len(s.rejected) == 0 {
		return nil
	}
	failure := s.failureOf(s.rejected[0].Result())
	failure.Message = "a promise was rejected, and nobody handled it (is an `await` missing?): " + failure.Message
	return failure
}
