package child

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
)

// Cluster is some nodes that form a cluster on loopback, or one that is alone. Methods may be called from any goroutine.
type Cluster struct {
	Nodes []*Node
}

// NewCluster makes count nodes with the numbers 1 to count, each with a data directory in dir. None is started. The log of all goes to
// log, which must take lines of several processes.
func NewCluster(count int, executable, dir string, args []string, log io.Writer) (*Cluster, error) {
	c := &Cluster{}
	if count == 1 {
		c.Nodes = append(c.Nodes, &Node{Executable: executable, Args: args, DataDir: filepath.Join(dir, "data"), Log: log})
		return c, nil
	}
	addresses, err := freeAddresses(count)
	if err != nil {
		return nil, err
	}
	var peers []string
	for i, address := range addresses {
		peers = append(peers, fmt.Sprintf("%d=%s", i+1, address))
	}
	for i, address := range addresses {
		id := fmt.Sprint(i + 1)
		c.Nodes = append(c.Nodes, &Node{
			Executable: executable, DataDir: filepath.Join(dir, "data-"+id), Log: log,
			Args: append([]string{"--node-id", id, "--raft-addr", address, "--peers", strings.Join(peers, ",")}, args...),
		})
	}
	return c, nil
}

// freeAddresses are addresses on loopback that nobody listens on now. Nodes of a cluster have to know each other's before they start.
func freeAddresses(count int) (addresses []string, err error) {
	for range count {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer listener.Close() // when all are found, or two could be the same
		addresses = append(addresses, listener.Addr().String())
	}
	return addresses, nil
}

// Start starts all nodes that don't run and returns when they take requests.
func (c *Cluster) Start(ctx context.Context) error {
	return c.each(func(n *Node) error {
		if n.ProcessID() != 0 {
			return nil
		}
		return n.Start(ctx)
	})
}

// Kill ends all processes at once.
func (c *Cluster) Kill() error { return c.each((*Node).Kill) }

func (c *Cluster) each(do func(*Node) error) error {
	errs := make([]error, len(c.Nodes))
	var running sync.WaitGroup
	for i, node := range c.Nodes {
		running.Go(func() { errs[i] = do(node) })
	}
	running.Wait()
	return errors.Join(errs...)
}

// Running is a node that runs, nil if none does.
func (c *Cluster) Running() *Node {
	for _, node := range c.Nodes {
		if node.ProcessID() != 0 {
			return node
		}
	}
	return nil
}
