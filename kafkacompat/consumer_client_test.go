package kafkacompat_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat"
	"kont/statemachine/command"
)

// fastConsumers has members of the new protocol beat often.
func fastConsumers(c *kafkacompat.Config) {
	c.Groups.ConsumerHeartbeatInterval, c.Groups.ConsumerSessionTimeout = 50*time.Millisecond, 10*time.Second
}

// consumersOf is the members of a group with how many partitions each has.
func consumersOf(t *testing.T, admin *kadm.Client, group string) (state string, counts []int) {
	t.Helper()
	described, err := admin.DescribeConsumerGroups(testContext(t), group)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range described[group].Members {
		n := 0
		for _, partitions := range m.Assignment {
			n += len(partitions)
		}
		counts = append(counts, n)
	}
	slices.Sort(counts)
	return described[group].State, counts
}

// Two of franz-go's consumers share topics by the new protocol; one more topic comes,
// one consumer goes. Each record is delivered, and every commit taken.
func TestConsumersOfTheNewProtocolShareAGroup(t *testing.T) {
	for name, balancer := range map[string]kgo.GroupBalancer{"uniform": kgo.StickyBalancer(), "range": kgo.RangeBalancer()} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, fastConsumers)
			s.createTopic("orders-1", 4)
			producer := s.client()
			admin := kadm.NewClient(producer)
			records := make(chan string, 1000)
			consume := func() *kgo.Client {
				client := s.client(kgo.ConsumerGroup("new"), kgo.ServerSideBalancer(), kgo.Balancers(balancer),
					kgo.ConsumeRegex(), kgo.ConsumeTopics("orders-.*"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
					kgo.AutoCommitInterval(100*time.Millisecond), kgo.MetadataMinAge(50*time.Millisecond), kgo.MetadataMaxAge(200*time.Millisecond))
				go func() {
					for {
						fetches := client.PollFetches(context.Background())
						if fetches.IsClientClosed() {
							return
						}
						fetches.EachRecord(func(r *kgo.Record) { records <- r.Topic + string(r.Value) })
					}
				}()
				return client
			}
			requireCounts := func(want ...int) {
				t.Helper()
				eventually(t, fmt.Sprintf("the members have %v partitions", want), func() bool {
					state, counts := consumersOf(t, admin, "new")
					return state == "Stable" && slices.Equal(counts, want)
				})
			}
			seen := make(map[string]bool)
			requireRecords := func(topic string, count int) {
				t.Helper()
				deadline := time.After(20 * time.Second)
				for n := 0; n < count; {
					select {
					case r := <-records:
						if !seen[r] {
							n++
						}
						seen[r] = true
					case <-deadline:
						t.Fatalf("%d of %d records of %s", n, count, topic)
					}
				}
			}
			first := consume()
			requireCounts(4)
			produceSome(t, producer, "orders-1", 4, 40)
			requireRecords("orders-1", 40)
			second := consume()
			requireCounts(2, 2)
			s.createTopic("orders-2", 4)
			requireCounts(4, 4)
			produceSome(t, producer, "orders-2", 4, 40)
			requireRecords("orders-2", 40)
			listed, err := admin.ListGroups(testContext(t))
			if err != nil || listed["new"].State != "Stable" || listed["new"].ProtocolType != "consumer" {
				t.Errorf("listed: %+v, %v", listed, err)
			}
			eventually(t, "all is committed", func() bool {
				offsets, err := admin.FetchOffsets(testContext(t), "new")
				committed := int64(0)
				offsets.Each(func(o kadm.OffsetResponse) { committed += o.At })
				return err == nil && committed == 80
			})
			first.Close()
			requireCounts(8)
			second.Close()
			if deleted, err := admin.DeleteGroups(testContext(t), "new"); err != nil || deleted["new"].Err != nil {
				t.Errorf("deletion: %+v, %v", deleted, err)
			}
		})
	}
}

// The Java client asks for the names of topics that were assigned to it by their ids,
// with the empty name.
func TestMetadataByIDHeedsNoName(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 2)
	topic, _ := s.log.Topic("orders")
	empty := ""
	for _, name := range []*string{nil, &empty} {
		request := metadataRequest()
		request.Version = 13
		request.Topics = append(request.Topics, kmsg.MetadataRequestTopic{Topic: name, TopicID: topic.ID}, kmsg.MetadataRequestTopic{Topic: name, TopicID: [16]byte{9}})
		answer := ask[*kmsg.MetadataResponse](s.dial(), request)
		if found := answer.Topics[0]; found.ErrorCode != 0 || found.Topic == nil || *found.Topic != "orders" || len(found.Partitions) != 2 {
			t.Errorf("%+v", found)
		}
		if unknown := answer.Topics[1]; unknown.ErrorCode != kerr.UnknownTopicID.Code || unknown.TopicID != [16]byte{9} {
			t.Errorf("%+v", unknown)
		}
	}
}

