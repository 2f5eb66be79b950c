package statemachine

import (
	"sync"

	"kont/statemachine/command"
)

// watches are those who want to be woken. A wake never blocks: who has not taken
// the last one yet gets no other.
type watches struct {
	mu         sync.Mutex // guards all below
	partitions map[command.TopicPartition]map[*watch]struct{}
	timers     map[*watch]struct{}
}

type watch struct{ wake chan<- struct{} }

func (w *watch) poke() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *watches) init() {
	w.partitions = map[command.TopicPartition]map[*watch]struct{}{}
	w.timers = map[*watch]struct{}{}
}

func (w *watches) wake(grown []command.TopicPartition) {
	if len(grown) == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.partitions) == 0 {
		return
	}
	for _, tp := range grown {
		for waiter := range w.partitions[tp] {
			waiter.poke()
		}
	}
}

// wakeAll wakes everybody, after the whole state has changed.
func (w *watches) wakeAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, waiters := range w.partitions {
		for waiter := range waiters {
			waiter.poke()
		}
	}
	for waiter := range w.timers {
		waiter.poke()
	}
}

func (w *watches) wakeTimers() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for waiter := range w.timers {
		waiter.poke()
	}
}

// Watch sends to wake, without ever blocking, after records were appended to one
// of the partitions, or deleted from it. wake should hold one element. The
// partitions need not exist. cancel ends it; nothing is sent after cancel has
// returned.
func (s *Store) Watch(partitions []command.TopicPartition, wake chan<- struct{}) (cancel func()) {
	w := &s.watches
	waiter := &watch{wake}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, tp := range partitions {
		if w.partitions[tp] == nil {
			w.partitions[tp] = map[*watch]struct{}{}
		}
		w.partitions[tp][waiter] = struct{}{}
	}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, tp := range partitions {
			delete(w.partitions[tp], waiter)
			if len(w.partitions[tp]) == 0 {
				delete(w.partitions, tp)
			}
		}
	}
}

// WatchTimers sends to wake, without ever blocking, after a timer was set that is
// due before all that NextTimerDue told of. wake should hold one element.
func (s *Store) WatchTimers(wake chan<- struct{}) (cancel func()) {
	w := &s.watches
	waiter := &watch{wake}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timers[waiter] = struct{}{}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.timers, waiter)
	}
}

// Changed returns a channel that is closed after records were appended to a resume
// topic, or a topic or deployment was made, altered or deleted.
func (s *Store) Changed() <-chan struct{} {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.changed
}
