package cli

import (
	"fmt"
	"sync"
	"time"
)

// progress counts on one line of standard error, if a person is there to read
// it.
type progress struct {
	p     Process
	what  string
	shown bool

	mu    sync.Mutex // guards what follows
	count int
	next  time.Time
}

const progressInterval = 200 * time.Millisecond

func newProgress(p Process, what string) *progress {
	return &progress{p: p, what: what, shown: isTerminal(p.Err), next: time.Now().Add(progressInterval)}
}

func (g *progress) add(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.count += n
	if now := time.Now(); g.shown && now.After(g.next) {
		g.next = now.Add(progressInterval)
		fmt.Fprintf(g.p.Err, "\r\033[K%d %s", g.count, g.what)
	}
}

// say shows a line in place of the count, and is replaced by what comes next.
func (g *progress) say(format string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shown {
		fmt.Fprintf(g.p.Err, "\r\033[K"+format, args...)
	}
}

// around runs body, which prints, while no line is shown.
func (g *progress) around(body func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shown {
		fmt.Fprint(g.p.Err, "\r\033[K")
	}
	body()
}

// done clears the line.
func (g *progress) done() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shown {
		fmt.Fprint(g.p.Err, "\r\033[K")
	}
}