func TestHeartbeatsThatNoClientMaySendAreRefused(t *testing.T) {
	s := startServer(t)
	c := s.dial()
	empty, wrong, torn := "", "mine", "a(b"
	for name, test := range map[string]struct {
		change func(*kmsg.ConsumerGroupHeartbeatRequest)
		want   *kerr.Error
	}{
		"no group":         {func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.Group = "" }, kerr.InvalidRequest},
		"no member id":     {func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberID = "" }, kerr.InvalidRequest},
		"epoch -3":         {func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch = -3 }, kerr.InvalidRequest},
		"away, not static": {func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch = -2 }, kerr.InvalidRequest},
		"empty instance":   {func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.InstanceID = &empty }, kerr.InvalidRequest},
		"empty rack":       {func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.RackID = &empty }, kerr.InvalidRequest},
		"no timeout":       {func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.RebalanceTimeoutMillis = -1 }, kerr.InvalidRequest},
		"no subscription":  {func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.SubscribedTopicNames = nil }, kerr.InvalidRequest},
		"unknown assignor": {func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.ServerAssignor = &wrong }, kerr.UnsupportedAssignor},
		"no expression":    {func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.SubscribedTopicRegex = &torn }, kerr.InvalidRegularExpression},
		"empty assignor":   {func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.ServerAssignor = &empty }, kerr.UnsupportedAssignor},
		"only an empty expression": {func(r *kmsg.ConsumerGroupHeartbeatRequest) {
			r.SubscribedTopicNames, r.SubscribedTopicRegex = nil, &empty
		}, nil},
		"empty expression":    {func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.SubscribedTopicRegex = &empty }, nil},
		"nothing wrong":       {func(*kmsg.ConsumerGroupHeartbeatRequest) {}, nil},
		"version 0 has no id": {func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.Version, r.MemberID = 0, "" }, nil},
	} {
		request := beatRequest("me", 0, [16]byte{}, nil)
		test.change(request)
		response := ask[*kmsg.ConsumerGroupHeartbeatResponse](c, request)
		if got := kerr.ErrorForCode(response.ErrorCode); !errors.Is(got, orNil(test.want)) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
		if test.want == nil && (response.MemberID == nil || *response.MemberID == "" || response.HeartbeatIntervalMillis != 5000) {
			t.Errorf("%s: %+v", name, response)
		}
	}
}

func orNil(err *kerr.Error) error {
	if err == nil {
		return nil
	}
	return err
}

// A change that could not be written is told to nobody, and written with the next one.
func TestHeartbeatIsAnsweredWhenItsOutcomeIsKept(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 2)
	c := s.dial()
	s.log.BeforePropose(func(context.Context, command.Command) error { return command.ErrUnavailable })
	join := beatRequest("me", 0, [16]byte{}, nil)
	for range 2 {
		if response := ask[*kmsg.ConsumerGroupHeartbeatResponse](c, join); response.ErrorCode != kerr.CoordinatorNotAvailable.Code || response.Assignment != nil {
			t.Fatalf("while nothing can be written: %+v", response)
		}
	}
	s.log.BeforePropose(nil)
	if response := ask[*kmsg.ConsumerGroupHeartbeatResponse](c, join); response.ErrorCode != 0 || response.MemberEpoch != 1 || response.Assignment == nil {
		t.Fatalf("then: %+v", response)
	}
	s.cluster.SetLeader(1) // begins anew, from what is kept
	response := ask[*kmsg.ConsumerGroupHeartbeatResponse](c, beatRequest("me", 1, [16]byte{}, nil))
	if response.ErrorCode != 0 || response.MemberEpoch != 1 {
		t.Errorf("after a change of leader: %+v", response)
	}
}

// Two of franz-go's consumers of the classic protocol read; one of the new protocol
// joins them, and then goes. Each gets its share at once.
func TestConsumersOfBothProtocolsShareAGroup(t *testing.T) {
	s := startServer(t, fastConsumers)
	s.createTopic("orders", 6)
	type member struct {
		client *kgo.Client
		owned  atomic.Int64
	}
	consume := func(options ...kgo.Opt) *member {
		m := &member{}
		count := func(by int64) func(context.Context, *kgo.Client, map[string][]int32) {
			return func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
				m.owned.Add(by * int64(len(partitions["orders"])))
			}
		}
		m.client = s.client(append(options, kgo.ConsumerGroup("both"), kgo.ConsumeTopics("orders"), kgo.HeartbeatInterval(50*time.Millisecond),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.AutoCommitInterval(100*time.Millisecond),
			kgo.OnPartitionsAssigned(count(1)), kgo.OnPartitionsRevoked(count(-1)), kgo.OnPartitionsLost(count(-1)))...)
		go func() {
			for !m.client.PollFetches(context.Background()).IsClientClosed() {
			}
		}()
		return m
	}
	for name, balancer := range map[string]kgo.GroupBalancer{"eager": kgo.RangeBalancer(), "cooperative": kgo.CooperativeStickyBalancer()} {
		t.Run(name, func(t *testing.T) {
			one, two := consume(kgo.Balancers(balancer)), consume(kgo.Balancers(balancer))
			share := func(a, b int64) func() bool {
				return func() bool { return one.owned.Load() == a && two.owned.Load() == b }
			}
			eventually(t, "the classic ones have three each", share(3, 3))
			three := consume(kgo.ServerSideBalancer(), kgo.Balancers(kgo.StickyBalancer()))
			eventually(t, "all have two", func() bool { return share(2, 2)() && three.owned.Load() == 2 })
			three.client.Close()
			eventually(t, "the classic ones have three again", share(3, 3))
			one.client.Close()
			two.client.Close()
		})
	}
}
