package kafkacompat_test

import (
	"errors"
	"fmt"
	"os"
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
