package server

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	walfs "github.com/hashicorp/raft-wal/fs"
	"github.com/hashicorp/raft-wal/types"
	"github.com/twmb/franz-go/pkg/kadm"

	"kont/server/api"
)

// stuckFiles are files of a log whose fsync does not return while they are stuck.
type stuckFiles struct {
	types.VFS
	stuck sync.RWMutex
}

func (v *stuckFiles) Create(dir, name string, size uint64) (types.WritableFile, error) {
	file, err := v.VFS.Create(dir, name, size)
	return stuckFile{file, v}, err
}

func (v *stuckFiles) OpenWriter(dir, name string) (types.WritableFile, error) {
	file, err := v.VFS.OpenWriter(dir, name)
	return stuckFile{file, v}, err
}

type stuckFile struct {
	types.WritableFile
	files *stuckFiles
}

func (f stuckFile) Sync() error {
	f.files.stuck.RLock()
	defer f.files.stuck.RUnlock()
	return f.WritableFile.Sync()
}

// The leader's disk does not come back from an fsync, and for as long as it does not: another node leads, clients go on there, and the one
// with the disk says what is wrong with it.
func TestClusterGoesOnWhenTheLeadersDiskIsStuck(t *testing.T) {
	t.Parallel()
	disks := map[int32]*stuckFiles{}
	c := newTestCluster(t, 3, func(settings *Config) {
		files := &stuckFiles{VFS: walfs.New()}
		disks[settings.Cluster.NodeID] = files
		settings.LogFiles = files
		settings.RaftLogStallMax = 500 * time.Millisecond
	})
	client := c.client()
	if _, err := kadm.NewClient(client).CreateTopics(t.Context(), 1, 1, nil, "orders"); err != nil {
		t.Fatal(err)
	}
	stuck := c.leader()
	id := stuck.identity.NodeID
	before := stuck.Status(t.Context()).Stats
	disks[id].stuck.Lock()
	free := sync.OnceFunc(disks[id].stuck.Unlock)
	t.Cleanup(free)

	// Whoever leads takes it; until then it waits at the stuck one.
	produce(t, client, "orders", "a", "1")
	other := c.leader()
	if other == stuck {
		t.Fatal("a node with a stuck disk leads")
	}
	if health := stuck.Health(t.Context()); health.Ready || health.IsLeader || !strings.Contains(health.Reason, "disk has not finished a write") {
		t.Errorf("the stuck node: %+v", health)
	}
	stats := stuck.Status(t.Context()).Stats
	if stats.LogStalls <= before.LogStalls || stats.LeadershipsLeft <= before.LeadershipsLeft || stats.LogWriteMilli < 500 {
		t.Errorf("the stuck node counts %+v", stats)
	}
	waitFor(t, "it alone to have a problem with its disk", func() bool {
		cluster, err := other.Cluster(t.Context())
		return err == nil && !slices.ContainsFunc(cluster.Nodes, func(node api.ClusterNode) bool {
			return strings.Contains(node.Problem, "disk") != (node.ID == id)
		})
	})

	free()
	waitFor(t, "the node's state", func() bool {
		state, err := stuck.store.Partition("orders", 0)
		return err == nil && state.NextOffset == 1 && stuck.Health(t.Context()) == api.Health{Ready: true}
	})
}
