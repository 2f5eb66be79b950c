package server

import (
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

func (c *countedConn) Close() error {
	c.closed()
	return c.Conn.Close()
}
