package kafkacompat

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
)

const (
	readBufferBytes = 8 << 10
	// produceRunBytesMax bounds the Produce requests that are answered together,
	// but for the first one.
	produceRunBytesMax = 4 << 20
	// unansweredBytesMax bounds the requests of one connection that are read and not
	// answered, but for one alone. What stands behind a long poll would else have the
	// memory of all connections for as long as that waits; two runs of Produce requests
	// are all that reading ahead is good for.
	unansweredBytesMax = 2 * produceRunBytesMax
)

// A conn is one client connection, on two goroutines: one reads requests into a
// bounded queue, one answers them in order.
//
// A request begins after the one before it was answered, as on a Kafka broker. A
// long poll therefore holds back what its client sends behind it; clients know,
// and use a connection of its own for what can wait. The exception are Produce
// requests that stand behind each other in the queue: they are proposed as one
// command, so a connection that sends many small ones costs few proposals, and
// their order is that of the wire.
type conn struct {
	server   *Server
	net      net.Conn
	how      *Listener
	listener string
	// address is whose the connection is, see addressOf.
	address string
	logger  *slog.Logger
	// reader is for whoever reads: first identify, then the reading goroutine.
	reader *bufio.Reader
	queue  chan *request
	// unanswered is the size of the requests that were read and not answered; answered is
	// signalled when it becomes less.
	unanswered atomic.Int64
	answered   chan struct{}
	// ctx ends when the client is gone, the answering goroutine has given up, or
	// the server closes. Requests that wait for something give up then. What is
	// to be stored is stored nevertheless: a producer with acks=0 may send and
	// go.
	ctx    context.Context
	cancel context.CancelFunc

	// isInUse: the client has got an answer, other than those by which it begins.
	isInUse atomic.Bool

	// What follows belongs to the answering goroutine.

	// principal is who the client is; see identify.
	principal string
	login     login
	permits   permits
	// isForwarded: there is no connection, but that of another node which sent on one request.
	isForwarded bool

	out outgoing
	// isAnswering: what out holds makes isInUse true.
	isAnswering bool
	// held was taken from the queue and is next; current is the one that is answered, unless it is Produce.
	held, current *request
	// wake is signalled by the log for a long poll.
	wake chan struct{}
	// reserved is what the connection has of the server's memory for Fetch
	// responses.
	reserved int
}

// A request is read and decoded.
type request struct {
	api    *api
	header wire.Header
	// body is nil for an ApiVersions request of an unknown version.
	body kmsg.Request
	// bytes is the size of the frame, memory what it took of the server's memory
	// for requests.
	bytes   int
	memory  memoryShare
	arrived time.Time
}

// A call is a request in the hands of its handler.
type call struct {
	*conn
	header wire.Header
	// throttle is for how long the client has to wait after the answer.
	throttle time.Duration
	// isUnanswered: the leader was sent the request, or a part of it, and has not answered. It is not for this node any more, whoever leads by now.
	isUnanswered bool
	// commit is what the request does, if it commits offsets.
	commit *commit
}

// errCloseConn ends a connection because the protocol says so; the client has
// been told, or asked not to be.
var errCloseConn = errors.New("closed as the protocol asks")

func newConn(s *Server, netConn net.Conn, how *Listener) *conn {
	c := &conn{
		server:   s,
		net:      netConn,
		how:      how,
		listener: how.Name,
		address:  addressOf(netConn),
		reader:   bufio.NewReaderSize(netConn, readBufferBytes),
		logger:   s.config.Logger.With("client", netConn.RemoteAddr().String(), "listener", how.Name),
		queue:    make(chan *request, s.config.InFlightMax),
		wake:     make(chan struct{}, 1),
		answered: make(chan struct{}, 1),
	}
	c.ctx, c.cancel = context.WithCancel(s.ctx)
	return c
}

// close makes both goroutines end. Any goroutine may call it, many times.
func (c *conn) close() {
	c.cancel()
	// A TLS connection would wait here until its client takes the goodbye.
	raw := c.net
	if secured, isTLS := c.net.(*tls.Conn); isTLS {
		raw = secured.NetConn()
	}
	if c.isCutOff() {
		reset(raw)
		return
	}
	raw.Close()
}

