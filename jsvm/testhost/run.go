package testhost

import (
	"cmp"
	"context"
	"regexp"
	"runtime"
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

	timeoutOf func(test string) time.Duration // for tests of this package: in place of Timeout
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
