package link

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// ErrRefused: the other node does not take a connection of this one, and says why: it
// belongs to another cluster, say, or is not the node that was looked for. Correct
// addresses and ids of the nodes.
var ErrRefused = errors.New("refused")

// ErrSameID: the other node has the id of this one.
var ErrSameID = errors.New("two nodes with the same id")

const (
	helloTimeoutDefault = 10 * time.Second
	// strangersMax bounds the connections that have not said hello yet.
	strangersMax = 128
	// refusalsLoggedEvery keeps a node that is refused, and tries again and again, from
	// filling the log.
	refusalsLoggedEvery = 10 * time.Second
	// acceptAgainAfter is the pause after a connection could not be accepted: the process
	// is out of files, for example.
	acceptAgainAfter = 50 * time.Millisecond
)

// Purpose says what a connection is for.
type Purpose byte

const (
	// Raft connections carry the messages of Raft.
	Raft Purpose = 'r'
	// Calls are what servers say to each other otherwise. Nodes that are in no cluster
	// yet can make and take them too.
	Calls Purpose = 'c'
)

// Config is what Open needs.
type Config struct {
	// NodeID names this node to others, ClusterID the cluster that it is in; empty while it
	// is in none, see EnterCluster. Neither may be longer than 255 bytes.
	NodeID    string
	ClusterID string
	// Bind is the host:port to listen on.
	Bind string
	// Advertise is the host:port at which other nodes reach Bind [Bind].
	Advertise string
	// TLS, if set, tells at each connection what to use for either direction. For mutual
	// authentication it has Certificates, RootCAs, ClientCAs and ClientAuth. An empty ServerName is taken
	// from the address that is dialled.
	TLS func() *tls.Config
	// HelloTimeout bounds what goes before a connection is of use, on either side: the TLS
	// handshake and the hello [10 s].
	HelloTimeout time.Duration
	// Logger [slog.Default].
	Logger *slog.Logger
}

func (c Config) validate() error {
	var problems []error
	if c.NodeID == "" || len(c.NodeID) > textBytesMax || len(c.ClusterID) > textBytesMax {
		problems = append(problems, fmt.Errorf("node id %q and cluster id %q: one is empty, or longer than %d bytes", c.NodeID, c.ClusterID, textBytesMax))
	}
	for _, address := range []string{c.Bind, c.Advertise} {
		if _, _, err := net.SplitHostPort(address); err != nil && (address != "" || address == c.Bind) {
			problems = append(problems, fmt.Errorf("address %q: %w", address, err))
		}
	}
	return errors.Join(problems...)
}

// Peer is who is at the other end of a connection, as it says itself, or as its
// certificate lets it say where TLS is mutual.
type Peer struct {
	// NodeID is its Config.NodeID.
	NodeID string
	// IsMember: both are of the same cluster. Otherwise one of them is in none yet.
	IsMember bool
}

// Port is where other nodes reach this one, and from where it reaches them. Its methods
// may be called from any goroutine.
type Port struct {
	config   Config
	cluster  atomic.Pointer[string]
	listener net.Listener
	address  string

	raft, calls chan net.Conn
	closed      chan struct{}
	running     sync.WaitGroup

	mu            sync.Mutex
	accepted      map[*conn]bool // guarded by mu; nil once closed
	strangers     int            // guarded by mu
	refusalLogged time.Time      // guarded by mu
}

// Open listens. Connections that come in wait for who takes them from a Listener.
func Open(c Config) (*Port, error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("listen for other nodes: %w", err)
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.HelloTimeout == 0 {
		c.HelloTimeout = helloTimeoutDefault
	}
	listener, err := net.Listen("tcp", c.Bind)
	if err != nil {
		return nil, fmt.Errorf("listen for other nodes: %w", err)
	}
	p := &Port{
		config: c, listener: listener, address: c.Advertise,
		raft: make(chan net.Conn), calls: make(chan net.Conn),
		closed: make(chan struct{}), accepted: map[*conn]bool{},
	}
	p.cluster.Store(&c.ClusterID)
	if p.address == "" {
		if tcp, ok := listener.Addr().(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
			return nil, errors.Join(listener.Close(),
				fmt.Errorf("listen for other nodes: %s is every address of this machine; say which one the other nodes can reach by an address to advertise", c.Bind))
		}
		p.address = listener.Addr().String()
	}
	p.running.Go(p.serve)
	return p, nil
}

// Address is host:port where other nodes reach this one, with the real port.
func (p *Port) Address() string { return p.address }

// NodeID is Config.NodeID.
func (p *Port) NodeID() string { return p.config.NodeID }

// ClusterID is the cluster that this node is in, empty for none.
func (p *Port) ClusterID() string { return *p.cluster.Load() }

// EnterCluster makes this node one of a cluster. It was in none before. The caller
// remembers the id for Config.ClusterID.
func (p *Port) EnterCluster(id string) { p.cluster.Store(&id) }

// Close ends all connections that came in, and returns when no goroutine is left. It may
// be called again.
func (p *Port) Close() error {
	p.mu.Lock()
	accepted := p.accepted
	p.accepted = nil
	p.mu.Unlock()
	if accepted == nil {
		return nil
	}
	close(p.closed)
	err := p.listener.Close()
	for c := range accepted {
		c.raw.Close()
	}
	p.running.Wait()
	return err
}

