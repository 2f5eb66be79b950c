package server

import (
	"bytes"
	"context"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	walfs "github.com/hashicorp/raft-wal/fs"
	"github.com/hashicorp/raft-wal/types"
	"github.com/twmb/franz-go/pkg/kgo"

	"kont/raftlog/link/linktest"
	"kont/server/certificates/certificatestest"
	"kont/server/config"
)

// A node that forgot its votes must not vote, so a directory that has lost its log is no node's.
func TestNodeRefusesADirectoryThatLacksItsLog(t *testing.T) {
	c := newTestCluster(t, 3)
	id := c.follower().identity.NodeID
	c.stop(id)
	raftDir := filepath.Join(c.configs[id].DataDir, "raft")
	if err := os.Rename(raftDir, raftDir+"-away"); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(testContext(t), c.configs[id]); err == nil || !strings.Contains(err.Error(), raftDir+" is gone") {
		t.Errorf("without its log: %v", err)
	}
	if _, err := os.Stat(raftDir); err == nil {
		if err := os.RemoveAll(raftDir); err != nil {
			t.Fatal(err)
		}
		t.Error("it began another log")
	}
	if err := os.Rename(raftDir+"-away", raftDir); err != nil {
		t.Fatal(err)
	}
	c.start(id)
}

// What is there is never the beginning of another cluster, whatever list of first nodes a node is given.
func TestNodesWithDataFoundNothing(t *testing.T) {
	c := &testCluster{TB: t, configs: map[int32]Config{}, nodes: map[int32]*Node{}}
	for id := range int32(3) {
		c.peers = append(c.peers, config.Peer{NodeID: id + 1, Address: linktest.FreeAddress(t)})
		c.configure(id+1, c.peers[id].Address, config.Cluster{})
	}
	c.start(1)
	produce(t, c.client(kgo.AllowAutoTopicCreation()), "orders", "a", "1")
	clusterID := c.nodes[1].identity.ClusterID
	c.stop(1)
	for id, settings := range c.configs {
		settings.Cluster.Peers = c.peers
		c.configs[id] = settings
	}
	c.start(1, 2)
	for id, node := range c.nodes {
		if state, err := node.store.Partition("orders", 0); node.identity.ClusterID != clusterID || err != nil {
			t.Errorf("node %d is in cluster %s, not %s, and has %+v, %v", id, node.identity.ClusterID, clusterID, state, err)
		}
	}

	// With another cluster among its first nodes, a new one asks which it is to be in.
	other := &testCluster{TB: t, configs: map[int32]Config{}, nodes: map[int32]*Node{}}
	address := linktest.FreeAddress(t)
	other.configure(4, address, config.Cluster{})
	other.start(4)
	settings := c.configs[3]
	settings.Cluster.Peers = append(append([]config.Peer{}, c.peers...), config.Peer{NodeID: 4, Address: address})
	if _, err := Start(testContext(t), settings); !errors.Is(err, errPeersDiffer) || !strings.Contains(err.Error(), clusterID) || !strings.Contains(err.Error(), other.nodes[4].identity.ClusterID) {
		t.Errorf("first nodes of two clusters: %v", err)
	}
}

// The founder waits for all: one of the first nodes that does not answer may be in a cluster already.
func TestClusterIsNotFoundedBeforeAllFirstNodesAnswer(t *testing.T) {
	t.Parallel()
	c := &testCluster{TB: t, configs: map[int32]Config{}, nodes: map[int32]*Node{}}
	for id := range int32(3) {
		c.peers = append(c.peers, config.Peer{NodeID: id + 1, Address: linktest.FreeAddress(t)})
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	failed := make(chan error, 2)
	for _, peer := range c.peers[:2] {
		c.configure(peer.NodeID, peer.Address, config.Cluster{Peers: c.peers})
		go func(settings Config) {
			node, err := Start(ctx, settings)
			if err == nil {
				node.Close() //nolint:errcheck // it should not be there
			}
			failed <- err
		}(c.configs[peer.NodeID])
	}
	for range 2 {
		if err := <-failed; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without the third node: %v", err)
		}
	}
	for id, settings := range c.configs {
		if identity, err := readIdentity(vfs.Default, filepath.Join(settings.DataDir, identityFile)); err != nil || identity.ClusterID != "" || identity.IsFounder {
			t.Errorf("node %d is %+v, %v", id, identity, err)
		}
	}
}

