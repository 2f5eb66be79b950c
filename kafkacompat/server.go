package kafkacompat

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"kont/kafkacompat/principal"
	"kont/kafkacompat/sasl"
)

// Server answers Kafka clients on any number of listeners.
type Server struct {
	config      Config
	coordinator *coordinator
	producerIDs producerIDs
	quotas      *quotas
	// authorizer is nil where everybody may do everything.
	authorizer *authorizer
	// requestMemory holds back readers while too many requests wait.
	requestMemory *requestMemory
	// fetchMemory is what Fetch responses that are not sent yet may hold.
	bulk          bulk
	fetchMemory   *semaphore.Weighted
	fetchSessions fetchSessions
	// decompressing has room for the batches that are decompressed at a time.
	decompressing chan struct{}

	ctx    context.Context
	cancel context.CancelFunc

	// mu guards the fields below.
	mu        sync.Mutex
	isClosed  bool
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	refused   int64
	refusals  refusals
	addresses addresses
	// unknown counts the connections that have not said yet whose they are, on
	// listeners that ask.
	unknown int
	served  sync.WaitGroup
	// internal is config.Log.
	internal internalTopics
	// failedLogins counts clients that were refused.
	failedLogins atomic.Int64
}

// Listener is how one address is served.
type Listener struct {
	// Name chooses the addresses that clients of this listener are told:
	// Cluster.Brokers(Name).
	Name string
	// TLS, if there is one, is what the listener speaks; nil is plain text.
	TLS *tls.Config
	// PrincipalRules make a client's name of the certificate that it came with.
	PrincipalRules principal.Rules
	// SASL are the mechanisms that clients log in with; none where they don't.
	SASL []sasl.Mechanism
	// ReauthenticateAfter ends the sessions of clients that don't log in again in time
	// (connections.max.reauth.ms); 0 leaves that to what they log in with.
	ReauthenticateAfter time.Duration
}

