package bench

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"kont/cli/child"
	"kont/cli/client"
)

// Child is a server in a process of its own, with a data directory of its own.
// It is a Restarter.
type Child struct {
	child.Node
	// Bundle is the compiled workflow.
	Bundle []byte
}

func (s *Child) client() (*client.Client, error) { return client.New(s.HTTPAddress()) }

func (s *Child) Deploy(ctx context.Context) error {
	to, err := s.client()
	if err != nil {
		return err
	}
	_, err = to.Deploy(ctx, "bench", ResumeTopic, s.Bundle)
	return err
}

func (s *Child) SuspendedThreads(ctx context.Context) (int64, error) {
	to, err := s.client()
	if err != nil {
		return 0, err
	}
	status, err := to.Status(ctx)
	return status.Stats.ThreadsSuspended, err
}

// Usage reads the process's own counts and the data directory.
func (s *Child) Usage(ctx context.Context) (Usage, error) {
	id := s.ProcessID()
	if id == 0 {
		return Usage{}, errors.New("the server does not run")
	}
	usage, err := processUsage(id)
	if err != nil {
		return Usage{}, err
	}
	usage.DiskBytes, err = directoryBytes(s.DataDir)
	return usage, err
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
