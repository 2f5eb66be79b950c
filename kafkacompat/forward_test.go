package kafkacompat_test

import (
	"context"
	"errors"
	"reflect"
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
			return nil, errors.New("nobody is there")
		}
	})
	alone.cluster.SetLeader(2)
	if answer := ask[*kmsg.CreateTopicsResponse](alone.dial(), createTopicsRequest("orders")); answer.Topics[0].ErrorCode != kerr.NotController.Code {
		t.Errorf("by nobody: %+v", answer)
	}
}