// isCutOff tells whether the server closes before it was of any use to the client. One that hears nothing but the end takes the listener for
// one that wants TLS or a password, and gives up (kgo.ErrFirstReadEOF), with records that it had to write; after a reset it looks for another node.
func (c *conn) isCutOff() bool { return c.server.ctx.Err() != nil && !c.isInUse.Load() }

// reset closes a connection so that its client reads an error, and no end.
func reset(raw net.Conn) {
	if tcp, ok := raw.(interface{ SetLinger(seconds int) error }); ok {
		_ = tcp.SetLinger(0) // then it reads an end
	}
	raw.Close()
}

// sayGoodbye tells a client of TLS that nothing was cut off. It may wait for the
// client.
func (c *conn) sayGoodbye() {
	if secured, isTLS := c.net.(*tls.Conn); isTLS && !c.isCutOff() {
		_ = secured.CloseWrite() // whoever has gone doesn't hear it
	}
}

// serve finds out who is there, and reads and answers until the connection ends.
func (c *conn) serve() {
	if err := c.guard(c.identify); err != nil {
		c.finish("authenticate", err)
		c.sayGoodbye()
		c.close()
		return
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(c.queue)
		c.finish("read", c.guard(c.read))
	})
	c.finish("answer", c.guard(c.answer))
	c.sayGoodbye()
	c.close()
	c.finish("drain", c.guard(c.drain))
	for r := range c.queue {
		c.release(r)
	}
	reading.Wait()
}

// drain stores what came with acks=0 and was not reached before its client had
// gone.
func (c *conn) drain() error {
	for r := c.next(); r != nil; r = c.next() {
		if body, ok := r.body.(*kmsg.ProduceRequest); ok && body.Acks == 0 && c.admits(r) == nil {
			// Nobody is left to be told of an error.
			_, _ = c.produce([]*request{r})
		}
		c.release(r)
	}
	return nil
}

// guard makes an error of a panic: a bug in one request costs one connection.
func (c *conn) guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.logger.Error("kafka request panicked", "panic", p, "stack", string(debug.Stack()))
			err = errCloseConn
		}
	}()
	return f()
}

// finish logs why a goroutine of the connection ended.
func (c *conn) finish(what string, err error) {
	switch {
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), c.server.ctx.Err() != nil:
	case errors.Is(err, errCloseConn):
		c.logger.Debug("kafka connection closed", "during", what, "reason", err)
	default:
		c.logger.Info("kafka connection closed", "during", what, "reason", err)
	}
}

// read puts requests into the queue. A malformed request ends it, after which
// those before it are answered; the end of the client cancels those that wait.
func (c *conn) read() error {
	config := &c.server.config
	reader := c.reader
	for {
		if err := c.net.SetReadDeadline(time.Now().Add(config.IdleTimeout)); err != nil {
			return err
		}
		bytes, key, err := wire.ReadSize(reader)
		if err != nil {
			if !errors.Is(err, wire.ErrMalformed) {
				c.cancel()
			}
			return err
		}
		a := apiForKey(key)
		if a == nil {
			return fmt.Errorf("request with unknown API key %d", key)
		}
		if bytesMax := orDefault(a.requestBytesMax, config.RequestBytesMax); bytes > bytesMax {
			return fmt.Errorf("%s request of %d bytes, at most %d", a.name, bytes, bytesMax)
		}
		r := &request{api: a, bytes: bytes}
		if err := c.awaitAnswers(r); err != nil {
			return err
		}
		if err := c.readRequest(reader, r); err != nil {
			return err
		}
		select {
		case c.queue <- r:
		case <-c.ctx.Done():
			c.release(r)
			return c.ctx.Err()
		}
	}
}

