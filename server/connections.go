package server

import (
	"errors"
	"net"
	"sync"
	"time"
)

// turnAway hangs up on all who connect, until admit is called or the listener closed: clients ask the next node, where they would wait for this one
// for as long as it takes to start. They are reset, since an end without an answer is taken for a wrong protocol by some. Clients of a node that has
// no others wait: it starts in a moment, and they would be late if they had to come again.
func (n *Node) turnAway(listener *net.TCPListener) (admit func()) {
	if n.config.Cluster.RaftAddr == "" {
		return func() {}
	}
	ended := make(chan struct{})
	n.running.Go(func() {
		defer close(ended)
		for {
			conn, err := listener.AcceptTCP()
			if err != nil {
				return
			}
			conn.SetLinger(0) //nolint:errcheck // it is closed in any case
			conn.Close()      //nolint:errcheck // it was never used
		}
	})
	return func() {
		listener.SetDeadline(time.Unix(1, 0)) //nolint:errcheck // it is closed then, and has ended
		<-ended
		listener.SetDeadline(time.Time{}) //nolint:errcheck // the same
	}
}

// countingListener counts the connections that are open.
type countingListener struct {
	net.Listener
	observe func(change int)
}

func (l *countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.observe(+1)
	return &countedConn{Conn: conn, closed: sync.OnceFunc(func() { l.observe(-1) })}, nil
}

type countedConn struct {
	net.Conn
	closed func()
}

// SetLinger is that of a TCP connection.
func (c *countedConn) SetLinger(seconds int) error {
	tcp, isTCP := c.Conn.(*net.TCPConn)
	if !isTCP {
		return errors.ErrUnsupported
	}
	return tcp.SetLinger(seconds)
}

func (c *countedConn) Close() error {
	c.closed()
	return c.Conn.Close()
}
