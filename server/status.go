package server

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/metrics"
	"strconv"
	"strings"

	"kont/server/api"
)

// Status is the node at a glance.
func (n *Node) Status(ctx context.Context) api.Status {
	status := api.Status{
		Version:      n.config.Version,
		KafkaAddress: n.KafkaAddress(),
		HTTPAddress:  n.HTTPAddress(),
		DataDir:      n.config.DataDir,
		Health:       n.Health(ctx),
	}
	stats, err := n.store.Stats()
	if err != nil {
		n.logger.Warn("read stats", "error", err)
	}
	disk, err := dirBytes(n.config.DataDir)
	if err != nil {
		n.logger.Warn("size of the data directory", "error", err)
	}
	log := n.raft.Stats()
	status.Stats = api.Stats{
		LogFirstIndex:     uint64(log.FirstIndex),
		SnapshotsReceived: int64(log.SnapshotsReceived),
		LogStalls:         int64(log.LogStalls),
		LeadershipsLeft:   int64(log.LeadershipsLeft),
		LogWriteMilli:     log.LogWriteAge.Milliseconds(),
		ThreadsSuspended:  int64(stats.Suspended),
		ThreadsFaulted:    int64(stats.Faulted),
		ThreadsEnded:      int64(stats.Ended),
		TimersPending:     int64(stats.Timers),
		TimersRejected:    int64(stats.TimersRejected),
		TimersLost:        int64(stats.TimersLost),
		Topics:            int64(stats.Topics),
		AppliedIndex:      n.store.AppliedIndex(),
		DiskBytes:         disk,
		MemoryBytes:       residentBytes(),
	}
	return status
}

// Topics lists all topics with the ranges of their partitions.
func (n *Node) Topics(context.Context) ([]api.Topic, error) {
	var list []api.Topic
	for _, topic := range n.store.Topics() {
		described := api.Topic{Name: topic.Name, Configs: topic.Configs}
		for i := range topic.Partitions {
			state, err := n.store.Partition(topic.Name, i)
			if err != nil {
				break // Deleted meanwhile.
			}
			described.Partitions = append(described.Partitions, api.Partition{
				Partition: i, StartOffset: state.StartOffset, NextOffset: state.NextOffset, Bytes: state.Bytes,
			})
		}
		if len(described.Partitions) > 0 {
			list = append(list, described)
		}
	}
	return list, nil
}

// dirBytes is the size of all files below dir; those that go meanwhile count
// nothing.
func dirBytes(dir string) (int64, error) {
	var total int64
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return ignoreGone(err)
		}
		info, err := entry.Info()
		if err != nil {
			return ignoreGone(err)
		}
		total += info.Size()
		return nil
	})
	return total, err
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// residentBytes is the process's resident set where the system tells it (Linux),
// and otherwise what Go's runtime has taken.
func residentBytes() int64 {
	if data, err := os.ReadFile("/proc/self/statm"); err == nil {
		if fields := strings.Fields(string(data)); len(fields) > 1 {
			if pages, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
				return pages * int64(os.Getpagesize())
			}
		}
	}
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}

// FailedLogins counts Kafka clients that were refused when they said who they are, since the node was started.
func (n *Node) FailedLogins() int64 { return n.kafka.Stats().FailedLogins }

// OpenTransactions are those of Kafka clients that have not ended.
func (n *Node) OpenTransactions() int { return n.store.OpenTransactions() }