// awaitAnswers waits until a request may be read behind those that are there.
func (c *conn) awaitAnswers(r *request) error {
	for {
		unanswered := c.unanswered.Load()
		if unanswered == 0 || unanswered+int64(r.bytes) <= unansweredBytesMax && c.server.requestMemory.readAhead(&r.memory, r.bytes) {
			return nil
		}
		select {
		case <-c.answered:
		case <-c.ctx.Done():
			return c.ctx.Err()
		}
	}
}

// readRequest reads and decodes the rest of a request, which has memory of the
// server then, unless there is an error or a panic.
func (c *conn) readRequest(reader *bufio.Reader, r *request) error {
	isRead := false
	c.unanswered.Add(int64(r.bytes))
	defer func() {
		if !isRead {
			c.release(r)
		}
	}()
	began := time.Now()
	frame, err := wire.ReadFrame(reader, r.bytes, func(bytes int) error {
		waiting := time.Now()
		if err := c.server.requestMemory.grow(c.ctx, &r.memory, bytes); err != nil {
			return err
		}
		// The time in which we didn't read is not the client's.
		began = began.Add(time.Since(waiting))
		return c.net.SetReadDeadline(began.Add(c.server.config.FrameTimeout))
	})
	if err != nil {
		c.cancel()
		return err
	}
	var body []byte
	if r.header, body, err = wire.ParseHeader(frame); err != nil {
		return err
	}
	r.arrived = time.Now()
	if version := r.header.Version; !r.api.serves(version) {
		if r.api.key == keyApiVersions {
			isRead = true
			return nil
		}
		return fmt.Errorf("%s request of version %d, served are %d to %d",
			r.api.name, version, r.api.versionMin, r.api.versionMax)
	}
	if r.body, err = r.api.decode(body, r.header.Version); err != nil {
		return fmt.Errorf("%s request of version %d: %w", r.api.name, r.header.Version, err)
	}
	isRead = true
	return nil
}

// giveBack frees the memory of a request that is not needed any more. It is not answered by that: what stands behind it
// still does.
func (c *conn) giveBack(r *request) {
	r.body = nil
	c.server.requestMemory.release(&r.memory)
}

// release ends a request.
func (c *conn) release(r *request) {
	c.giveBack(r)
	c.unanswered.Add(-int64(r.bytes))
	select {
	case c.answered <- struct{}{}:
	default:
	}
}

// answer takes requests from the queue until it ends.
func (c *conn) answer() error {
	for {
		r := c.next()
		if r == nil {
			return nil
		}
		var err error
		if r.api.key == keyProduce && c.admits(r) == nil {
			err = c.answerProduceRun(r)
		} else {
			err = c.answerOne(r)
		}
		if err != nil {
			return err
		}
	}
}

// next waits for a request; nil is the end.
func (c *conn) next() *request {
	if r := c.held; r != nil {
		c.held = nil
		return r
	}
	return <-c.queue
}

// nextProduce takes a Produce request that is there already, nil if there is none
// or something else stands before it.
func (c *conn) nextProduce() *request {
	select {
	case r := <-c.queue:
		if r != nil && (r.api.key != keyProduce || c.admits(r) != nil) {
			c.held = r
			return nil
		}
		return r
	default:
		return nil
	}
}

// answerOne answers anything but Produce.
func (c *conn) answerOne(r *request) error {
	defer c.release(r)
	defer c.keepReserved(0)
	called := &call{conn: c, header: r.header}
	var leave func() // for what has a place among large answers
	if r.body != nil && r.api.isBulk != nil && r.api.isBulk(r.body) {
		var err error
		if leave, err = c.server.bulk.enter(c.ctx, called.waits(r.body), c.server.requestMemory.isScarce(&r.memory)); err != nil {
			return err
		}
		defer leave()
	}
	var response kmsg.Response
	err := c.admits(r)
	if err != nil {
		return err
	}
	c.current = r
	if r.body == nil {
		response = unsupportedApiVersions()
	} else {
		response, err = c.serveAuthorized(called, r)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", r.api.name, err)
	}
	if c.ctx.Err() != nil {
		return fmt.Errorf("%s is not answered: %w", r.api.name, errCloseConn)
	}
	c.out.take()
	defer c.out.give()
	if fetched, ok := response.(*kmsg.FetchResponse); ok {
		called.charge(quotaConsumerBytes, float64(recordBytes(fetched)))
	}
	called.tellThrottle(response)
	c.append(r, response)
	c.giveBack(r)
	if leave != nil {
		free, err := c.server.bulk.hold(c.ctx, len(c.out.buffer))
		if err != nil {
			return err
		}
		defer free()
		leave()
		// Whoever takes a little now and then would have the memory for hours.
		defer time.AfterFunc(c.server.config.WriteTimeout, c.close).Stop()
	}
	if err := c.flush(); err != nil {
		return err
	}
	if c.login.failure != nil {
		return c.login.failure
	}
	return c.pause(called.throttle)
}

