package statemachine

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"kont/statemachine/command"
	"kont/statemachine/keys"
	"kont/statemachine/recordbatch"
)

const (
	// compactReadBytes is how much is read at a time, with the store held.
	compactReadBytes = 1 << 20
	// compactCommandBytes bounds the batches in one command, but for the first.
	compactCommandBytes = 1 << 20
	// compactScanBytes bounds what is looked at for one command.
	compactScanBytes = 16 << 20
)

// A CompactionPass works out, on the leader, what one compaction of a partition changes.
// First it reads what is dirty and notes the last offset of every key; then it goes
// through the partition from its start, and Next returns command after command that leave
// out the records which have a later one. The state machine checks each of them against
// what is there by then, so a pass may be broken off anywhere, and another leader may be
// at the same.
//
// Memory is bounded by keysMax keys: where they are more, the pass ends before the batch
// with which they would be too many, and the next one begins there. Keys are known by 128
// bits of their SHA-256, so that no two of them are ever taken for one.
//
// Nothing is compacted from the first record of a transaction on that is open, nor the
// batch before it. What was aborted counts for no key, and goes. A marker goes when nothing
// of its transaction is left, see changeMarker.
type CompactionPass struct {
	store *Store
	due   CompactionDue
	now   int64
	// latest has the last offset of each key in the dirty part.
	latest map[keyHash]int64
	// aborted are the aborted transactions of the dirty part by producer, to their markers.
	aborted map[int64][]OffsetRange
	// scanned is what was met of the transactions whose markers were not, by producer.
	scanned map[int64]scannedTransaction
	// at is where Next goes on.
	at int64
	// horizon is when the first tombstone or marker that is kept may go, 0 for none.
	horizon int64
	// Records and bytes so far.
	stats CompactionStats
}

// CompactionStats is what a pass has done.
type CompactionStats struct {
	RecordsKept    int64
	RecordsDropped int64
	BytesRead      int64
	// BytesFreed is by how much the batches became smaller.
	BytesFreed int64
	// Keys is how many keys the dirty part had.
	Keys int
}

type keyHash [16]byte

func hashKey(key []byte) keyHash {
	sum := sha256.Sum256(key)
	return keyHash(sum[:16])
}

// errDeleted: the topic is another one by now, or none.
var errDeleted = errors.New("topic was deleted meanwhile")

// BeginCompaction reads the dirty part of a partition. pause is called again and again with
// the bytes that were read, and may wait; its error ends the pass.
func (s *Store) BeginCompaction(due CompactionDue, nowUnixMilli int64, keysMax int, pause func(bytes int) error) (*CompactionPass, error) {
	state, err := s.compactionOf(due)
	if err != nil {
		return nil, err
	}
	pass := &CompactionPass{store: s, due: due, now: nowUnixMilli, at: state.start,
		latest: map[keyHash]int64{}, aborted: map[int64][]OffsetRange{}, scanned: map[int64]scannedTransaction{}}
	first := max(state.compacted.cleanTo, state.start)
	if err := pass.noteAborted(state.number, first, endedReadMax); err != nil {
		return nil, err
	}
	noted := keyScan{pass: pass, keysMax: keysMax}
	if err := pass.readAll(first, pause, noted.add); err != nil {
		return nil, err
	}
	if noted.isFull {
		pass.due.end = noted.end
	}
	// What was clean stays so.
	pass.due.end = max(pass.due.end, first)
	pass.stats.Keys = len(pass.latest)
	return pass, nil
}

// Stats is what the pass has done so far.
func (p *CompactionPass) Stats() CompactionStats { return p.stats }

// Next returns the next command; the last one says how far the pass came. It has to be
// proposed, and applied, before Next is called again, unless it changes nothing: it has no
// batches then, and doesn't say how far.
func (p *CompactionPass) Next(pause func(bytes int) error) (com command.CompactRecords, isLast bool, err error) {
	com = command.CompactRecords{Topic: p.due.Topic, Partition: p.due.Partition, TopicID: p.due.TopicID}
	size, scanned := 0, 0
	isFull := func() bool {
		return len(com.Changes) >= CompactChangesMax || size >= compactCommandBytes || scanned >= compactScanBytes
	}
	for p.at < p.due.end && !isFull() {
		next, bytes, err := p.read(p.at, func(h recordbatch.Header, batch []byte) (bool, error) {
			if change := p.change(h, batch); change != nil {
				com.Changes = append(com.Changes, *change)
				size += len(change.Batch)
			}
			scanned += len(batch)
			return !isFull(), nil
		})
		if err != nil {
			return com, false, err
		}
		p.at = next
		if err := pause(bytes); err != nil {
			return com, false, err
		}
	}
	// How far it came is a command of its own: with the last changes, it would count although
	// these are passed over.
	if isLast = p.at >= p.due.end && len(com.Changes) == 0; isLast {
		com.CleanTo, com.HorizonUnixMilli = p.due.end, p.horizon
	}
	return com, isLast, nil
}

