package runner

import (
	"sync"
	"time"
)

// slowTurns is in how many turns Config.SlowAfter is waited for.
const slowTurns = 8

// slowWatch starts another worker in the place of one whose step is slow, while
// events wait for a worker.
//
// Slow is a step that takes its time though it gets a processor. On a machine that
// is busy with something else every step takes long by the clock, and more workers,
// each with a machine of the engine, would only make it busier. So the time is
// waited for in turns, each begun by a goroutine that has to get a processor itself:
// where goroutines wait for one, the turns take longer too.
type slowWatch struct {
	term  *term
	timer *time.Timer

	mutex sync.Mutex
	// The mutex guards all that follows.
	turns      int
	isOver     bool
	isReplaced bool
}

// watchSlow begins to watch a worker; end must follow.
func (t *term) watchSlow() *slowWatch {
	w := &slowWatch{term: t}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.timer = time.AfterFunc(t.SlowAfter/slowTurns, w.turn)
	return w
}

func (w *slowWatch) turn() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.isOver || w.term.ctx.Err() != nil {
		return
	}
	w.turns++
	if w.turns >= slowTurns && w.term.queue.isWaiting() && w.term.slots.lend() {
		w.isReplaced = true
		w.term.running.Go(w.term.work)
		return
	}
	w.timer.Reset(w.term.SlowAfter / slowTurns)
}

// end says whether another worker was started meanwhile.
func (w *slowWatch) end() (isReplaced bool) {
	w.timer.Stop()
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.isOver = true
	return w.isReplaced
}