// New makes a Server, or says everything that is wrong with its configuration.
// It listens to nobody until Serve.
func New(config Config) (*Server, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	internal := withInternalTopics(config.Log)
	config.Log = internal
	s := &Server{
		config:        config,
		internal:      internal,
		quotas:        newQuotas(config.Log),
		authorizer:    newAuthorizer(config.Authorizer, config.Log),
		requestMemory: newRequestMemory(config.RequestMemoryBytesMax),
		fetchMemory:   semaphore.NewWeighted(int64(config.FetchMemoryBytesMax)),
		bulk:          newBulk(config.BulkMemoryBytesMax),
		fetchSessions: newFetchSessions(config.FetchSessionsMax),
		decompressing: make(chan struct{}, runtime.GOMAXPROCS(0)),
		listeners:     make(map[net.Listener]struct{}),
		conns:         make(map[*conn]struct{}),
		addresses:     make(addresses),
	}
	s.coordinator = newCoordinator(config.Groups, config.Cluster, config.Log, config.Logger)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Serve accepts connections until Close, when it returns nil, or until the
// listener fails. It closes the listener.
func (s *Server) Serve(listener net.Listener, how Listener) error {
	if how.TLS != nil {
		listener = tls.NewListener(listener, how.TLS)
	}
	s.mu.Lock()
	if s.isClosed {
		s.mu.Unlock()
		return listener.Close()
	}
	s.listeners[listener] = struct{}{}
	s.served.Add(1)
	s.mu.Unlock()

	defer s.served.Done()
	defer func() {
		s.mu.Lock()
		delete(s.listeners, listener)
		s.mu.Unlock()
		listener.Close()
	}()
	for {
		netConn, err := listener.Accept()
		if err != nil {
			if s.ctx.Err() != nil {
				return nil
			}
			if isTemporary(err) {
				// Out of file descriptors, mostly: those who are connected go
				// on, and the next one may have more luck.
				s.config.Logger.Warn("kafka connection not accepted", "listener", how.Name, "error", err)
				if !sleep(s.ctx, 50*time.Millisecond) {
					return nil
				}
				continue
			}
			return fmt.Errorf("kafka listener %s: %w", how.Name, err)
		}
		if _, isRefused := s.quotas.chargeStrictly(quotaConnectionsOfAnIP, "", remoteHost(netConn), 1, time.Now()); isRefused {
			s.refuse(netConn, "too many connections of one address in a short time")
			continue
		}
		s.start(netConn, &how)
	}
}

func isTemporary(err error) bool {
	var netErr interface{ Temporary() bool }
	return errors.As(err, &netErr) && netErr.Temporary()
}

// sleep waits and returns true, or returns false as soon as ctx ends.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// start serves a connection, unless there are too many.
func (s *Server) start(netConn net.Conn, how *Listener) {
	c := newConn(s, netConn, how)
	if why := s.enter(c); why != "" {
		c.cancel()
		s.refuse(netConn, why)
		return
	}
	go func() {
		defer s.served.Done()
		c.serve()
		s.mu.Lock()
		delete(s.conns, c)
		s.addresses[c.address].connections--
		s.addresses.left(c.address, time.Now())
		s.mu.Unlock()
	}()
}

// enter counts a connection, or says why there is no room for it.
func (s *Server) enter(c *conn) (why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	config := &s.config
	if s.isClosed {
		return "the server closes"
	}
	if len(s.conns) >= config.ConnectionsMax {
		return fmt.Sprintf("more than %d connections", config.ConnectionsMax)
	}
	now := time.Now()
	of := s.addresses.of(c.address, now)
	defer s.addresses.left(c.address, now) // if it does not enter
	if of.connections >= config.ConnectionsPerAddressMax {
		return fmt.Sprintf("more than %d connections of one address", config.ConnectionsPerAddressMax)
	}
	if c.how.asksWho() {
		if s.unknown >= config.UnknownConnectionsMax {
			return fmt.Sprintf("more than %d connections of clients that have not said who they are", config.UnknownConnectionsMax)
		}
		if of.unknown >= config.UnknownConnectionsPerAddressMax {
			return fmt.Sprintf("more than %d connections of one address whose clients have not said who they are", config.UnknownConnectionsPerAddressMax)
		}
		s.unknown++
		of.unknown++
	}
	s.conns[c] = struct{}{}
	of.connections++
	s.served.Add(1)
	return ""
}

func (s *Server) refuse(netConn net.Conn, why string) {
	s.mu.Lock()
	s.refused++
	count, isToldOf := s.refusals.add(time.Now())
	s.mu.Unlock()
	if isToldOf {
		s.config.Logger.Warn("kafka connection refused", "client", netConn.RemoteAddr(), "reason", why, "refused", count)
	}
	if s.ctx.Err() != nil {
		reset(netConn) // as conn.close does
		return
	}
	netConn.Close()
}

// refusalsEvery is how often the log tells of refused connections. A client that comes again and again would fill it.
const refusalsEvery = time.Second

// refusals counts those that the log has not told of.
type refusals struct {
	untold int
	told   time.Time
}

// add counts one, and says of how many the log is to tell now, if of any. What is left when nobody is refused any more
// is in the metrics.
func (r *refusals) add(now time.Time) (count int, isToldOf bool) {
	r.untold++
	if now.Sub(r.told) < refusalsEvery {
		return 0, false
	}
	count, r.untold, r.told = r.untold, 0, now
	return count, true
}

// Close closes the listeners and all connections, and returns when nothing of the
// server runs any more. Requests that wait are not answered; their clients ask
// again elsewhere. It returns nil.
func (s *Server) Close() error {
	s.cancel()
	s.mu.Lock()
	s.isClosed = true
	for listener := range s.listeners {
		listener.Close()
	}
	for c := range s.conns {
		c.close()
	}
	s.mu.Unlock()
	s.served.Wait()
	s.coordinator.close()
	return nil
}

// GroupsWithMembers are the consumer groups that have members now, in no order.
// On a node that doesn't lead nobody knows; that is an error.
func (s *Server) GroupsWithMembers() ([]string, error) {
	if err := s.coordinator.checkLeader(); err != nil {
		return nil, err
	}
	return s.coordinator.withMembers(), nil
}

// TopicsRead says which topics somebody in a group with members reads, or may: nobody
// knows that of members that are no consumers, nor during a rebalance.
func (s *Server) TopicsRead(group string) func(topic string) bool {
	all := func(string) bool { return true }
	g := s.coordinator.find(group)
	if g == nil {
		return all // it ended just now
	}
	defer g.Unlock()
	about := g.headline()
	if about.kind == groupTypeClassic && (about.state != groupStable || about.protocolType != protocolTypeConsumer) {
		return all
	}
	return g.subscribed()
}

// Stats are the connections of a moment.
type Stats struct {
	Connections int
	// Refused counts the connections that were one too many.
	Refused int64
	// FailedLogins counts the clients that did not show who they are.
	FailedLogins int64
	// Groups counts the consumer groups with members, or without for a short
	// time.
	Groups int
	// FetchSessions are remembered; FetchSessionsEvicted counts those that made room.
	FetchSessions        int
	FetchSessionsEvicted int64
}

// Stats returns the counts of now.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	stats := Stats{Connections: len(s.conns), Refused: s.refused, FailedLogins: s.failedLogins.Load()}
	s.mu.Unlock()
	stats.Groups = s.coordinator.size()
	stats.FetchSessions, stats.FetchSessionsEvicted = s.fetchSessions.stats()
	return stats
}
