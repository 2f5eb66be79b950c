package bench

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"kont/cli/child"
	"kont/cli/client"
	"kont/server/api"
)

// Children are a server in processes of their own, one for each of its nodes. They are a Restarter, and of more than one node a
// LeaderKiller.
type Children struct {
	*child.Cluster
	// Bundle is the compiled workflow.
	Bundle []byte
}

var errNothingRuns = errors.New("the server does not run")

// KafkaAddress is that of a node that runs, of which clients learn the others.
func (s *Children) KafkaAddress() string {
	if node := s.Running(); node != nil {
		return node.KafkaAddress()
	}
	return ""
}

func (s *Children) client() (*client.Client, error) {
	node := s.Running()
	if node == nil {
		return nil, errNothingRuns
	}
	return client.New(node.HTTPAddress())
}

func (s *Children) Deploy(ctx context.Context) error {
	to, err := s.client()
	if err != nil {
		return err
	}
	_, err = to.Deploy(ctx, "bench", ResumeTopic, s.Bundle)
	return err
}

func (s *Children) SuspendedThreads(ctx context.Context) (int64, error) {
	to, err := s.client()
	if err != nil {
		return 0, err
	}
	status, err := to.Status(ctx)
	return status.Stats.ThreadsSuspended, err
}

// Usage adds up the processes' own counts and the data directories.
func (s *Children) Usage(ctx context.Context) (total Usage, err error) {
	for _, node := range s.Nodes {
		id := node.ProcessID()
		if id == 0 {
			return Usage{}, errNothingRuns
		}
		usage, err := processUsage(id)
		if err != nil {
			return Usage{}, err
		}
		disk, err := directoryBytes(node.DataDir)
		if err != nil {
			return Usage{}, err
		}
		total.Nodes++
		total.CPU += usage.CPU
		total.RSSBytes += usage.RSSBytes
		total.DiskBytes += disk
	}
	return total, nil
}

// Start starts the nodes that don't run and returns when all follow a leader.
func (s *Children) Start(ctx context.Context) error {
	if err := s.Cluster.Start(ctx); err != nil || len(s.Nodes) == 1 {
		return err
	}
	_, err := s.awaitCluster(ctx)
	return err
}

// KillLeader kills the node that leads, as kill -9 does.
func (s *Children) KillLeader(ctx context.Context) error {
	cluster, err := s.awaitCluster(ctx)
	if err != nil {
		return err
	}
	return s.Nodes[cluster.LeaderID-1].Kill()
}

func (s *Children) awaitCluster(ctx context.Context) (api.Cluster, error) {
	to, err := s.client()
	if err != nil {
		return api.Cluster{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, stallTime)
	defer cancel()
	return to.AwaitCluster(ctx, len(s.Nodes))
}

// directoryBytes sums what the files below dir occupy. A file that goes while it
// is looked at counts for nothing.
func directoryBytes(dir string) (int64, error) {
	total := int64(0)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			total += occupied(info)
		}
		return err
	})
	return total, err
}

// Remote is a server that runs already, somewhere.
type Remote struct {
	Client *client.Client
	Kafka  string
	Bundle []byte
}

func (s *Remote) KafkaAddress() string { return s.Kafka }

func (s *Remote) Deploy(ctx context.Context) error {
	_, err := s.Client.Deploy(ctx, "bench", ResumeTopic, s.Bundle)
	return err
}

func (s *Remote) SuspendedThreads(ctx context.Context) (int64, error) {
	status, err := s.Client.Status(ctx)
	return status.Stats.ThreadsSuspended, err
}

func (s *Remote) Usage(ctx context.Context) (Usage, error) {
	status, err := s.Client.Status(ctx)
	return Usage{RSSBytes: status.Stats.MemoryBytes, DiskBytes: status.Stats.DiskBytes}, err
}
