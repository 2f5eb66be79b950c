package statemachine

import (
	"encoding/binary"
	"fmt"

	"kont/statemachine/command"
	"kont/statemachine/keys"
)

// inlineContinuationBytes is the size up to which a continuation is stored in the
// thread's own value. Larger ones have a key of their own, so that listing threads
// does not read them.
const inlineContinuationBytes = 8 << 10

// thread is a thread as stored. Status 0 stands for a key of which nothing is
// known.
//
//	      start             step                          retention
//	none ───────▶ suspended ─────▶ suspended, ended ────────────────▶ none
//	  │            ▲      │ fault
//	  │ fault      │ retry▼
//	  └──────────▶ faulted ────▶ ended (by a retry, if its start faulted)
//
// A start leads from any state to suspended, ended or faulted.
type thread struct {
	status           command.ThreadStatus
	bundle           keys.BundleNumber
	stepID           uint64
	steps            uint64
	startedUnixMilli int64
	updatedUnixMilli int64
	// historyNext is the number of the next history entry. The entries before it,
	// HistoryEntriesMax at most, are there.
	historyNext uint32
	refs        []string
	// continuation is empty if it is stored apart; continuationBytes is its size
	// in either case. 0 is a thread whose start faulted: it has none.
	continuation      []byte
	continuationBytes int
	// fault and the rest are those of a faulted thread.
	fault     string
	kept      uint32
	keptBytes uint64
}

func (th *thread) isLive() bool {
	return th.status == command.ThreadSuspended || th.status == command.ThreadFaulted
}

func (th *thread) isLarge() bool { return th.continuationBytes > inlineContinuationBytes }

// isUnstarted says whether the key never had a thread: it has history, because
// all its events were unmatched.
func (th *thread) isUnstarted() bool { return th.status == command.ThreadEnded && th.bundle == 0 }

// previousStepID is what a step has to continue from.
func (th *thread) previousStepID() uint64 {
	if !th.isLive() {
		return 0
	}
	return th.stepID
}

// encode writes a thread of any status. What comes after the history is only there
// for those that run; the continuation is the last, without a length.
func (th *thread) encode(dst []byte) []byte {
	dst = append(dst, valueVersion, byte(th.status))
	dst = binary.AppendUvarint(dst, uint64(th.bundle))
	dst = binary.AppendUvarint(dst, th.stepID)
	dst = binary.AppendUvarint(dst, th.steps)
	dst = binary.AppendVarint(dst, th.startedUnixMilli)
	dst = binary.AppendVarint(dst, th.updatedUnixMilli-th.startedUnixMilli)
	dst = binary.AppendUvarint(dst, uint64(th.historyNext))
	if !th.isLive() {
		return dst
	}
	if th.status == command.ThreadFaulted {
		dst = appendString(dst, th.fault)
		dst = binary.AppendUvarint(dst, uint64(th.kept))
		dst = binary.AppendUvarint(dst, th.keptBytes)
	}
	dst = appendStrings(dst, th.refs)
	dst = binary.AppendUvarint(dst, uint64(th.continuationBytes))
	if !th.isLarge() {
		dst = append(dst, th.continuation...)
	}
	return dst
}

// decodeThread reads a thread. The continuation aliases the value.
func decodeThread(value []byte) (thread, error) {
	r := readValue(value)
	th := thread{status: command.ThreadStatus(r.byte())}
	if th.status < command.ThreadSuspended || th.status > command.ThreadEnded {
		r.bad = true
	}
	th.bundle = keys.BundleNumber(r.uint())
	th.stepID = r.uint()
	th.steps = r.uint()
	th.startedUnixMilli = r.int()
	th.updatedUnixMilli = th.startedUnixMilli + r.int()
	th.historyNext = uint32(r.uint())
	if th.isLive() {
		if th.status == command.ThreadFaulted {
			th.fault = r.string()
			th.kept = uint32(r.uint())
			th.keptBytes = r.uint()
		}
		th.refs = r.strings()
		bytes := r.uint()
		if bytes > ContinuationBytesMax {
			r.bad = true
		}
		th.continuationBytes = int(bytes)
		if !th.isLarge() {
			th.continuation = r.bytes(bytes)
		}
	}
	return th, r.end("thread")
}