// Listener returns what accepts connections of a purpose. All listeners of one purpose
// share its connections. Accept fails with net.ErrClosed when the port or the listener is closed.
func (p *Port) Listener(purpose Purpose) net.Listener {
	l := &listener{port: p, conns: p.raft, closed: make(chan struct{})}
	if purpose == Calls {
		l.conns = p.calls
	}
	return l
}

type listener struct {
	port   *Port
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
	case <-l.port.closed:
	}
	return nil, net.ErrClosed
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr { return address(l.port.address) }

// address is what other nodes dial.
type address string

func (a address) Network() string { return "tcp" }
func (a address) String() string  { return string(a) }

// serve takes connections until the port is closed.
func (p *Port) serve() {
	for {
		raw, err := p.listener.Accept()
		if err != nil {
			select {
			case <-p.closed:
				return
			case <-time.After(acceptAgainAfter):
				continue
			}
		}
		c := &conn{Conn: raw, raw: raw, port: p}
		if !p.admit(c) {
			raw.Close()
			continue
		}
		p.running.Go(func() { p.receive(c) })
	}
}

// admit notes a connection, unless the port is closed or too many have not said hello.
func (p *Port) admit(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.accepted == nil || p.strangers >= strangersMax {
		return false
	}
	p.accepted[c] = true
	p.strangers++
	return true
}

// receive hears the hello of a connection that came in and hands it to whom it is for.
func (p *Port) receive(c *conn) {
	purpose, err := p.hear(c)
	p.mu.Lock()
	p.strangers--
	p.mu.Unlock()
	if err != nil {
		p.logRefusal(c, err)
		c.Close()
		return
	}
	to := p.raft
	if purpose == Calls {
		to = p.calls
	}
	select {
	case to <- c:
	case <-p.closed:
		c.Close()
	}
}

func (p *Port) hear(c *conn) (Purpose, error) {
	c.SetDeadline(time.Now().Add(p.config.HelloTimeout))
	if p.config.TLS != nil {
		server := tls.Server(c.raw, p.config.TLS())
		if err := server.Handshake(); err != nil {
			return 0, err
		}
		c.Conn = server
	}
	h, err := hear(c)
	if err != nil {
		return 0, err
	}
	cluster := p.ClusterID()
	whyNot := h.whyNot(cluster, p.config.NodeID)
	if err := answer(c, cluster, p.config.NodeID, whyNot); err != nil {
		return 0, err
	}
	if whyNot != "" {
		return 0, fmt.Errorf("node %q is refused: %s", h.from, whyNot)
	}
	c.peer = Peer{NodeID: h.from, IsMember: cluster != "" && h.cluster == cluster}
	return h.purpose, c.SetDeadline(time.Time{})
}

func (p *Port) logRefusal(c *conn, err error) {
	p.mu.Lock()
	isNews := p.accepted != nil && time.Since(p.refusalLogged) > refusalsLoggedEvery
	if isNews {
		p.refusalLogged = time.Now()
	}
	p.mu.Unlock()
	if isNews {
		p.config.Logger.Warn("connection of another node", "from", c.RemoteAddr().String(), "error", err)
	}
}

// Dial connects with the node at an address. Should it not be the node of that id, or not of the same
// cluster, it is ErrRefused; an empty id takes any.
func (p *Port) Dial(ctx context.Context, purpose Purpose, id, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, p.config.HelloTimeout)
	defer cancel()
	var raw net.Conn
	var err error
	if p.config.TLS == nil {
		raw, err = (&net.Dialer{}).DialContext(ctx, "tcp", address)
	} else {
		// It takes the server name from the address if the configuration has none.
		raw, err = (&tls.Dialer{Config: p.config.TLS()}).DialContext(ctx, "tcp", address)
	}
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { raw.SetDeadline(time.Unix(1, 0)) })
	h := hello{purpose: purpose, cluster: p.ClusterID(), from: p.config.NodeID, to: id}
	peer, err := h.say(raw)
	if !stop() { // what reading and writing say then is that their time is over
		err = fmt.Errorf("no answer: %w", context.Cause(ctx))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("node at %s: %w", address, err), raw.Close())
	}
	return &dialled{Conn: raw, peer: peer}, nil
}

// PeerOf tells who is at the other end of a connection that came out of a Listener or Dial.
func PeerOf(c net.Conn) (peer Peer, isLink bool) {
	switch c := c.(type) {
	case *conn:
		return c.peer, true
	case *dialled:
		return c.peer, true
	}
	return Peer{}, false
}

// conn is a connection that came in. Whoever gets it closes it, and the port with itself.
type conn struct {
	net.Conn
	// raw is below TLS, the same as Conn where there is none.
	raw  net.Conn
	port *Port
	peer Peer
}

func (c *conn) Close() error {
	c.port.mu.Lock()
	delete(c.port.accepted, c)
	c.port.mu.Unlock()
	return c.Conn.Close()
}

type dialled struct {
	net.Conn
	peer Peer
}
