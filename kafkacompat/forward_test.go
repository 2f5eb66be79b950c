package kafkacompat_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat"
	"kont/kafkacompat/principal"
)

// startPair starts a leader and a node that follows it, with nothing applied there. The change is the leader's.
func startPair(t *testing.T, change ...func(*kafkacompat.Config)) (leader, follower *testServer) {
	t.Helper()
	leader = startServer(t, change...)
	follower = startServer(t, func(c *kafkacompat.Config) {
		c.AutoCreateTopics = true
		c.Forward = func(_ context.Context, request kafkacompat.Forwarded) ([]byte, error) {
			return leader.server.AnswerForwarded(request)
		}
	})
	follower.cluster.AddBroker(kafkacompat.Broker{NodeID: 2, Host: "127.0.0.2", Port: 9092})
	follower.cluster.SetLeader(2)
	return leader, follower
}

// The Java client sends ACLs, configurations and quotas to any node, and throws what that has against it.
func TestFollowerLetsTheLeaderAnswerAdministrators(t *testing.T) {
	leader, follower := startPair(t, func(c *kafkacompat.Config) {
		c.Authorizer = kafkacompat.AuthorizerConfig{IsOn: true, SuperUsers: []string{principal.Anonymous}}
	})
	for _, row := range followerRows() {
		isForLeader := errors.Is(row.follower, kerr.NotController) || row.request.Key() == 55 || row.request.Key() == 22 && errors.Is(row.follower, kerr.CoordinatorLoadInProgress)
		if !isForLeader {
			continue
		}
		if _, exists := leader.log.Topic("orders"); !exists {
			leader.createTopic("orders", 1)
		}
		before, name := leader.log.Commands(), reflect.TypeOf(row.request).Elem().Name()
		codes := errorCodes(reflect.ValueOf(ask[kmsg.Response](follower.dial(), row.request)))
		if took := leader.log.Commands() - before; row.lost != nil && !errors.Is(row.lost, kerr.ElectionNotNeeded) && (len(codes) > 0 || took != 1) {
			t.Errorf("%s: %v, %d commands at the leader", name, codes, took)
		}
	}
	if n := follower.log.Commands(); n != 0 {
		t.Errorf("%d commands at the follower", n)
	}
}

// The leader decides by who the client is at the other node.
func TestForwardedRequestHasTheRightsOfItsClient(t *testing.T) {
	leader, follower := startPair(t, func(c *kafkacompat.Config) {
		c.Authorizer = kafkacompat.AuthorizerConfig{IsOn: true, SuperUsers: []string{"User:admin"}}
	})
	request := createTopicsRequest("orders")
	if answer := ask[*kmsg.CreateTopicsResponse](follower.dial(), request); answer.Topics[0].ErrorCode != kerr.TopicAuthorizationFailed.Code {
		t.Errorf("anonymous: %+v", answer)
	}
	for who, want := range map[string]int16{"User:admin": 0, "User:mallory": kerr.TopicAuthorizationFailed.Code} {
		answer := request.ResponseKind().(*kmsg.CreateTopicsResponse)
		raw, err := leader.server.AnswerForwarded(kafkacompat.Forwarded{Key: 19, Version: 7, Principal: who, Host: "::1", Body: request.AppendTo(nil)})
		if err == nil {
			err = answer.ReadFrom(raw)
		}
		if err != nil || answer.Topics[0].ErrorCode != want {
			t.Errorf("%s: %+v, %v", who, answer, err)
		}
	}
	// It is no way around the connections of clients.
	for _, request := range []kmsg.Request{metadataRequest(), produceRequest(1, 9, "orders", oneBatch("v")), with(kmsg.NewPtrListConfigResourcesRequest(), 99, func(*kmsg.ListConfigResourcesRequest) {})} {
		if raw, err := leader.server.AnswerForwarded(kafkacompat.Forwarded{Key: request.Key(), Version: request.GetVersion(), Principal: "User:admin", Body: request.AppendTo(nil)}); err == nil {
			t.Errorf("%T: %x", request, raw)
		}
	}
	if raw, err := leader.server.AnswerForwarded(kafkacompat.Forwarded{Key: 19, Version: 7, Principal: "User:admin", Body: []byte{1, 2, 3}}); err == nil {
		t.Errorf("no request: %x", raw)
	}
}

