package kafkacompat

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// Clients take what changes the cluster to any node: brokers of Kafka hand it on to the controller (KIP-590), and since then
// the Java client sends ACLs, configurations and quotas to the node that is least busy, and throws NOT_CONTROLLER to its caller. So does a producer
// that asks for its id, and it may know no other node at that time. A node that doesn't lead lets the leader answer these.
//
// The client's rights are asked here and at the leader, where the ACLs are never those of before.
//
// What the leader was sent is done there or not at all. If it hangs, this node may lead by the time that it gives up; a deletion that it did
// once more would be that of a topic made meanwhile. So the client of a change is told that its time is over, as by Kafka, and not
// NOT_CONTROLLER, for which clients send it again.

// forwardTimeout is how long the leader may take.
const forwardTimeout = 30 * time.Second

// keysForLeader are the APIs of which the leader answers all requests, by the keys with which the names of their files begin.
var keysForLeader = []int16{keyCreateTopics, 20, 30, 31, 33, 37, 43, 44, 45, 46, 49, 51, 55, 57}

func isForLeader(request kmsg.Request) bool {
	if producer, ok := request.(*kmsg.InitProducerIDRequest); ok {
		return producer.TransactionalID == nil // or its client has to find the coordinator
	}
	return slices.Contains(keysForLeader, request.Key())
}

// ErrNotForwarded: the leader was not sent a request, or has refused to look at it. Any other error of Config.Forward says that the leader
// may have done it.
var ErrNotForwarded = errors.New("not done by the leader")

var errUnanswered = fmt.Errorf("the leader has not answered, and may have done it all the same: %w", kerr.RequestTimedOut)

// isForAnother says whether another node is to answer a request.
func (c *call) isForAnother(request kmsg.Request) bool {
	leader, _ := c.cluster().Leader()
	return c.server.config.Forward != nil && !c.isForwarded && leader >= 0 && leader != c.cluster().NodeID() && isForLeader(request)
}

// Forwarded is a request of a client on its way from one node to the leader, who is to believe all that it says.
type Forwarded struct {
	Key      int16  `json:"key"`
	Version  int16  `json:"version"`
	ClientID string `json:"client_id"`
	// Listener is the one that the client came by, Principal who it is, and Host where it is.
	Listener  string `json:"listener"`
	Principal string `json:"principal"`
	Host      string `json:"host"`
	Body      []byte `json:"body"`
}

// serveOrForward answers a request, here or by the leader.
func (c *call) serveOrForward(r *request) (kmsg.Response, error) {
	if response := c.forward(r.body); response != nil {
		return response, nil
	}
	return r.api.serve(c, r.body)
}

// notController is why a change is not made by this node, which isLeader says it is not to do. What changes nothing may be asked for again, and is
// NOT_CONTROLLER in either case.
func (c *call) notController() error {
	if c.isUnanswered {
		return errUnanswered
	}
	return kerr.NotController
}

// forward has the leader answer what is for it. It is nil where that is this node, or nobody, or does not answer.
func (c *call) forward(body kmsg.Request) kmsg.Response {
	leader, _ := c.cluster().Leader()
	// The next topic on demand would wait for a leader that hangs as long as the one before.
	if c.isUnanswered || !c.isForAnother(body) {
		return nil
	}
	ctx, cancel := context.WithTimeout(c.ctx, forwardTimeout)
	defer cancel()
	raw, err := c.server.config.Forward(ctx, Forwarded{
		Key: body.Key(), Version: body.GetVersion(), ClientID: c.header.ClientID,
		Listener: c.listener, Principal: c.principal, Host: remoteHost(c.net), Body: body.AppendTo(nil),
	})
	response := body.ResponseKind()
	if err == nil {
		err = response.ReadFrom(raw)
	}
	if err != nil {
		c.logger.Warn("kafka request is not answered by the leader", "request", nameOfKey(body.Key()), "leader", leader, "error", err)
		c.isUnanswered = !errors.Is(err, ErrNotForwarded)
		return nil
	}
	if throttled, ok := response.(kmsg.ThrottleResponse); ok {
		milli, _ := throttled.Throttle()
		c.throttle = max(c.throttle, time.Duration(milli)*time.Millisecond)
	}
	return response
}

// createTopicAtLeader makes a topic that is there on demand. It may take a moment until this node has it.
func (c *call) createTopicAtLeader(name string) error {
	request := kmsg.NewPtrCreateTopicsRequest()
	request.Version = apiForKey(keyCreateTopics).versionMax
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, -1, -1
	request.Topics = append(request.Topics, topic)
	response, _ := c.forward(request).(*kmsg.CreateTopicsResponse)
	if response == nil || len(response.Topics) != 1 {
		return kerr.LeaderNotAvailable
	}
	err := kerr.ErrorForCode(response.Topics[0].ErrorCode)
	switch {
	case errors.Is(err, kerr.TopicAlreadyExists):
		return nil
	case errors.Is(err, kerr.NotController):
		return kerr.LeaderNotAvailable
	}
	return err
}

// forwardedConn has the address of a client of another node.
type forwardedConn struct {
	net.Conn
	host string
}

// RemoteAddr is the client's.
func (c forwardedConn) RemoteAddr() net.Addr { return c }

// Network and String make it an address.
func (c forwardedConn) Network() string { return "forwarded" }
func (c forwardedConn) String() string  { return net.JoinHostPort(c.host, "0") }

// AnswerForwarded answers a request that a client sent to another node. If this one doesn't lead, the answer says so.
// An error that is command.ErrUnavailable says that nothing was done.
func (s *Server) AnswerForwarded(f Forwarded) (answer []byte, err error) {
	a := apiForKey(f.Key)
	if a == nil || !a.serves(f.Version) {
		return nil, fmt.Errorf("forwarded request of key %d, version %d: %w", f.Key, f.Version, command.ErrUnavailable)
	}
	body := f.Body
	if versioned := kmsg.RequestForKey(f.Key); isFlexible(versioned, f.Version) {
		body = append([]byte{0}, body...) // the tags of the header
	}
	decoded, err := a.decode(body, f.Version)
	if err != nil || !isForLeader(decoded) {
		return nil, errors.Join(fmt.Errorf("forwarded %s request", a.name), err)
	}
	c := newConn(s, forwardedConn{host: f.Host}, &Listener{Name: f.Listener})
	defer c.cancel()
	c.principal, c.isForwarded = f.Principal, true
	header := wire.Header{Key: f.Key, Version: f.Version, ClientID: f.ClientID}
	c.current = &request{api: a, header: header, body: decoded}
	called := &call{conn: c, header: header}
	err = c.guard(func() error {
		response, err := c.serveAuthorized(called, c.current)
		if err == nil {
			called.tellThrottle(response)
			answer = response.AppendTo(nil)
		}
		return err
	})
	return answer, err
}

func isFlexible(request kmsg.Request, version int16) bool {
	request.SetVersion(version)
	return request.IsFlexible()
}