// answerProduceRun answers first and the Produce requests that stand behind it
// already.
func (c *conn) answerProduceRun(first *request) error {
	run := []*request{first}
	for bytes := first.bytes; bytes < produceRunBytesMax && len(run) < c.server.config.InFlightMax; {
		r := c.nextProduce()
		if r == nil {
			break
		}
		run = append(run, r)
		bytes += r.bytes
	}
	defer func() {
		for _, r := range run {
			c.release(r)
		}
	}()
	c.out.take()
	defer c.out.give()
	throttle, refusal := c.produce(run)
	for _, r := range run {
		c.giveBack(r)
	}
	if err := errors.Join(c.flush(), refusal); err != nil {
		return err
	}
	return c.pause(throttle)
}

// append adds the answer to a request to those that wait to be written.
func (c *conn) append(r *request, response kmsg.Response) {
	bytes := c.out.append(r.header.Correlation, response)
	switch r.api.key {
	case keyApiVersions, keySASLHandshake, keySASLAuthenticate:
	default:
		c.isAnswering = true
	}
	if observe := c.server.config.Observe; observe != nil {
		observe(Observation{
			API:      r.api.name,
			Version:  r.header.Version,
			Code:     responseCode(response),
			BytesIn:  r.bytes,
			BytesOut: bytes,
			Duration: time.Since(r.arrived),
		})
	}
}

func (c *conn) flush() error {
	err := c.out.writeTo(c.net, c.server.config.WriteTimeout)
	if err == nil && c.isAnswering {
		c.isInUse.Store(true)
	}
	return err
}

// isLeader says whether this node may answer for partitions and groups, and make changes.
func (c *call) isLeader() bool {
	leader, _ := c.server.config.Cluster.Leader()
	return leader == c.server.config.Cluster.NodeID() && !c.isUnanswered
}

// isConfirmedLeader is isLeader for who reads and must not miss what was acknowledged, if it was by the next leader.
func (c *call) isConfirmedLeader() bool {
	return c.isLeader() && c.cluster().ConfirmLeader(c.ctx) == nil
}

// checkConfirmedLeader is checkLeader for who reads what a coordinator has.
func (c *call) checkConfirmedLeader() error {
	if !c.isConfirmedLeader() {
		return kerr.NotCoordinator
	}
	return c.server.coordinator.checkLeader()
}

func (c *call) log() Log {
	if c.commit != nil {
		return commitLog{c.server.config.Log, c.commit}
	}
	return c.server.config.Log
}

func (c *call) cluster() Cluster { return c.server.config.Cluster }

// broker is the address of a node on this connection's listener; its id is -1 if
// there is none.
func (c *call) broker(nodeID int32) Broker {
	for _, broker := range c.cluster().Brokers(c.listener) {
		if broker.NodeID == nodeID {
			return broker
		}
	}
	return Broker{NodeID: -1, Port: -1}
}

// clientHost is the client's address as DescribeGroups shows it.
func (c *call) clientHost() string {
	return "/" + remoteHost(c.net)
}

// remoteHost is the client's address without the port.
func remoteHost(conn net.Conn) string {
	host, _, err := net.SplitHostPort(conn.RemoteAddr().String())
	if err != nil {
		return conn.RemoteAddr().String()
	}
	return host
}
