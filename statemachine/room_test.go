package statemachine

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// messages is a log handler that hands on what is logged.
type messages chan string

func (m messages) Enabled(context.Context, slog.Level) bool { return true }
func (m messages) WithAttrs([]slog.Attr) slog.Handler       { return m }
func (m messages) WithGroup(string) slog.Handler            { return m }

func (m messages) Handle(_ context.Context, r slog.Record) error {
	select {
	case m <- r.Message:
	default:
	}
	return nil
}

// slowTables holds back new tables until it is told how their creation ends.
type slowTables struct{ outcome chan error }

func (s slowTables) String() string { return "slowTables" }

func (s slowTables) MaybeError(op errorfs.Op) error {
	if op.Kind != errorfs.OpCreate || !strings.HasSuffix(op.Path, ".sst") {
		return nil
	}
	return <-s.outcome
}

// fillUp applies batches until Apply waits for the disk, and returns a channel that
// gets the last index applied, once Apply has refused one.
func fillUp(t *testing.T, store *Store, logged messages) <-chan uint64 {
	t.Helper()
	batch := recordbatch.Append(nil, []recordbatch.Record{record(1, "k", strings.Repeat("v", 100<<10))}, recordbatch.Options{})
	first := encode(t, command.CreateTopics{Topics: []command.Topic{{Name: "t", Partitions: 1}}})
	next := encode(t, command.AppendRecords{Appends: []command.Append{{Topic: "t", Batch: batch}}})
	if store.Apply([]Entry{{Index: 1, Proposals: [][]byte{first}}}) == nil {
		t.Fatal(store.Err())
	}
	done := make(chan uint64, 1)
	go func() {
		index := uint64(2)
		for index < 200 && store.Apply([]Entry{{Index: index, Proposals: [][]byte{next}}}) != nil {
			index++
		}
		done <- index - 1
	}()
	for {
		select {
		case message := <-logged:
			if message == "writes wait for the disk" {
				return done
			}
		case index := <-done:
			t.Fatalf("nobody waited for the disk before log index %d; %v", index, store.Err())
		case <-time.After(time.Minute):
			t.Fatal("nobody waits for the disk")
		}
	}
}

func await[V any](t *testing.T, what string, from <-chan V) V {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(time.Minute):
		t.Fatalf("%s does not return", what)
		panic("unreachable")
	}
}

// The disk is slow, so Apply waits for a flush, and then the flush finds the disk
// full. Apply returns, the store says why, and can be read and closed.
func TestApplyThatWaitsForAFlushReturnsWhenTheFlushFails(t *testing.T) {
	logged := make(messages, 100)
	slow := slowTables{make(chan error)}
	options := Options{FS: errorfs.Wrap(vfs.NewMem(), slow), MemTableBytes: 256 << 10, Logger: slog.New(logged)}
	store, err := Open("/srv/data", options)
	if err != nil {
		t.Fatal(err)
	}
	done := fillUp(t, store, logged)
	flushed := make(chan error, 1)
	go func() { flushed <- store.Flush() }()
	slow.outcome <- errDisk
	close(slow.outcome)
	applied := await(t, "Apply", done)
	if err := await(t, "Flush", flushed); !errors.Is(err, errDisk) {
		t.Errorf("Flush: %v", err)
	}
	requireStopped(t, store, store.Err())
	requireEqual(t, "applied index", store.AppliedIndex(), applied)
	closed := make(chan error, 1)
	go func() { closed <- store.Close() }()
	if err := await(t, "Close", closed); err != nil {
		t.Error(err)
	}
}

// What waits for a slow disk goes on when the disk has caught up.
func TestApplyThatWaitsForAFlushGoesOn(t *testing.T) {
	logged := make(messages, 100)
	slow := slowTables{make(chan error)}
	options := Options{FS: errorfs.Wrap(vfs.NewMem(), slow), MemTableBytes: 256 << 10, Logger: slog.New(logged)}
	store, err := Open("/srv/data", options)
	if err != nil {
		t.Fatal(err)
	}
	done := fillUp(t, store, logged)
	close(slow.outcome)
	requireEqual(t, "applied index", await(t, "Apply", done), uint64(199))
	if err := errors.Join(store.Err(), store.Close()); err != nil {
		t.Error(err)
	}
}

// A node that is idle after its old records were deleted gives back the disk of each
// of Pebble's tables that holds nothing else, if it was below level 0. A table at either
// edge of what was deleted stays, about 4 MiB of each.
func TestDeletedRecordsLeaveTheDiskOfAnIdleNode(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	value := make([]byte, 1<<20)
	for name, remove := range map[string]command.Command{
		"records": command.DeleteRecords{Trims: []command.Trim{{Topic: "t", Offset: 40}}},
		"topic":   command.DeleteTopics{Names: []string{"t"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.create("t", 1)
			for range 40 {
				random.Read(value)
				h.send("t", 0, record(1, "k", string(value)))
			}
			if err := h.store.db.Compact(t.Context(), []byte{0}, []byte{0xff}, false); err != nil {
				t.Fatal(err)
			}
			h.must(remove)
			for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
				stats, err := h.store.Stats()
				if err != nil {
					t.Fatal(err)
				}
				if stats.DiskBytes < 20<<20 { // half of the records
					return
				}
				if time.Now().After(deadline) {
					t.Fatalf("%d bytes are still on disk", stats.DiskBytes)
				}
			}
		})
	}
}
