package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"kont/raftlog"
	"kont/raftlog/link/linktest"
	"kont/server/api"
	"kont/server/config"
	"kont/statemachine"
	"kont/statemachine/command"
)

// backUp is a backup of a node that runs.
func backUp(t *testing.T, n *Node) []byte {
	t.Helper()
	var file bytes.Buffer
	var begun uint64
	if err := n.Backup(t.Context(), &file, false, func(index uint64) { begun = index }); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(n.config.DataDir, "store", "checkpoint-*")); err != nil || len(left) > 0 {
		t.Errorf("it leaves %v, %v", left, err)
	}
	if index, err := CheckBackup(bytes.NewReader(file.Bytes())); err != nil || index != begun {
		t.Fatalf("a backup of log index %d is checked as %d, %v", begun, index, err)
	}
	return file.Bytes()
}

// What a cluster had is there in another one, which goes on with it: records, threads that wait, timers.
func TestBackupOfAClusterBeginsAnother(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	deployPuppet(t, c.leader())
	client := c.client(kgo.AllowAutoTopicCreation())
	produce(t, client, "orders", "a", "1")
	produce(t, client, command.TopicResume, "a", `new:"begin"`)
	produce(t, client, command.TopicResume, "t", `new:"timer 1"`)
	follower := c.follower()
	waitFor(t, "the threads", func() bool {
		thread, err := follower.Thread(t.Context(), command.TopicResume, "a")
		return err == nil && thread.Steps == 1
	})
	// From a follower, too.
	backup := backUp(t, follower)
	produce(t, client, "orders", "a", "after it")

	other := &testCluster{TB: t, configs: map[int32]Config{}, nodes: map[int32]*Node{}}
	other.configure(5, linktest.FreeAddress(t), config.Cluster{})
	settings := other.configs[5]
	settings.DataDir = filepath.Join(settings.DataDir, "restored")
	other.configs[5] = settings
	of, err := CheckBackup(bytes.NewReader(backup))
	if index, restoreErr := Restore(settings, bytes.NewReader(backup)); index != of || err != nil || restoreErr != nil {
		t.Fatalf("a backup of log index %d is restored as %d, %v, %v", of, index, err, restoreErr)
	}
	if found, err := Verify(settings, nil); err != nil || found.NodeID != 5 || found.ClusterID == "" || found.State.AppliedIndex != uint64(found.Log.LastIndex) || found.State.Batches == 0 {
		t.Fatalf("verified as %+v, %v", found, err)
	}
	other.start(5)
	if got := other.nodes[5].identity.ClusterID; got == c.nodes[1].identity.ClusterID {
		t.Error("two clusters have the same id")
	}
	if nodes := other.nodes[5].store.Nodes().ByID; len(nodes) != 1 {
		t.Errorf("it knows of the nodes %v", nodes)
	}
	other.configure(6, linktest.FreeAddress(t), config.Cluster{Join: []string{settings.Cluster.RaftAddr}})
	other.start(6)
	waitFor(t, "the vote of node 6", func() bool { return len(other.voters()) == 2 })
	for id, node := range other.nodes {
		if state, err := node.store.Partition("orders", 0); err != nil || state.NextOffset != 1 {
			t.Errorf("node %d has of the topic %+v, %v", id, state, err)
		}
	}
	client = other.client()
	produce(t, client, command.TopicResume, "a", `{"ref":"r","value":"end"}`)
	consumer := other.client(kgo.ConsumeTopics(command.TopicResult), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	results := map[string]string{}
	for len(results) < 2 {
		fetches := consumer.PollFetches(testContext(t))
		if err := fetches.Err0(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) { results[string(r.Key)] += string(r.Value) })
	}
	if want := "map[a:begin;end; t:timer 1;end;]"; fmt.Sprint(results) != want {
		t.Errorf("results %v, want %s", results, want)
	}
}

