package server

import (
	"errors"
	"net"
	"sync"
)

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
