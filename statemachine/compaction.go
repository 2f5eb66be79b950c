package statemachine

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"kont/statemachine/command"
	"kont/statemachine/keys"
	"kont/statemachine/recordbatch"
)

// What Kafka's topics have that say nothing about compaction.
const (
	configDeleteRetentionMilli  = "delete.retention.ms"
	configMinCleanableRatio     = "min.cleanable.dirty.ratio"
	configMinCompactionLagMilli = "min.compaction.lag.ms"
	configMaxCompactionLagMilli = "max.compaction.lag.ms"
	deleteRetentionMilli        = 24 * 3600 * 1000
	minCleanableRatio           = 0.5
)

// CompactionDue is a partition that is to be compacted.
type CompactionDue struct {
	Topic     string
	TopicID   command.TopicID
	Partition int32
	// DirtyRatio is which part of the partition's bytes came since the last pass.
	DirtyRatio float64
	// end is the offset up to which it may be.
	end int64
	// deleteRetentionMilli is how long tombstones stay.
	deleteRetentionMilli int64
}

// CompactionsDue lists the partitions of topics with the cleanup policy compact that are
// to be compacted at a time, the dirtiest first: those of which a larger part than
// min.cleanable.dirty.ratio is new, that have records older than max.compaction.lag.ms
// which were never compacted, or tombstones or markers whose time is over, and those of
// which a pass was broken off. The last batch before the last stable offset and what
// follows it, what is younger than min.compaction.lag.ms, and events that are not consumed
// are left alone.
func (s *Store) CompactionsDue(nowUnixMilli int64) ([]CompactionDue, error) {
	var due []CompactionDue
	err := s.read(func(db *pebble.DB) error {
		for _, spec := range s.Topics() {
			if !(&topic{spec: spec}).hasPolicy(policyCompact) {
				continue
			}
			for i := range spec.Partitions {
				one, isDue, err := s.compactionDue(db, &spec, i, nowUnixMilli)
				if err != nil {
					return err
				}
				if isDue {
					due = append(due, one)
				}
			}
		}
		return nil
	})
	slices.SortStableFunc(due, func(a, b CompactionDue) int { return cmp.Compare(b.DirtyRatio, a.DirtyRatio) })
	return due, err
}

func (s *Store) compactionDue(db *pebble.DB, spec *command.Topic, partition int32, now int64) (due CompactionDue, isDue bool, err error) {
	number, p, err := s.partition(spec.Name, partition)
	if err != nil || p.start == p.next {
		return due, false, nil // deleted meanwhile, or empty
	}
	t := &topic{spec: *spec}
	due = CompactionDue{Topic: spec.Name, TopicID: spec.ID, Partition: partition,
		deleteRetentionMilli: t.configNumber(configDeleteRetentionMilli, deleteRetentionMilli)}
	if due.end, err = s.compactableTo(db, number, t, partition, &p, now); err != nil {
		return due, false, err
	}
	from := max(p.compacted.cleanTo, p.start)
	if horizon := p.compacted.horizonUnixMilli; horizon != 0 && horizon <= now {
		due.end = max(due.end, p.compacted.cleanTo)
		return due, true, nil
	}
	if due.end <= from {
		return due, false, nil
	}
	if p.compacted.rewritten > from {
		due.DirtyRatio = 1
		return due, true, nil
	}
	before, err := appendedBefore(db, number, partition, &p, from)
	if err != nil {
		return due, false, err
	}
	until, err := appendedBefore(db, number, partition, &p, due.end)
	if err != nil {
		return due, false, err
	}
	clean, dirty := float64(p.bytes())-float64(p.appended-before), float64(until-before)
	due.DirtyRatio = dirty / max(clean+dirty, 1)
	if due.DirtyRatio > t.configRatio(configMinCleanableRatio, minCleanableRatio) {
		return due, true, nil
	}
	lag := t.configNumber(configMaxCompactionLagMilli, now)
	if lag >= now {
		return due, false, nil
	}
	isDue, err = hasOlder(db, number, partition, &p, from, due.end, now-lag)
	return due, isDue, err
}

// hasOlder says whether there are records that have been in a part of a partition since a
// time: that were appended by then, or have such a timestamp. It looks at what lies before
// one entry of the batch index, so that neither a record of the far future nor records
// without timestamps put it off for longer than it takes to fill that.
func hasOlder(db *pebble.DB, number keys.TopicNumber, partition int32, p *partition, from, end, unixMilli int64) (is bool, err error) {
	entry, err := indexEntryOrEnd(db, number, partition, p, from)
	if err != nil || entry.appendedUnixMilli <= unixMilli {
		return err == nil, err
	}
	err = eachBatch(db, number, partition, from, min(end, entry.lastOffset+1), func(h recordbatch.Header, _ []byte) (bool, error) {
		is = h.MaxTimestamp >= 0 && h.MaxTimestamp <= unixMilli
		return !is, nil
	})
	return is, err
}

// compactableTo is the offset up to which a partition may be compacted now.
func (s *Store) compactableTo(db *pebble.DB, number keys.TopicNumber, t *topic, partition int32, p *partition, now int64) (int64, error) {
	// The last batch of what is decided stays. Without an open transaction it is the one
	// that holds the last offset. With one, it is what a reader of committed records has to
	// get to: if it was gone, he, and whoever reads up to the end that ListOffsets told
	// him, would wait for the transaction to end.
	end := p.stable()
	if end <= p.start {
		return end, nil
	}
	err := eachBatch(db, number, partition, end-1, end, func(h recordbatch.Header, _ []byte) (bool, error) {
		end = h.BaseOffset
		return false, nil
	})
	if err != nil {
		return 0, err
	}
	s.view(func(im *image) {
		if of := im.find(t.spec.Name, partition); of != nil && im.isResume(t.spec.Name) {
			end = min(end, of.partitions[partition].consumed.next)
		}
	})
	if lag := t.configNumber(configMinCompactionLagMilli, 0); lag > 0 {
		old, err := offsetAfterTime(db, number, partition, p, p.compacted.cleanTo, end, now-min(lag, now))
		if err != nil {
			return 0, err
		}
		end = min(end, old)
	}
	return end, nil
}

// configRatio is an explicit configuration, or the default where it is absent or no
// number.
func (t *topic) configRatio(name string, absent float64) float64 {
	ratio, err := strconv.ParseFloat(strings.TrimSpace(t.spec.Configs[name]), 64)
	if err != nil {
		return absent
	}
	return ratio
}