// The log that a new node would need is trimmed, so it gets the state as a snapshot.
func TestNodeThatLostItsDiskGetsASnapshot(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	client := c.client(kgo.AllowAutoTopicCreation(), kgo.ProducerBatchCompression(kgo.NoCompression()))
	for i := range 12 { // of which raftlog keeps 8 MiB
		produce(t, client, "orders", fmt.Sprint(i), strings.Repeat("x", 900<<10))
	}
	id := c.follower().identity.NodeID
	c.stop(id)
	for other, node := range c.nodes {
		if err := node.TakeSnapshot(testContext(t)); err != nil {
			t.Fatal(err)
		}
		if first := node.raft.Stats().FirstIndex; first < 3 {
			t.Fatalf("the log of node %d begins at %d", other, first)
		}
	}
	if err := os.RemoveAll(c.configs[id].DataDir); err != nil {
		t.Fatal(err)
	}
	c.start(id)
	waitFor(t, "its vote", func() bool { return len(c.voters()) == 3 })
	stats := c.nodes[id].raft.Stats()
	if stats.SnapshotIndex == 0 || stats.FirstIndex != 0 && stats.FirstIndex <= 2 {
		t.Errorf("it has a snapshot up to %d, and its log from %d on", stats.SnapshotIndex, stats.FirstIndex)
	}
	leader := c.leader()
	for partition := range int32(8) {
		want, errWant := leader.store.Partition("orders", partition)
		got, err := c.nodes[id].store.Partition("orders", partition)
		if got.NextOffset != want.NextOffset || (err == nil) != (errWant == nil) {
			t.Errorf("partition %d: %+v, %v, the leader has %+v, %v", partition, got, err, want, errWant)
		}
	}
}

// A certificate that has ended keeps a node out, and one that replaces it lets it in without a start.
func TestCertificatesOfNodesEndAndAreRenewed(t *testing.T) {
	t.Parallel()
	authority := certificatestest.New(t)
	var files [4][2]string
	secured := func(id int32, cluster config.Cluster) config.Cluster {
		dir := t.TempDir()
		files[id] = [2]string{filepath.Join(dir, "crt"), filepath.Join(dir, "key")}
		cluster.CA, cluster.Certificate, cluster.Key = authority.File, files[id][0], files[id][1]
		return cluster
	}
	issue := func(id int32, end time.Time) {
		authority.IssueUntil(pkix.Name{CommonName: "node"}, end, files[id][0], files[id][1])
	}
	past, future := time.Now().Add(-time.Minute), time.Now().Add(time.Hour)
	c := &testCluster{TB: t, configs: map[int32]Config{}, nodes: map[int32]*Node{}}
	local := func() string { // certificates are good for this one alone
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		return listener.Addr().String()
	}
	c.configure(1, local(), secured(1, config.Cluster{}))
	issue(1, future)
	c.start(1)
	c.configure(2, local(), secured(2, config.Cluster{Join: []string{c.nodes[1].port.Address()}}))
	issue(2, past)
	entered := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() {
		node, err := Start(ctx, c.configs[2])
		if err == nil {
			c.nodes[2] = node
		}
		entered <- err
	}()
	waitFor(t, "its certificate to be refused", func() bool {
		_, err := c.nodes[1].calls.Status(t.Context(), c.configs[2].Cluster.RaftAddr)
		return err != nil && strings.Contains(err.Error(), "certificate has expired")
	})
	select {
	case err := <-entered:
		t.Fatalf("with a certificate that has ended: %v", err)
	default:
	}
	issue(2, future)
	if err := <-entered; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.nodes[2].Close() }) //nolint:errcheck // the test has its result
	waitFor(t, "the vote of node 2", func() bool { return len(c.voters()) == 2 })

	// The same on nodes that run: new connections are refused until there is a new one.
	asks := func() error {
		c.nodes[1].calls.Close()
		_, err := c.nodes[1].calls.Status(t.Context(), c.configs[2].Cluster.RaftAddr)
		return err
	}
	issue(2, past)
	waitFor(t, "its certificate to be refused again", func() bool {
		err := asks()
		return err != nil && strings.Contains(err.Error(), "certificate has expired")
	})
	issue(2, future)
	waitFor(t, "the new certificate", func() bool { return asks() == nil })
}