// change is what becomes of a batch; nil if it stays.
func (p *CompactionPass) change(h recordbatch.Header, batch []byte) *command.BatchChange {
	if h.IsControl() {
		return p.changeMarker(h, batch)
	}
	result := recordbatch.Compacted{Dropped: int(h.Count)}
	if !p.isAborted(h) {
		var err error
		result, err = recordbatch.Compact(batch, p.newHorizon(), p.keeper(h))
		if err != nil || len(result.Batch) > BatchBytesMax {
			// Stored without having been read through, or compressed so well that what is left
			// would not fit. It can't be compacted, but it can stay.
			result = recordbatch.Compacted{IsUnchanged: true}
		}
	}
	p.noteTransaction(h, result.IsUnchanged || result.Batch != nil)
	p.noteHorizon(result.DeleteHorizonUnixMilli)
	p.stats.RecordsKept += int64(result.Kept)
	p.stats.RecordsDropped += int64(result.Dropped)
	if result.IsUnchanged {
		return nil
	}
	p.stats.BytesFreed += int64(len(batch) - len(result.Batch))
	return &command.BatchChange{LastOffset: h.LastOffset(), CRC: h.CRC, Batch: result.Batch}
}

// newHorizon is when what is met now for the first time may go.
func (p *CompactionPass) newHorizon() int64 {
	return p.now + min(p.due.deleteRetentionMilli, timerDelayMilliMax)
}

func (p *CompactionPass) noteHorizon(at int64) {
	if at != 0 && (p.horizon == 0 || at < p.horizon) {
		p.horizon = at
	}
}

// keeper says which records of a batch stay: the last one of each key, but for tombstones
// whose time is over. Records without a key, from before the topic was compacted, go, as
// on a Kafka broker.
func (p *CompactionPass) keeper(h recordbatch.Header) func(recordbatch.Record) bool {
	horizon, hasHorizon := h.DeleteHorizon()
	isHorizonPast := hasHorizon && horizon <= p.now
	return func(r recordbatch.Record) bool {
		if r.Key == nil || r.Value == nil && isHorizonPast {
			return false
		}
		latest, isKnown := p.latest[hashKey(r.Key)]
		return !isKnown || r.Offset >= latest
	}
}

// readAll calls f with the batches from an offset on until it returns false, or all are
// read.
func (p *CompactionPass) readAll(from int64, pause func(bytes int) error, f func(recordbatch.Header, []byte) (goOn bool, err error)) error {
	isDone := false
	for from < p.due.end && !isDone {
		next, bytes, err := p.read(from, func(h recordbatch.Header, batch []byte) (bool, error) {
			goOn, err := f(h, batch)
			isDone = isDone || !goOn
			return goOn, err
		})
		if err != nil {
			return err
		}
		if err := pause(bytes); err != nil {
			return err
		}
		from = next
	}
	return nil
}

// read calls f with the batches from an offset up to the end of what may be compacted,
// until it returns false or enough was read, and returns where to go on.
func (p *CompactionPass) read(from int64, f func(recordbatch.Header, []byte) (goOn bool, err error)) (next int64, bytes int, err error) {
	next = p.due.end
	err = p.store.read(func(db *pebble.DB) error {
		state, err := p.store.compactionOf(p.due)
		if err != nil {
			return err
		}
		return eachBatch(db, state.number, p.due.Partition, max(from, state.start), p.due.end, func(h recordbatch.Header, batch []byte) (bool, error) {
			if h.NextOffset() > p.due.end {
				return false, nil
			}
			bytes += len(batch)
			goOn, err := f(h, batch)
			if err == nil && (!goOn || bytes >= compactReadBytes) {
				next = h.NextOffset()
				return false, nil
			}
			return goOn, err
		})
	})
	p.stats.BytesRead += int64(bytes)
	return next, bytes, err
}

// compactionState is what a pass needs to know of its partition.
type compactionState struct {
	partition
	number keys.TopicNumber
}

// compactionOf finds a partition, unless its topic is another one by now.
func (s *Store) compactionOf(due CompactionDue) (state compactionState, err error) {
	err = fmt.Errorf("%q partition %d: %w", due.Topic, due.Partition, errDeleted)
	s.view(func(im *image) {
		if t := im.findSame(due.Topic, due.TopicID, due.Partition); t != nil {
			state.number, state.partition, err = t.number, t.partitions[due.Partition], nil
			state.consumed = consumption{}
		}
	})
	return state, err
}

// IsDeleted says whether a pass ended because its topic was deleted.
func IsDeleted(err error) bool { return errors.Is(err, errDeleted) }
