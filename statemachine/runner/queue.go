package runner

import (
	"context"
	"sync"

	"kont/statemachine/command"
)

// threadLoadedMax and threadLoadedBytesMax bound what one thread may hold of the
// queue's bytes. The first event of a thread is always held.
const (
	threadLoadedMax      = 64
	threadLoadedBytesMax = 256 << 10
)

// threadID names a thread of a resume topic over that topic's whole life.
type threadID struct {
	topic   string
	topicID command.TopicID
	key     string
}

// event is a queued event of a thread.
type event struct {
	partition int32
	offset    int64
	// isLoaded says that value is here; otherwise it is read again when its turn
	// comes.
	isLoaded bool
	value    []byte
	// mismatch is set for an event that no thread can take, whatever its value.
	mismatch *mismatch
}

func (e *event) bytes() int { return len(e.value) }

// thread is a thread with events to be done. It belongs to the queue, but for the
// time between take and settle, when the worker and then the committer may read
// events and write what is marked below.
type thread struct {
	id threadID
	// events in order. Only the queue changes the slice.
	events []event
	// loaded and loadedBytes count the events whose value is here.
	loaded      int
	loadedBytes int

	// Written by the holder only.

	// isCautious: the last proposal did not fit, so one event at a time.
	isCautious bool
	// refusals counts proposals in a row of which nothing took effect.
	refusals int
	// refusal is set when Apply refused the next event's step for what is in it:
	// the event is a fault with this text.
	refusal string
}

// queue holds the events that are read but not settled, in a line for each
// thread, and the threads that wait for a worker.
//
// Invariants: a thread is in threads iff it has events; one that is taken has some;
// it is in ready iff it is not taken. The events whose value is here are the first
// ones of their thread. bytes is the sum of loadedBytes.
type queue struct {
	eventsMax int
	bytesMax  int
	observer  Observer

	mutex sync.Mutex
	// Workers wait on work for a ready thread, the reader on room.
	work sync.Cond
	room sync.Cond
	// The mutex guards all that follows.
	threads  map[threadID]*thread
	ready    []*thread
	head     int
	events   int
	bytes    int
	isClosed bool
}

func newQueue(eventsMax, bytesMax int, observer Observer) *queue {
	q := &queue{eventsMax: eventsMax, bytesMax: bytesMax, observer: observer, threads: map[threadID]*thread{}}
	q.work.L, q.room.L = &q.mutex, &q.mutex
	return q
}

// close lets everyone who waits go; take returns nil from now on.
func (q *queue) close() {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.isClosed = true
	q.work.Broadcast()
	q.room.Broadcast()
}

// waitRoom returns once another event may be read, false if the queue is closed.
func (q *queue) waitRoom() bool {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	for !q.isClosed && (q.events >= q.eventsMax || q.bytes >= q.bytesMax) {
		q.room.Wait()
	}
	return !q.isClosed
}

// put adds an event to its thread's line.
func (q *queue) put(id threadID, e event) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	t := q.threads[id]
	if t == nil {
		t = &thread{id: id}
		q.threads[id] = t
	}
	if t.loaded < len(t.events) || (t.loaded > 0 && (t.loaded >= threadLoadedMax || t.loadedBytes+e.bytes() > threadLoadedBytesMax)) {
		e.value, e.isLoaded = nil, false
	} else {
		e.isLoaded = true
		t.loaded++
		t.loadedBytes += e.bytes()
		q.bytes += e.bytes()
	}
	q.events++
	t.events = append(t.events, e)
	if len(t.events) == 1 {
		q.pushLocked(t)
	}
	q.observer.ObserveQueue(q.events, int64(q.bytes))
}

func (q *queue) pushLocked(t *thread) {
	q.ready = append(q.ready, t)
	q.work.Signal()
}

// isWaiting tells whether a thread waits for a worker.
func (q *queue) isWaiting() bool {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	return q.head < len(q.ready)
}

// take waits for a thread that is ready and hands it over with its loaded events
// (none, if they have to be read again); nil once the queue is closed. The
// caller settles it.
func (q *queue) take() (*thread, []event) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	for !q.isClosed && q.head == len(q.ready) {
		q.work.Wait()
	}
	if q.isClosed {
		return nil, nil
	}
	t := q.ready[q.head]
	q.ready[q.head] = nil
	q.head++
	if q.head == len(q.ready) {
		q.ready, q.head = q.ready[:0], 0
	} else if q.head > 1024 && q.head > len(q.ready)/2 {
		q.ready = append(q.ready[:0], q.ready[q.head:]...)
		q.head = 0
	}
	// A copy of the slice header: put may append to t.events meanwhile, but never
	// writes to those that are here already.
	return t, t.events[:t.loaded:t.loaded]
}

// waiting returns the offsets of a taken thread's next events, up to count, all in
// one partition, so that their values can be read again.
func (q *queue) waiting(t *thread, count int) []event {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	var waiting []event
	for _, e := range t.events[:min(count, len(t.events))] {
		if len(waiting) > 0 && e.partition != waiting[0].partition {
			break
		}
		waiting = append(waiting, e)
	}
	return waiting
}

// load puts values that were read again into a taken thread that had none.
func (q *queue) load(t *thread, loaded []event) []event {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	for i, e := range loaded {
		e.isLoaded = true
		t.events[i] = e
		t.loadedBytes += e.bytes()
		q.bytes += e.bytes()
	}
	t.loaded = len(loaded)
	return t.events[:t.loaded:t.loaded]
}

// settle gives a taken thread back; settled tells which of its first events, all
// loaded, are done with. It is ready again if it has more.
func (q *queue) settle(t *thread, settled []bool) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	var left []event
	for i, isSettled := range settled {
		e := t.events[i]
		if !isSettled {
			left = append(left, e)
			continue
		}
		q.events--
		t.loaded--
		t.loadedBytes -= e.bytes()
		q.bytes -= e.bytes()
	}
	// What is left goes right in front of the events behind; nearly always there
	// is none.
	done := len(settled) - len(left)
	copy(t.events[done:], left)
	clear(t.events[:done])
	t.events = t.events[done:]
	if len(t.events) == 0 {
		delete(q.threads, t.id)
	} else {
		q.pushLocked(t)
	}
	q.room.Signal()
	q.observer.ObserveQueue(q.events, int64(q.bytes))
}

// drop forgets a taken thread with all its events.
func (q *queue) drop(t *thread) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.events -= len(t.events)
	q.bytes -= t.loadedBytes
	delete(q.threads, t.id)
	q.room.Signal()
	q.observer.ObserveQueue(q.events, int64(q.bytes))
}

// closeWith closes the queue when ctx is done.
func (q *queue) closeWith(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, q.close)
}