func TestTopicsAreMadeOnDemandByTheLeader(t *testing.T) {
	leader, follower := startPair(t, func(c *kafkacompat.Config) { c.TopicPartitions = 3 })
	request := metadataRequest()
	name := "orders"
	request.Topics, request.AllowAutoTopicCreation = []kmsg.MetadataRequestTopic{{Topic: &name}}, true
	for range 2 {
		if code := ask[*kmsg.MetadataResponse](follower.dial(), request).Topics[0].ErrorCode; code != kerr.UnknownTopicOrPartition.Code {
			t.Errorf("error %d, want UNKNOWN_TOPIC_OR_PARTITION until the topic is here", code)
		}
	}
	if topic, _ := leader.log.Topic(name); topic.Partitions != 3 {
		t.Errorf("the leader made %+v", topic)
	}
}

// A leader that is gone, or is none any more, is to be looked for by the client.
func TestRequestThatCanNotBeForwardedIsAnsweredHere(t *testing.T) {
	leader, follower := startPair(t)
	leader.cluster.SetLeader(3)
	if answer := ask[*kmsg.CreateTopicsResponse](follower.dial(), createTopicsRequest("orders")); answer.Topics[0].ErrorCode != kerr.NotController.Code {
		t.Errorf("by one that is deposed: %+v", answer)
	}
	alone := startServer(t, func(c *kafkacompat.Config) {
		c.Forward = func(context.Context, kafkacompat.Forwarded) ([]byte, error) {
			return nil, fmt.Errorf("%w: nobody is there", kafkacompat.ErrNotForwarded)
		}
	})
	alone.cluster.SetLeader(2)
	if answer := ask[*kmsg.CreateTopicsResponse](alone.dial(), createTopicsRequest("orders")); answer.Topics[0].ErrorCode != kerr.NotController.Code {
		t.Errorf("by nobody: %+v", answer)
	}
}

// startSuccessor starts a node that has sent a request on to the leader, and leads itself by the time that it hears of an error. atLeader is what
// became of the request before.
func startSuccessor(t *testing.T, failure error, atLeader func(kafkacompat.Forwarded), change ...func(*kafkacompat.Config)) *testServer {
	t.Helper()
	var s *testServer
	s = startServer(t, append(change, func(c *kafkacompat.Config) {
		c.AutoCreateTopics = true
		c.Forward = func(_ context.Context, request kafkacompat.Forwarded) ([]byte, error) {
			s.cluster.SetLeader(1)
			atLeader(request)
			return nil, failure
		}
	})...)
	s.cluster.AddBroker(kafkacompat.Broker{NodeID: 2, Host: "127.0.0.2", Port: 9092})
	return s
}

var errLeaderHangs = errors.New("no answer within 30 s")

