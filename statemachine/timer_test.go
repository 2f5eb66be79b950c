package statemachine

import (
	"log/slog"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kont/statemachine/command"
)

// What is no delay sets nothing, is counted, and is logged once a batch, so that a
// client can't fill the log.
func TestSchedulerRecordsThatAreNoTimersAreCountedAndLogged(t *testing.T) {
	logged := make(messages, 100)
	store, err := Open("/srv/data", Options{FS: vfs.NewMem(), Logger: slog.New(logged)})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	h := &harness{T: t, store: store}
	h.create(command.TopicScheduler, 1)
	h.send(command.TopicScheduler, 0,
		record(1, "a|x", "soon"), record(1, "a|y", "-5"), record(1, "a|z", "1.5"), record(1, "a", "5"), record(1, "a|w", "5"))
	stats, err := store.Stats()
	if err != nil {
		t.Fatal(err)
	}
	requireEqual(t, "rejected", stats.TimersRejected, uint64(4))
	requireEqual(t, "set", stats.Timers, uint64(1))
	lines := 0
	for range len(logged) {
		if <-logged == "scheduler records rejected" {
			lines++
		}
	}
	requireEqual(t, "lines", lines, 1)
}
