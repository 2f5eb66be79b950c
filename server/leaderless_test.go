package server

import (
	"context"
	"os"
	"testing"

	"kont/raftlog/link/linktest"
	"kont/server/config"
)

// A leader that comes back after a crash begins with what its store had written, and has applied the rest of its log a moment later.
// In between it knows of no node.
func TestNodeDoesNotTakeALeaderThatStartsAtItsWord(t *testing.T) {
	c := newTestCluster(t, 1)
	c.configure(2, linktest.FreeAddress(t), config.Cluster{Join: []string{c.peers[0].Address}, Nonvoter: true})
	c.start(2)
	dir := c.configs[1].DataDir
	crashed := t.TempDir() // what is on its disk: the log, and of the store what it has flushed
	if err := os.CopyFS(crashed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	c.stop(1)
	settings := c.configs[1]
	settings.DataDir = crashed
	c.configs[1] = settings

	ctx, cancel := context.WithCancel(t.Context())
	told, kept := make(chan error, 1), c.nodes[2]
	go func() {
		for ctx.Err() == nil {
			if err := kept.askLeader(ctx); err != nil {
				told <- err
				return
			}
		}
		told <- nil
	}()
	c.start(1)
	waitFor(t, "the follower", func() bool { return kept.follows() })
	cancel()
	if err := <-told; err != nil {
		t.Error(err)
	}
}
