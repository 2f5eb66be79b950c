// Package child runs a node as a process of its own, so that it can be killed as
// a crash would end it, and started again.
package child

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// readyMax is how long a process may take to be ready.
const readyMax = 60 * time.Second

// Node is `kont serve` in a process of its own, on loopback. Its ports are free
// ones at the first start and the same ones ever after. It doesn't outlive the
// process that started it. Methods may be called from any goroutine.
type Node struct {
	// Executable is a kont, which is called `kont`; Args come after the addresses and
	// the data directory.
	Executable string
	Args       []string
	DataDir    string
	// Log is where the process's log goes; nil drops it.
	Log io.Writer

	mu        sync.Mutex // guards what follows
	process   *os.Process
	ended     chan struct{} // closed when process has ended; nil before the first start
	addresses addresses
}

type addresses struct{ Kafka, HTTP string }

// Start starts the process and returns when it takes requests.
func (n *Node) Start(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.runs() {
		return errors.New("the node runs already")
	}
	want := n.addresses
	if want == (addresses{}) {
		want = addresses{"127.0.0.1:0", "127.0.0.1:0"}
	}
	command := exec.Command(n.Executable, append([]string{
		"serve", "-o", "json", "--until-eof", "--data", n.DataDir, "--kafka-listen", want.Kafka, "--http-listen", want.HTTP,
	}, n.Args...)...)
	command.Args[0] = "kont"
	command.Stderr = n.Log
	out, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	// Nothing is written to it; it ends when we do, and so does the node then.
	if _, err := command.StdinPipe(); err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return fmt.Errorf("start %s: %w", n.Executable, err)
	}
	ended := make(chan struct{})
	n.process, n.ended = command.Process, ended
	ready := make(chan error, 1)
	var got addresses
	go func() {
		defer close(ended)
		line, err := bufio.NewReader(out).ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			err = errors.New("the process has ended")
		} else if err == nil {
			err = json.Unmarshal(line, &got)
		}
		ready <- err
		command.Wait() //nolint:errcheck // its log says why it has ended
	}()
	select {
	case err = <-ready:
	case <-ctx.Done():
		err = ctx.Err()
	case <-time.After(readyMax):
		err = fmt.Errorf("not ready after %s", readyMax)
	}
	if err != nil {
		n.kill() //nolint:errcheck // the first error says more
		return fmt.Errorf("start the node: %w; its log says why", err)
	}
	n.addresses = got
	return nil
}

// runs says whether there is a process. Callers hold mu.
func (n *Node) runs() bool {
	select {
	case <-n.ended:
		return false
	default:
		return n.ended != nil
	}
}

// KafkaAddress and HTTPAddress are host:port, "" before the first start.
func (n *Node) KafkaAddress() string { return n.now().Kafka }
func (n *Node) HTTPAddress() string  { return n.now().HTTP }

func (n *Node) now() addresses {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.addresses
}

// ProcessID is 0 if no process runs.
func (n *Node) ProcessID() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.runs() {
		return 0
	}
	return n.process.Pid
}

// Ended is closed when the process that was started last has ended; nil before
// the first start.
func (n *Node) Ended() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.ended
}

// Kill ends the process at once, as kill -9 does; a process that does not run is
// no error.
func (n *Node) Kill() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.kill()
}

func (n *Node) kill() error {
	if !n.runs() {
		return nil
	}
	if err := n.process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-n.ended
	return nil
}

// Stop asks the process to end and waits for it, at most for timeout; then it is
// killed, which is an error.
func (n *Node) Stop(timeout time.Duration) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.runs() || n.process.Signal(syscall.SIGTERM) != nil {
		return n.kill()
	}
	select {
	case <-n.ended:
		return nil
	case <-time.After(timeout):
		return errors.Join(fmt.Errorf("the node did not stop within %s", timeout), n.kill())
	}
}
