package raftlog

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

const (
	// rpcTimeout bounds each read and write of the other side; larger snapshots get
	// more.
	rpcTimeout = 10 * time.Second
	// handshakeTimeout bounds the TLS handshake of a connection that came in.
	handshakeTimeout = 10 * time.Second

	connectionsPerMember = 3
)

// openTransport listens on cfg.Bind. Without one, the node has an address that
// nobody can dial.
func openTransport(cfg Config, logger hclog.Logger) (raft.Transport, error) {
	if cfg.Bind == "" {
		_, transport := raft.NewInmemTransport(raft.ServerAddress("unreachable:" + cfg.NodeID))
		return transport, nil
	}
	listener, err := net.Listen("tcp", cfg.Bind)
	if err != nil {
		return nil, err
	}
	layer := &streamLayer{Listener: listener, tls: cfg.TLS, address: listener.Addr(), accepted: map[net.Conn]bool{}}
	if cfg.Advertise != "" {
		layer.address = advertised(cfg.Advertise)
	} else if tcp, ok := listener.Addr().(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return nil, errors.Join(listener.Close(),
			fmt.Errorf("bind address %s is every address of this machine; say by Advertise which one the other members can reach", cfg.Bind))
	}
	return raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream:  layer,
		MaxPool: connectionsPerMember,
		Timeout: rpcTimeout,
		Logger:  logger,
	}), nil
}

// advertised is the address that other members dial.
type advertised string

func (a advertised) Network() string { return "tcp" }
func (a advertised) String() string  { return string(a) }

// streamLayer gives raft its connections, over TLS if configured. It knows those it
// accepted and closes them with itself; raft would leave them, and their goroutines,
// until the other side hangs up.
type streamLayer struct {
	net.Listener
	tls     *tls.Config
	address net.Addr

	mu       sync.Mutex
	accepted map[net.Conn]bool // guarded by mu; nil once closed
}

func (l *streamLayer) Addr() net.Addr { return l.address }

func (l *streamLayer) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	tracked := &trackedConn{Conn: conn, layer: l}
	if l.tls != nil {
		// The handshake happens at the first read, in the connection's own goroutine.
		server := tls.Server(conn, l.tls)
		conn.SetDeadline(time.Now().Add(handshakeTimeout))
		tracked.Conn = &handshakeFirst{Conn: server}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.accepted == nil {
		conn.Close()
		return nil, net.ErrClosed
	}
	l.accepted[tracked] = true
	return tracked, nil
}

// handshakeFirst lifts the handshake's deadline when it is over.
type handshakeFirst struct {
	*tls.Conn
	once sync.Once
	err  error
}

func (c *handshakeFirst) Read(b []byte) (int, error) {
	c.once.Do(func() {
		if c.err = c.Conn.Handshake(); c.err == nil {
			c.err = c.Conn.SetDeadline(time.Time{})
		}
	})
	if c.err != nil {
		return 0, c.err
	}
	return c.Conn.Read(b)
}

func (l *streamLayer) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: timeout}
	if l.tls == nil {
		return dialer.Dial("tcp", string(address))
	}
	// It takes the server name from the address if the configuration has none.
	return tls.DialWithDialer(dialer, "tcp", string(address), l.tls)
}

func (l *streamLayer) Close() error {
	err := l.Listener.Close()
	l.mu.Lock()
	accepted := l.accepted
	l.accepted = nil
	l.mu.Unlock()
	for conn := range accepted {
		conn.Close()
	}
	return err
}

type trackedConn struct {
	net.Conn
	layer *streamLayer
}

func (c *trackedConn) Close() error {
	c.layer.mu.Lock()
	delete(c.layer.accepted, c)
	c.layer.mu.Unlock()
	return c.Conn.Close()
}
