package testhost

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"time"
)

// TimeoutDefault is the wall time that a test may take.
const TimeoutDefault = 30 * time.Second

// Options say how tests are run.
type Options struct {
	Bundles *Bundles       // compiled workflows; nil: its own
	Filter  *regexp.Regexp // names of tests to run; nil: all
	// Restore is what workflows are opened with that do not say otherwise: "await", the default, "step" or "never".
	Restore   string
	Seed      uint64
	Timeout   time.Duration // of each test; 0: TimeoutDefault
	Snapshots SnapshotPolicy
	// Parallel is how many files run at once; 0: GOMAXPROCS.
	Parallel int
	// Began is called when a test begins, by any goroutine; nil: nobody wants to know.
	Began func(file, test string)
}

// Run runs test files, several at once, and gives their results in the order of the files. It ends early if ctx does: the results are of
// those files that were done.
func Run(ctx context.Context, files []string, o Options, done func(FileResult)) {
	if o.Bundles == nil {
		o.Bundles = NewBundles()
		defer o.Bundles.Close()
	}
	o.Restore = cmp.Or(o.Restore, "await")
	if o.Timeout == 0 {
		o.Timeout = TimeoutDefault
	}
	if o.Parallel == 0 {
		o.Parallel = runtime.GOMAXPROCS(0)
	}
	results := make([]chan FileResult, len(files))
	for i := range results {
		results[i] = make(chan FileResult, 1)
	}
	slots := make(chan struct{}, o.Parallel)
	var running sync.WaitGroup
	defer running.Wait()
	go func() {
		for i, file := range files {
			slots <- struct{}{}
			running.Add(1)
			go func() {
				defer func() { <-slots; running.Done() }()
				results[i] <- runFile(ctx, file, o)
			}()
		}
	}()
	for _, result := range results {
		r := <-result
		if ctx.Err() != nil {
			continue // all are waited for: they use the bundles
		}
		done(r)
	}
}

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
	isWhole := true
	for next := 0; ; {
		s := newScript(f, f.source)
		worker := newWorker(s)
		failure := worker.do(ctx, f.options.Timeout, "loading the file", func(ctx context.Context) error { return s.load(ctx) })
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
	failure := worker.do(ctx, f.options.Timeout, "the test", func(ctx context.Context) error { return s.run(ctx, index, t) })
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
	for promise := range s.rejected {
		failure = s.failureOf(promise.Result())
		failure.Message = "a promise was rejected, and nobody handled it (is an `await` missing?): " + failure.Message
		return failure
	}
	return nil
}

// worker is the goroutine that a script's VM runs on.
type worker struct {
	script *script
	tasks  chan func()
	// isSpoilt: it was interrupted. isAbandoned: and did not hear it.
	isSpoilt, isAbandoned bool
}

func newWorker(s *script) *worker {
	w := &worker{script: s, tasks: make(chan func())}
	go func() {
		for task := range w.tasks {
			task()
		}
	}()
	return w
}

// end ends the goroutine, once it is idle.
func (w *worker) end() {
	close(w.tasks)
	if !w.isAbandoned {
		w.script.close()
	}
}

const (
	lookInterval      = 50 * time.Millisecond
	heapGrowthMax     = 2 << 30
	heapGrowthMaxText = "2 GiB"
)

// interruptGrace is how long a test may go on after its interrupt, inside one native call, before its VM is abandoned.
var interruptGrace = time.Second

// do runs body on the VM's goroutine, under the limits of a test.
func (w *worker) do(ctx context.Context, wall time.Duration, what string, body func(context.Context) error) *Failure {
	ctx, cancel := context.WithTimeout(ctx, wall)
	defer cancel()
	done := make(chan *Failure, 1)
	w.tasks <- func() {
		defer func() {
			if p := recover(); p != nil {
				done <- &Failure{Message: fmt.Sprintf("the engine panicked: %v", p)}
			}
		}()
		if err := body(ctx); err != nil {
			done <- w.script.failureOfError(err)
			return
		}
		done <- nil
	}
	before := heapBytes()
	look := time.NewTicker(lookInterval)
	defer look.Stop()
	why := ""
	for why == "" {
		select {
		case failure := <-done:
			if ctx.Err() == nil {
				return failure
			}
			// A step noticed it first.
			w.isSpoilt = true
			if failure == nil {
				failure = &Failure{}
			}
			failure.Message = tooLong(what, wall)
			return failure
		case <-ctx.Done():
			why = tooLong(what, wall)
		case <-look.C:
			if heapBytes() > before+heapGrowthMax {
				why = "the heap grew by more than " + heapGrowthMaxText + " while " + what + " ran"
			}
		}
	}
	w.isSpoilt = true
	cancel()
	w.script.rt.Interrupt(why)
	select {
	case failure := <-done:
		if failure == nil {
			failure = &Failure{}
		}
		failure.Message, failure.Diff = why, ""
		return failure
	case <-time.After(interruptGrace):
		w.isAbandoned = true
		return &Failure{Message: why + ", in one call of a built-in function that did not end"}
	}
}

func tooLong(what string, wall time.Duration) string {
	return fmt.Sprintf("%s ran for longer than %v", what, wall)
}

func heapBytes() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
