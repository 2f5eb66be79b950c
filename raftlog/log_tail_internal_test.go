package raftlog

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

func always() bool { return true }

func entries(from, to uint64) (entries []*raft.Log) {
	for index := from; index <= to; index++ {
		entries = append(entries, &raft.Log{Index: index, Term: 1, Type: raft.LogCommand, Data: []byte{byte(index)}})
	}
	return entries
}

// A node that leads reads what is on its way to the disk; once it follows, it waits.
func TestTailIsReadByTheLeaderAlone(t *testing.T) {
	n, _, err := openStopped(Config{NodeID: "n1", Dir: t.TempDir()}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.closeFiles() })
	n.log.onStored = func() {}
	held := make(chan struct{})
	var leads atomic.Bool
	n.log.leadsOthers = leads.Load
	n.log.tail = startLogTail(func(entries []*raft.Log) error {
		<-held
		return n.log.write(entries)
	})
	t.Cleanup(n.log.tail.end)
	if err := n.log.StoreLogs(entries(1, 2)); err != nil {
		t.Fatal(err)
	}
	leads.Store(true)
	if err := n.log.StoreLogs(entries(3, 4)); err != nil {
		t.Fatal(err)
	}
	for index := range uint64(4) {
		var entry raft.Log
		if err := n.log.GetLog(index+1, &entry); err != nil || entry.Index != index+1 || entry.Data[0] != byte(index+1) {
			t.Errorf("entry %d is %+v, %v", index+1, entry, err)
		}
	}
	if err := n.log.GetLog(5, &raft.Log{}); !errors.Is(err, raft.ErrLogNotFound) {
		t.Errorf("entry 5: %v", err)
	}
	if last, err := n.log.LastIndex(); last != 4 || err != nil {
		t.Errorf("the last is %d, %v", last, err)
	}
	leads.Store(false)
	read := make(chan error, 1)
	go func() { read <- n.log.GetLog(3, &raft.Log{}) }()
	if err := n.log.GetLog(2, &raft.Log{}); err != nil {
		t.Errorf("an entry that is written: %v", err)
	}
	select {
	case err := <-read:
		t.Errorf("read before it is written: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(held)
	if err := <-read; err != nil {
		t.Error(err)
	}
	if err := n.log.DeleteRange(4, 4); err != nil {
		t.Error(err)
	}
	if last, err := n.log.LastIndex(); last != 3 || err != nil {
		t.Errorf("the last is %d after a deletion, %v", last, err)
	}
}

func TestTailIsBoundedAndWritesInOrder(t *testing.T) {
	held, written := make(chan struct{}), make(chan []*raft.Log, tailEntriesMax)
	failed := errors.New("failed")
	tail := startLogTail(func(entries []*raft.Log) error {
		<-held
		written <- slices.Clone(entries)
		if entries[0].Index > tailEntriesMax {
			return failed
		}
		return nil
	})
	defer tail.end()
	all := entries(1, tailEntriesMax)
	for _, entry := range all {
		if !tail.put([]*raft.Log{entry}) {
			t.Fatalf("entry %d has no room", entry.Index)
		}
	}
	if tail.put(entries(tailEntriesMax+1, tailEntriesMax+1)) {
		t.Error("takes more than there is room for")
	}
	close(held)
	if !tail.await(tailEntriesMax, always) {
		t.Error("all was written, and it says otherwise")
	}
	var got []*raft.Log
	for len(written) > 0 {
		got = append(got, <-written...)
	}
	if !slices.Equal(got, all) {
		t.Errorf("written: %d entries of %d, or in another order", len(got), len(all))
	}
	if !tail.put(entries(tailEntriesMax+1, tailEntriesMax+1)) {
		t.Error("takes nothing when all is written")
	}
	if tail.await(tailEntriesMax+1, always) {
		t.Error("what can't be written counts as written")
	}
	if !tail.await(tailEntriesMax, always) {
		t.Error("what was written counts no more")
	}
	if tail.put(entries(tailEntriesMax+2, tailEntriesMax+2)) {
		t.Error("takes entries after one that can't be written")
	}
}
