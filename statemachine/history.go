package statemachine

import (
	"encoding/binary"

	"kont/statemachine/command"
	"kont/statemachine/keys"
)

// The history of a thread is an entry a key, numbered without holes: a step writes
// one small value and, once there are HistoryEntriesMax, deletes one. The thread
// knows the next number, so nothing has to be searched.

const (
	historyStarted  = 1 << 0
	historyReplaced = 1 << 1
)

func encodeHistory(dst []byte, e *command.HistoryEntry) []byte {
	flags := byte(0)
	if e.Started {
		flags |= historyStarted
	}
	if e.Replaced {
		flags |= historyReplaced
	}
	dst = append(dst, valueVersion, byte(e.Outcome), flags)
	dst = binary.AppendVarint(dst, e.UnixMilli)
	dst = binary.AppendUvarint(dst, uint64(e.Partition))
	dst = binary.AppendUvarint(dst, uint64(e.Offset))
	dst = binary.AppendUvarint(dst, e.StepID)
	dst = binary.AppendUvarint(dst, uint64(e.Outputs))
	dst = binary.AppendUvarint(dst, uint64(max(e.DurationMicro, 0)))
	dst = appendString(dst, e.Reason)
	return append(dst, e.Event...)
}

func decodeHistory(value []byte) (command.HistoryEntry, error) {
	r := readValue(value)
	e := command.HistoryEntry{Outcome: command.Outcome(r.byte())}
	flags := r.byte()
	e.Started = flags&historyStarted != 0
	e.Replaced = flags&historyReplaced != 0
	e.UnixMilli = r.int()
	e.Partition = int32(r.uint())
	e.Offset = int64(r.uint())
	e.StepID = r.uint()
	e.Outputs = int(r.uint())
	e.DurationMicro = int64(r.uint())
	e.Reason = r.string()
	if rest := r.rest(); len(rest) > 0 {
		e.Event = append([]byte(nil), rest...)
	}
	return e, r.end("history entry")
}

// addHistory appends an entry to a thread's history. The thread is to be stored
// after it.
func (c *change) addHistory(t *topic, key string, th *thread, e *command.HistoryEntry) {
	e.Reason = cutText(e.Reason, historyReasonBytesMax)
	e.Event = e.Event[:min(len(e.Event), historyEventBytesMax)]
	c.value = encodeHistory(c.value[:0], e)
	c.set(c.key.Numbered(keys.History, t.number, key, th.historyNext), c.value)
	if th.historyNext >= HistoryEntriesMax {
		c.delete(c.key.Numbered(keys.History, t.number, key, th.historyNext-HistoryEntriesMax))
	}
	th.historyNext++
}

// firstHistory is the number of the oldest entry that is there.
func (th *thread) firstHistory() uint32 {
	if th.historyNext <= HistoryEntriesMax {
		return 0
	}
	return th.historyNext - HistoryEntriesMax
}

func (c *change) deleteHistory(t *topic, key string, th *thread) {
	for n := th.firstHistory(); n < th.historyNext; n++ {
		c.delete(c.key.Numbered(keys.History, t.number, key, n))
	}
}

// endedPruned is how many threads' histories go at once, so that looking for them
// is rare, besides as many as there are steps: each of them may leave one more.
const endedPruned = 1000

// pruneEnded drops histories of ended threads: the oldest if there are too many,
// and those that are older than EndedRetentionMilli. Threads end in the order of
// time, so the walk begins where the last one stopped. No more than limit go.
func (c *change) pruneEnded(t *topic, limit int) {
	tooOld := c.now - EndedRetentionMilli
	if t.tally.ended < EndedThreadsMax+endedPruned && (t.tally.ended == 0 || tooOld <= t.tally.endedFrom) {
		return
	}
	lower := append([]byte(nil), c.key.EndedAt(t.number, t.tally.endedFrom, "")...)
	upper := keys.After(c.key.TopicOnly(keys.EndedByTime, t.number))
	n := 0
	from := c.now
	c.eachFrom(lower, upper, func(key, _ []byte) (bool, error) {
		ended, name, err := keys.ParseEndedAt(key)
		if err != nil {
			return false, err
		}
		isDue := ended < tooOld || t.tally.ended > EndedThreadsMax
		if n == limit || !isDue {
			from = ended
			return false, nil
		}
		n++
		c.dropEnded(t, name)
		return true, nil
	})
	t.tally.endedFrom = from
	c.touchTally(t)
}

// dropEnded forgets an ended thread and its history.
func (c *change) dropEnded(t *topic, key string) {
	th := c.loadThread(t, key)
	c.deleteHistory(t, key, &th)
	none := thread{}
	c.storeThread(t, key, &th, &none, false)
}
