package kafkacompat_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat"
	"kont/statemachine/command"
)

// Answers that tell of all transactions, of all members of a group, or what many topics would be, are large ones, too: while a client doesn't take
// its own, others are made when there is memory for them.
func TestAnswersAboutTransactionsAndMembersHaveBoundedMemory(t *testing.T) {
	s, store := startServerOnStore(t, func(c *kafkacompat.Config) { c.BulkMemoryBytesMax = 1 })
	long := strings.Repeat("t", 200)
	var topics []string
	for i := range 500 {
		topics = append(topics, fmt.Sprint(long, i))
		init := command.InitProducer{TransactionalID: fmt.Sprint(strings.Repeat("x", 1000), i), TimeoutMilli: 60_000,
			Expected: command.ProducerEpoch{ProducerID: command.NoProducerID, Epoch: command.NoProducerEpoch}, NowUnixMilli: 1}
		if _, err := store.Propose(t.Context(), init); err != nil {
			t.Fatal(err)
		}
	}
	beat := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	beat.Version, beat.Group, beat.MemberID, beat.RebalanceTimeoutMillis = 1, "g", "one", 60_000
	beat.SubscribedTopicNames, beat.Topics = topics, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	requireNoCodes(t, ask[*kmsg.ConsumerGroupHeartbeatResponse](s.dial(), beat))

	list, describe := kmsg.NewPtrListTransactionsRequest(), kmsg.NewPtrConsumerGroupDescribeRequest()
	describe.Groups = []string{"g"}
	validate := kmsg.NewPtrCreateTopicsRequest()
	validate.Version, validate.ValidateOnly = 7, true
	for _, topic := range topics {
		validate.Topics = append(validate.Topics, kmsg.CreateTopicsRequestTopic{Topic: topic, NumPartitions: 1, ReplicationFactor: 1})
	}
	for _, request := range []kmsg.Request{list, describe, validate} {
		greedy, waiting := s.dial(), s.dial()
		for i := range int32(100) { // more than sockets have room for
			greedy.send(frame(i, request))
		}
		time.Sleep(200 * time.Millisecond)
		waiting.send(frame(1, request))
		if err := waiting.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := waiting.reader.Peek(1); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: answered while there is no memory: %v", kmsg.NameForKey(request.Key()), err)
		}
		greedy.Close()
		if err := waiting.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		if bytes := len(answer[kmsg.Response](waiting, 1, request).AppendTo(nil)); bytes < 100_000 {
			t.Errorf("%s: %d bytes", kmsg.NameForKey(request.Key()), bytes)
		}
	}
}

// The leader hangs, or the log. Metadata of all topics is what clients look for another leader by.
func TestMetadataDoesNotWaitForThoseWhoWaitForTheLeader(t *testing.T) {
	topics := func(each func(name string)) {
		for i := range 100 {
			each(fmt.Sprint("t", i))
		}
	}
	validate := with(kmsg.NewPtrCreateTopicsRequest(), 7, func(r *kmsg.CreateTopicsRequest) {
		r.ValidateOnly = true
		topics(func(name string) {
			r.Topics = append(r.Topics, kmsg.CreateTopicsRequestTopic{Topic: name, NumPartitions: 1, ReplicationFactor: 1})
		})
	})
	onDemand := with(metadataRequest(), 9, func(r *kmsg.MetadataRequest) {
		r.AllowAutoTopicCreation = true
		topics(func(name string) { r.Topics = append(r.Topics, kmsg.MetadataRequestTopic{Topic: &name}) })
	})
	for _, c := range []struct {
		name    string
		leader  int32
		request kmsg.Request
	}{{"what topics would be, at the leader", 2, validate}, {"topics on demand, at the leader", 2, onDemand}, {"topics on demand, in the log", 1, onDemand}} {
		t.Run(c.name, func(t *testing.T) {
			hanging := make(chan struct{}, 1000)
			hangs := func(ctx context.Context) error {
				hanging <- struct{}{}
				<-ctx.Done()
				return ctx.Err()
			}
			s := startServer(t, func(config *kafkacompat.Config) {
				config.AutoCreateTopics = true
				config.Forward = func(ctx context.Context, _ kafkacompat.Forwarded) ([]byte, error) { return nil, hangs(ctx) }
			})
			s.cluster.AddBroker(kafkacompat.Broker{NodeID: 2, Host: "127.0.0.2", Port: 9092})
			s.cluster.SetLeader(c.leader)
			s.log.BeforePropose(func(ctx context.Context, _ command.Command) error { return hangs(ctx) })
			for range max(1, runtime.GOMAXPROCS(0)/2) { // as many as there are places
				s.dial().send(frame(1, c.request))
				<-hanging
			}
			s.dial().send(frame(1, c.request)) // and one that waits for a place
			all := s.dial()
			all.send(frame(1, with(metadataRequest(), 9, func(r *kmsg.MetadataRequest) { r.Topics = nil })))
			if err := all.SetReadDeadline(time.Now().Add(3 * time.Second)); err != nil { // less than a proposal may take
				t.Fatal(err)
			}
			if _, err := all.reader.Peek(1); err != nil {
				t.Errorf("metadata of all topics: %v", err)
			}
		})
	}
}
