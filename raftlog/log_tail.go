package raftlog

import (
	"slices"
	"sync"

	"github.com/hashicorp/raft"
)

// A leader sends entries while it writes them (section 10.2.1 of the Raft thesis). The library would write first: what StoreLogs has
// returned for it takes for written here, counts this node towards the majority, and only then sends. So on a node that leads others
// StoreLogs puts entries into a tail, which is written beside, and returns. What the library believes too early does no harm:
//
//   - No follower's answer reaches the library before the entries of the request are written here too (quietTransport). A majority has this
//     node and another one, or two others; so an entry that is committed is on this disk.
//   - Without other voters this node alone is the majority, and one that follows answers when StoreLogs returns. Both write before it does, and
//     all of the tail first. So do entries that change who votes, which count at once.
//   - One that has lost leadership reads an entry of the tail only when that is written (GetLog), and has to read what it tells the next leader
//     that it has.
//
// A node that dies with a tail is one that never got those entries. A tail that can't be written is a fault as any failed write.
type logTail struct {
	mu sync.Mutex
	// The mutex guards all that follows. entries are what is not written, those that are being written among them.
	entries []*raft.Log
	// isEnded: nothing will be written any more.
	isEnded bool
	// changed is signalled when any of that does.
	changed sync.Cond
	writer  sync.WaitGroup
}

// tailEntriesMax bounds the tail. A batch is cut when the one before is written, so few but the entries of barriers meet there.
const tailEntriesMax = 64

// startLogTail begins to write what is put. It ends with an error of write.
func startLogTail(write func([]*raft.Log) error) *logTail {
	t := &logTail{}
	t.changed.L = &t.mu
	t.writer.Go(func() {
		for {
			entries := t.next()
			if len(entries) == 0 {
				return
			}
			err := write(entries)
			t.mu.Lock()
			if err == nil {
				t.entries = slices.Delete(t.entries, 0, len(entries))
			} else {
				t.isEnded = true
			}
			t.mu.Unlock()
			t.changed.Broadcast()
		}
	})
	return t
}

// next waits for entries. Those that came while others were written are written together.
func (t *logTail) next() []*raft.Log {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.entries) == 0 && !t.isEnded {
		t.changed.Wait()
	}
	if t.isEnded {
		return nil
	}
	return slices.Clone(t.entries)
}

// end returns when nothing is written any more. What is not written then never will be.
func (t *logTail) end() {
	if t == nil {
		return
	}
	t.mu.Lock()
	t.isEnded = true
	t.mu.Unlock()
	t.changed.Broadcast()
	t.writer.Wait()
}

// wake lets those who wait ask whether they still do.
func (t *logTail) wake() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.changed.Broadcast()
}

// put takes entries if there is room.
func (t *logTail) put(entries []*raft.Log) (isTaken bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.isEnded || len(t.entries)+len(entries) > tailEntriesMax {
		return false
	}
	t.entries = append(t.entries, entries...)
	t.changed.Broadcast()
	return true
}

// get finds an entry that is not written.
func (t *logTail) get(index uint64) (entry *raft.Log, exists bool) {
	if t == nil {
		return nil, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.entries) == 0 || index < t.entries[0].Index || index-t.entries[0].Index >= uint64(len(t.entries)) {
		return nil, false
	}
	return t.entries[index-t.entries[0].Index], true
}

// last is the index of the last entry, 0 without one.
func (t *logTail) last() uint64 {
	if t == nil {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.entries) == 0 {
		return 0
	}
	return t.entries[len(t.entries)-1].Index
}

// await returns when no entry up to an index is in the tail. It is false if one stays there for ever, or goesOn says at a wake that
// nobody waits any more.
func (t *logTail) await(index uint64, goesOn func() bool) (isWritten bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.entries) > 0 && t.entries[0].Index <= index {
		if t.isEnded || !goesOn() {
			return false
		}
		t.changed.Wait()
	}
	return true
}