// slowToOpen are files of a log that take their time to be opened.
type slowToOpen struct {
	types.VFS
	opens chan struct{}
}

func (s slowToOpen) ListDir(dir string) ([]string, error) {
	<-s.opens
	return s.VFS.ListDir(dir)
}

// A restored node has founded a cluster, which has no other member, and data. Others that have it for the first of their peers ask to be
// taken in, also while it starts.
func TestRestoredNodeIsNotNewToItsPeers(t *testing.T) {
	t.Parallel()
	backup := backUp(t, startNode(t, testConfig(t.TempDir())))
	c := &testCluster{TB: t, configs: map[int32]Config{}, nodes: map[int32]*Node{}}
	for id := range int32(2) {
		c.peers = append(c.peers, config.Peer{NodeID: id + 1, Address: linktest.FreeAddress(t)})
	}
	for _, peer := range c.peers {
		c.configure(peer.NodeID, peer.Address, config.Cluster{Peers: c.peers})
	}
	settings := c.configs[1]
	settings.DataDir = filepath.Join(settings.DataDir, "restored")
	if _, err := Restore(settings, bytes.NewReader(backup)); err != nil {
		t.Fatal(err)
	}
	files := slowToOpen{walfs.New(), make(chan struct{})}
	settings.LogFiles = files
	c.configs[1] = settings
	time.AfterFunc(time.Second, func() { close(files.opens) })
	c.start(1, 2)
	waitFor(t, "the vote of node 2", func() bool { return len(c.voters()) == 2 })
}

// Without the others a node of a cluster waits for ever.
func TestNodeOfAClusterNeedsAnAddressForTheOthers(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	id := c.follower().identity.NodeID
	c.stop(id)
	alone := c.configs[id]
	alone.Cluster.RaftAddr, alone.Cluster.Peers = "", nil
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := Start(ctx, alone); err == nil || !strings.Contains(err.Error(), "--raft-addr") {
		t.Errorf("without an address: %v", err)
	}
	c.start(id)
}

// Whoever gives --join to a node that has a cluster of its own would wait for ever to see it in the other. On a member it means nothing any more, and may stay.
func TestNodeWithAClusterOfItsOwnSaysThatItJoinsNone(t *testing.T) {
	t.Parallel()
	c := &testCluster{TB: t, configs: map[int32]Config{}, nodes: map[int32]*Node{}}
	var logs [4]bytes.Buffer
	for id := range int32(3) {
		c.configure(id+1, linktest.FreeAddress(t), config.Cluster{})
	}
	join := func(id int32) {
		settings := c.configs[id]
		settings.Cluster.Join, settings.Cluster.Nonvoter = []string{c.configs[1].Cluster.RaftAddr}, true
		settings.Logger = slog.New(slog.NewTextHandler(&logs[id], nil))
		c.configs[id] = settings
	}
	c.start(1, 2)
	if _, err := Restore(c.configs[3], bytes.NewReader(backUp(t, c.nodes[2]))); err != nil {
		t.Fatal(err)
	}
	c.stop(2)
	// Node 2 was alone, node 3 is restored; neither joins.
	for id := int32(2); id <= 3; id++ {
		join(id)
		c.start(id)
		own := c.nodes[id].identity.ClusterID
		c.stop(id)
		if log := logs[id].String(); strings.Count(log, "joins no other") != 1 || !strings.Contains(log, own) || !strings.Contains(log, "empty --data") {
			t.Errorf("node %d logs %s", id, log)
		}
	}
	// With an empty directory node 2 does, and keeps its flags from then on.
	logs[2].Reset()
	if err := os.RemoveAll(c.configs[2].DataDir); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		c.start(2)
		c.stop(2)
	}
	if log := logs[2].String(); strings.Contains(log, "joins no other") || !strings.Contains(log, "node is in a cluster") {
		t.Errorf("a member logs %s", log)
	}
}
