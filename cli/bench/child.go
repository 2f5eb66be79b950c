package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"kont/cli/client"
)

// Child is a server in a process of its own, with a data directory of its own.
// It is a Restarter. Methods are not for concurrent use, but for Usage.
type Child struct {
	// Executable is run as `kont serve`, with Args after the addresses and the
	// data directory.
	Executable string
	Args       []string
	DataDir    string
	// Bundle is the compiled workflow.
	Bundle []byte
	// Log is where the process's log goes; nil drops it.
	Log *os.File

	mu      sync.Mutex // guards what follows
	process *exec.Cmd
	kafka   string
	client  *client.Client
}

// readyMax is how long a process may take to be ready.
const readyMax = 60 * time.Second

// Start starts the process and returns when it takes requests.
func (s *Child) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		return errors.New("the server runs already")
	}
	args := append([]string{
		"serve", "-o", "json", "--log-level", "warn",
		"--data", s.DataDir, "--kafka-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0",
	}, s.Args...)
	process := exec.Command(s.Executable, args...)
	process.Stderr = s.Log
	out, err := process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := process.Start(); err != nil {
		return fmt.Errorf("start %s: %w", s.Executable, err)
	}
	s.process = process
	ready := make(chan error, 1)
	var addresses struct{ Kafka, HTTP string }
	go func() {
		line, err := bufio.NewReader(out).ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(line, &addresses)
		}
		ready <- err
	}()
	select {
	case err = <-ready:
	case <-ctx.Done():
		err = ctx.Err()
	case <-time.After(readyMax):
		err = fmt.Errorf("not ready after %s", readyMax)
	}
	if err == nil {
		s.kafka = addresses.Kafka
		s.client, err = client.New(addresses.HTTP)
	}
	if err != nil {
		s.killLocked() //nolint:errcheck // the first error says more
		return fmt.Errorf("start the server: %w; its log says why", err)
	}
	return nil
}

// Kill ends the process at once; a process that does not run is no error.
func (s *Child) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.killLocked()
}

func (s *Child) killLocked() error {
	if s.process == nil {
		return nil
	}
	err := s.process.Process.Kill()
	s.process.Wait() //nolint:errcheck // it says that the process was killed
	s.process = nil
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// Stop asks the process to end and waits for it, at most for timeout; then it is
// killed.
func (s *Child) Stop(timeout time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return nil
	}
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		return s.killLocked()
	}
	ended := make(chan error, 1)
	process := s.process
	go func() { ended <- process.Wait() }()
	s.process = nil
	select {
	case err := <-ended:
		return err
	case <-time.After(timeout):
		process.Process.Kill() //nolint:errcheck // Wait tells
		<-ended
		return fmt.Errorf("the server did not stop within %s", timeout)
	}
}

func (s *Child) KafkaAddress() string { return s.kafka }

func (s *Child) Deploy(ctx context.Context) error {
	_, err := s.client.Deploy(ctx, "bench", ResumeTopic, s.Bundle)
	return err
}

func (s *Child) SuspendedThreads(ctx context.Context) (int64, error) {
	status, err := s.client.Status(ctx)
	return status.Stats.ThreadsSuspended, err
}

// Usage reads the process's own counts and the data directory.
func (s *Child) Usage(ctx context.Context) (Usage, error) {
	s.mu.Lock()
	process := s.process
	s.mu.Unlock()
	if process == nil {
		return Usage{}, errors.New("the server does not run")
	}
	usage, err := processUsage(process.Process.Pid)
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
