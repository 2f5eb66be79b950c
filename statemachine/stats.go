package statemachine

import "github.com/cockroachdb/pebble/v2"

// Stats are figures for people and metrics.
type Stats struct {
	AppliedIndex uint64
	Topics       int
	Partitions   int
	// RecordBytes is the size of all batches before the store compresses them.
	RecordBytes int64
	Suspended   uint64
	Faulted     uint64
	// Ended are the threads of which only history is left. A key that never had a
	// thread is none, though it may have history.
	Ended  uint64
	Timers uint64
	// TimersRejected, TimersLost and Unmatched count since the topics were made.
	TimersRejected uint64
	TimersLost     uint64
	Unmatched      uint64
	// DiskBytes is the size of the store's files, MemoryBytes that of its tables in
	// memory and its cache.
	DiskBytes   uint64
	MemoryBytes uint64
}

// Stats takes no longer than there are partitions.
func (s *Store) Stats() (Stats, error) {
	var stats Stats
	err := s.read(func(db *pebble.DB) error {
		s.view(func(im *image) {
			stats.AppliedIndex = im.meta.appliedIndex
			stats.Topics = len(im.topics)
			for _, t := range im.topics {
				stats.addTopic(t)
			}
		})
		metrics := db.Metrics()
		stats.DiskBytes = metrics.DiskSpaceUsage()
		stats.MemoryBytes = metrics.MemTable.Size + uint64(metrics.BlockCache.Size)
		return nil
	})
	return stats, err
}

func (stats *Stats) addTopic(t *topic) {
	stats.Partitions += len(t.partitions)
	for i := range t.partitions {
		stats.RecordBytes += t.partitions[i].bytes()
	}
	stats.Suspended += t.tally.suspended
	stats.Faulted += t.tally.faulted
	stats.Ended += t.tally.ended - t.tally.unstarted
	stats.Timers += t.tally.timers
	stats.TimersRejected += t.tally.timersRejected
	stats.TimersLost += t.tally.timersLost
	for _, n := range t.tally.unmatched {
		stats.Unmatched += n
	}
}