// threadBundle reads the bundle of a stored thread.
func threadBundle(value []byte) (keys.BundleNumber, error) {
	r := readValue(value)
	r.byte()
	bundle := keys.BundleNumber(r.uint())
	if r.bad {
		return 0, fmt.Errorf("thread: %w", errMalformed)
	}
	return bundle, nil
}

// loadThread reads what is known of a key.
func (c *change) loadThread(t *topic, key string) thread {
	for _, letter := range []byte{keys.Thread, keys.Ended} {
		value := c.get(c.key.Name(letter, t.number, key))
		if value == nil {
			continue
		}
		th, err := decodeThread(value)
		c.fail(err)
		return th
	}
	return thread{}
}

// storeThread replaces what is known of a key, with its indexes and counters. old
// is what loadThread gave. The continuation is written where it belongs;
// isContinuationNew says that it may differ from the old one.
func (c *change) storeThread(t *topic, key string, old, new *thread, isContinuationNew bool) {
	c.countThread(t, old, new)
	if old.isLive() && !new.isLive() {
		c.delete(c.key.Name(keys.Thread, t.number, key))
	}
	if old.status == command.ThreadEnded && (new.status != command.ThreadEnded || new.updatedUnixMilli != old.updatedUnixMilli) {
		c.delete(c.key.EndedAt(t.number, old.updatedUnixMilli, key))
		if new.status != command.ThreadEnded {
			c.delete(c.key.Name(keys.Ended, t.number, key))
		}
	}
	isFaulted, wasFaulted := new.status == command.ThreadFaulted, old.status == command.ThreadFaulted
	switch {
	case isFaulted && !wasFaulted:
		c.set(c.key.Name(keys.Faulted, t.number, key), []byte{valueVersion})
	case wasFaulted && !isFaulted:
		c.delete(c.key.Name(keys.Faulted, t.number, key))
	}
	c.storeLarge(t, key, old, new, isContinuationNew)

	letter := byte(keys.Thread)
	switch new.status {
	case 0:
		return
	case command.ThreadEnded:
		letter = keys.Ended
		if old.status != command.ThreadEnded || new.updatedUnixMilli != old.updatedUnixMilli {
			c.set(c.key.EndedAt(t.number, new.updatedUnixMilli, key), []byte{valueVersion})
		}
	}
	c.value = new.encode(c.value[:0])
	c.set(c.key.Name(letter, t.number, key), c.value)
}

func (c *change) storeLarge(t *topic, key string, old, new *thread, isContinuationNew bool) {
	isLarge := new.isLive() && new.isLarge()
	wasLarge := old.isLive() && old.isLarge()
	switch {
	case isLarge && isContinuationNew:
		value := append([]byte{valueVersion}, new.continuation...)
		c.set(c.key.Name(keys.Continuation, t.number, key), value)
	case wasLarge && !isLarge:
		c.delete(c.key.Name(keys.Continuation, t.number, key))
	}
}

// countThread moves a thread from one counter to another, and from one bundle.
func (c *change) countThread(t *topic, old, new *thread) {
	if old.status != new.status {
		*t.tally.of(old.status)--
		*t.tally.of(new.status)++
		c.touchTally(t)
	}
	if old.isUnstarted() != new.isUnstarted() {
		if new.isUnstarted() {
			t.tally.unstarted++
		} else {
			t.tally.unstarted--
		}
		c.touchTally(t)
	}
	oldBundle, newBundle := old.liveBundle(), new.liveBundle()
	if oldBundle != newBundle {
		c.retainThread(newBundle)
		c.releaseThread(oldBundle)
	}
}

// liveBundle is the bundle that the thread needs, 0 for none.
func (th *thread) liveBundle() keys.BundleNumber {
	if !th.isLive() {
		return 0
	}
	return th.bundle
}

// of is the counter of a status; of one that nobody reads for 0.
func (t *tally) of(status command.ThreadStatus) *uint64 {
	switch status {
	case command.ThreadSuspended:
		return &t.suspended
	case command.ThreadFaulted:
		return &t.faulted
	case command.ThreadEnded:
		return &t.ended
	}
	return new(uint64)
}