// The leader does what it is asked for and hangs before it answers. Done again by the next one, one deletion would take the topic and
// the one that somebody made in its place.
func TestRequestThatTheLeaderMayHaveDoneIsNotDoneAgain(t *testing.T) {
	_, store := startServerOnStore(t)
	leader := startServer(t, func(c *kafkacompat.Config) { c.Log = store })
	var isMadeAnew atomic.Bool
	var next *testServer
	next = startSuccessor(t, errLeaderHangs, func(request kafkacompat.Forwarded) {
		if _, err := leader.server.AnswerForwarded(request); err != nil {
			t.Error(err)
		}
		if isMadeAnew.Load() {
			next.createTopic("orders", 1)
		}
	}, func(c *kafkacompat.Config) { c.Log = store })

	next.cluster.SetLeader(2)
	answer := ask[*kmsg.CreateTopicsResponse](next.dial(), createTopicsRequest("orders")).Topics[0]
	if _, exists := store.Topic("orders"); !exists || answer.ErrorCode != kerr.RequestTimedOut.Code {
		t.Errorf("made once: %+v, is there: %v", answer, exists)
	}
	next.cluster.SetLeader(2)
	isMadeAnew.Store(true)
	deletion := with(kmsg.NewPtrDeleteTopicsRequest(), 5, func(r *kmsg.DeleteTopicsRequest) { r.TopicNames = []string{"orders"} })
	deleted := ask[*kmsg.DeleteTopicsResponse](next.dial(), deletion).Topics[0]
	if _, exists := store.Topic("orders"); !exists || deleted.ErrorCode != kerr.RequestTimedOut.Code {
		t.Errorf("deleted once, and made anew: %+v, is there: %v", deleted, exists)
	}
}

// NOT_CONTROLLER says that nothing was done, and clients send a change again for it. It is for those that may.
func TestClientHearsWhetherTheLeaderMayHaveDoneItsRequest(t *testing.T) {
	for _, isSent := range []bool{true, false} {
		failure := errLeaderHangs
		if !isSent {
			failure = kafkacompat.ErrNotForwarded
		}
		s := startSuccessor(t, failure, func(kafkacompat.Forwarded) {}, func(c *kafkacompat.Config) {
			c.Authorizer = kafkacompat.AuthorizerConfig{IsOn: true, SuperUsers: []string{principal.Anonymous}}
		})
		for _, row := range followerRows() {
			isAsked := errors.Is(row.follower, kerr.NotController) || row.request.Key() == 55 || row.request.Key() == 22 && errors.Is(row.follower, kerr.CoordinatorLoadInProgress)
			if !isAsked {
				continue
			}
			if _, exists := s.log.Topic("orders"); !exists {
				s.makeTopic("orders", 1)
			}
			s.cluster.SetLeader(2)
			before, name := s.log.Commands(), reflect.TypeOf(row.request).Elem().Name()
			codes := errorCodes(reflect.ValueOf(ask[kmsg.Response](s.dial(), row.request)))
			took := s.log.Commands() - before
			want := row.follower
			if errors.Is(row.lost, kerr.NotController) {
				want = kerr.RequestTimedOut
			}
			switch {
			case isSent && (took != 0 || len(codes) == 0 || slices.ContainsFunc(codes, func(code int16) bool { return code != want.Code })):
				t.Errorf("%s, sent: %v, %d commands; want %v", name, codes, took, want)
			case !isSent && errors.Is(row.lost, kerr.NotController) && (took != 1 || len(codes) > 0):
				t.Errorf("%s, not sent: %v, %d commands", name, codes, took)
			}
		}
	}
}

// The leader hangs with the first topic. Each of the others would take as long.
func TestTopicsOnDemandWaitForALeaderThatHangsOnce(t *testing.T) {
	var sent atomic.Int32
	s := startServer(t, func(c *kafkacompat.Config) {
		c.AutoCreateTopics = true
		c.Forward = func(context.Context, kafkacompat.Forwarded) ([]byte, error) {
			sent.Add(1)
			return nil, errLeaderHangs
		}
	})
	s.cluster.SetLeader(2)
	request := metadataRequest()
	request.AllowAutoTopicCreation = true
	for _, name := range []string{"a", "b", "c"} {
		request.Topics = append(request.Topics, kmsg.MetadataRequestTopic{Topic: &name})
	}
	for _, topic := range ask[*kmsg.MetadataResponse](s.dial(), request).Topics {
		if topic.ErrorCode != kerr.LeaderNotAvailable.Code {
			t.Errorf("%s: %v", *topic.Topic, kerr.ErrorForCode(topic.ErrorCode))
		}
	}
	if n := sent.Load(); n != 1 {
		t.Errorf("%d requests for the leader", n)
	}
}