// A node that follows hears of what was acknowledged with what comes after it, and one that is alone not at all. Its backup waits, or says so.
func TestBackupOfAFollowerHasWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	leader, follower := c.leader(), c.follower()
	client := c.client(kgo.AllowAutoTopicCreation())
	for range 30 {
		produce(t, client, "orders", "a", "1")
		acknowledged := leader.store.AppliedIndex()
		if err := follower.awaitAcknowledged(t.Context()); err != nil {
			t.Fatal(err)
		}
		if has := follower.store.AppliedIndex(); has < acknowledged {
			t.Fatalf("it would back up log index %d, and %d is acknowledged", has, acknowledged)
		}
	}
	for id := range c.configs {
		if id != follower.identity.NodeID {
			c.stop(id)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var refusal *api.Error
	err := follower.Backup(ctx, io.Discard, false, func(uint64) { t.Error("it begins") })
	if !errors.As(err, &refusal) || refusal.Code != "not_leader" || !strings.Contains(refusal.Hint, "--of-node") {
		t.Errorf("of a node that is alone: %v", err)
	}
	if err := follower.Backup(ctx, io.Discard, true, func(uint64) {}); err != nil {
		t.Errorf("what it has: %v", err)
	}
}

func TestDamagedBackupsAreRefused(t *testing.T) {
	n := startNode(t, testConfig(t.TempDir()))
	produce(t, newClient(t, n, kgo.AllowAutoTopicCreation()), "orders", "a", "1")
	backup := backUp(t, n)
	restore := func(data []byte) (Config, error) {
		settings := testConfig(filepath.Join(t.TempDir(), "data"))
		_, err := Restore(settings, bytes.NewReader(data))
		return settings, err
	}
	for _, at := range []int{0, 1, len(backup) / 3, len(backup) / 2, len(backup) - 1} {
		damaged := bytes.Clone(backup)
		damaged[at] ^= 1
		for what, data := range map[string][]byte{"cut off": backup[:at], "changed": damaged} {
			if _, err := CheckBackup(bytes.NewReader(data)); !errors.Is(err, statemachine.ErrSnapshot) {
				t.Errorf("%s at %d: checked with %v", what, at, err)
			}
			settings, err := restore(data)
			if !errors.Is(err, statemachine.ErrSnapshot) {
				t.Errorf("%s at %d: %v", what, at, err)
			}
			// Nothing comes of it by starting a node there.
			if _, err := os.Stat(filepath.Join(settings.DataDir, identityFile)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s at %d: the directory is a node's", what, at)
			}
		}
	}
	longer := append(bytes.Clone(backup), 0)
	if _, err := CheckBackup(bytes.NewReader(longer)); !errors.Is(err, statemachine.ErrSnapshot) {
		t.Errorf("with a byte more: checked with %v", err)
	}
	if _, err := restore(longer); !errors.Is(err, statemachine.ErrSnapshot) {
		t.Errorf("with a byte more: %v", err)
	}
	settings, err := restore(backup)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(settings, bytes.NewReader(backup)); !errors.Is(err, fs.ErrExist) {
		t.Errorf("into a directory that is not empty: %v", err)
	}
}

// interrupted gives the first bytes of a backup, and what happens then.
type interrupted struct {
	io.Reader
	then func()
}

func (r *interrupted) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err == io.EOF {
		r.then()
	}
	return n, err
}

// A machine that died while a backup was restored to it may start its services again: that a node comes up with nothing would look as if
// the backup had nothing.
func TestNodeDoesNotStartOnHalfARestore(t *testing.T) {
	n := startNode(t, testConfig(t.TempDir()))
	backup := backUp(t, n)
	for _, at := range []int{0, 10, len(backup) / 2, len(backup) - 1} {
		settings := testConfig(filepath.Join(t.TempDir(), "data"))
		died := settings
		died.DataDir = filepath.Join(t.TempDir(), "died")
		reader := &interrupted{bytes.NewReader(backup[:at]), func() {
			if err := os.CopyFS(died.DataDir, os.DirFS(settings.DataDir)); err != nil {
				t.Error(err)
			}
		}}
		if _, err := Restore(settings, reader); !errors.Is(err, statemachine.ErrSnapshot) {
			t.Fatalf("cut off at %d: %v", at, err)
		}
		if found, err := Start(testContext(t), died); err == nil {
			found.Close() //nolint:errcheck // it should not be there
			t.Errorf("cut off at %d: a node starts", at)
		}
	}
}

// A node that died while a backup was restored has no log for the state, and does not start.
func TestHalfRestoredDirectoryIsNoNode(t *testing.T) {
	n := startNode(t, testConfig(t.TempDir()))
	settings := testConfig(filepath.Join(t.TempDir(), "data"))
	if _, err := Restore(settings, bytes.NewReader(backUp(t, n))); err != nil {
		t.Fatal(err)
	}
	remove := func(name string) {
		t.Helper()
		if err := os.RemoveAll(filepath.Join(settings.DataDir, name)); err != nil {
			t.Fatal(err)
		}
	}
	remove("raft")
	if _, err := Start(testContext(t), settings); !errors.Is(err, raftlog.ErrStateLost) {
		t.Errorf("without its log: %v", err)
	}
	remove("raft")
	remove(identityFile)
	if _, err := Start(testContext(t), settings); err == nil || !strings.Contains(err.Error(), "node.json is gone") {
		t.Errorf("without its log, and who it is: %v", err)
	}
}

// A backup of a cluster in which a node has yet to get the new release may be restored for the release that all have.
func TestRestoreDoesNotRaiseTheLevelOfCommands(t *testing.T) {
	store, err := statemachine.Open(t.TempDir(), statemachine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var proposals [][]byte
	for id, level := range []command.Level{1, command.NewestLevel} {
		data, err := command.Encode(command.RegisterNode{Node: command.Node{ID: int32(id + 1), Level: level}})
		if err != nil {
			t.Fatal(err)
		}
		proposals = append(proposals, data)
	}
	store.Apply([]statemachine.Entry{{Index: 2, Proposals: proposals}})
	snapshot, err := store.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Release()
	var backup bytes.Buffer
	if err := snapshot.Persist(&backup); err != nil {
		t.Fatal(err)
	}
	settings := testConfig(filepath.Join(t.TempDir(), "restored"))
	if _, err := Restore(settings, &backup); err != nil {
		t.Fatal(err)
	}
	restored, err := statemachine.Open(filepath.Join(settings.DataDir, "store"), statemachine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer restored.Close()
	if nodes := restored.Nodes(); nodes.Level != 1 || len(nodes.ByID) != 0 {
		t.Errorf("level %d, nodes %v", nodes.Level, nodes.ByID)
	}
}
