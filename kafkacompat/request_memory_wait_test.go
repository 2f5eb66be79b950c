package kafkacompat_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat"
	"kont/statemachine/command"
)

// The requests here have 240 KiB of the MiB that there is for all. Ten of them are more
// than all the memory, the overdraft included.
const (
	scarceMemoryBytes = 1 << 20
	greedyBytes       = 240 << 10
	greedyClients     = 10
)

func startScarceServer(t *testing.T) *testServer {
	s := startServer(t, func(c *kafkacompat.Config) {
		c.RequestBytesMax, c.RequestMemoryBytesMax = scarceMemoryBytes, scarceMemoryBytes
		c.WriteTimeout = time.Hour
	})
	s.createTopic("orders", 1)
	s.createTopic("silence", 1)
	return s
}

// requireProduces has another client produce, again and again, while others hold what they can get.
func requireProduces(t *testing.T, s *testServer) {
	t.Helper()
	other := s.dial()
	request := produceRequest(-1, 9, "orders", oneBatch(strings.Repeat("x", 100<<10)))
	for range 30 {
		if p := ask[*kmsg.ProduceResponse](other, request).Topics[0].Partitions[0]; p.ErrorCode != 0 {
			t.Fatalf("%+v", p)
		}
	}
}

func greedyFetch(topic string, wait time.Duration) *kmsg.FetchRequest {
	request := fetchRequest(topic, 0, 1, wait)
	request.Rack = strings.Repeat("r", greedyBytes)
	return request
}

// Long polls of large requests had the memory of all others for as long as they waited: they now end when others need it.
func TestLongPollsEndWhenOthersNeedTheirMemory(t *testing.T) {
	s := startScarceServer(t)
	for i := range greedyClients {
		go s.dial().Write(frame(1, greedyFetch("silence", time.Hour)))
		if i < 2 {
			eventually(t, "the poll waits", func() bool { return s.log.Watches() == i+1 })
		}
	}
	requireProduces(t, s)
}

func TestSmallLongPollsWaitWhileMemoryIsScarce(t *testing.T) {
	s := startScarceServer(t)
	poll := fetchRequest("silence", 0, 1, time.Hour)
	small := s.dial()
	small.send(frame(1, poll))
	for range greedyClients {
		go s.dial().Write(frame(1, greedyFetch("silence", time.Hour)))
	}
	requireProduces(t, s)
	ask[*kmsg.ProduceResponse](s.dial(), produceRequest(-1, 9, "silence", oneBatch("a")))
	if p := answer[*kmsg.FetchResponse](small, 1, poll).Topics[0].Partitions[0]; len(p.RecordBatches) == 0 {
		t.Errorf("the poll ended before there was anything: %+v", p)
	}
}

// What stands behind a request that waits for others has half of the memory at most.
func TestRequestsBehindOnesThatWaitLeaveMemoryToOthers(t *testing.T) {
	s := startScarceServer(t)
	for range greedyClients {
		c := s.dial()
		c.send(frame(1, fetchRequest("silence", 0, 1, time.Hour)))
		go c.Write(frame(2, produceRequest(-1, 9, "orders", oneBatch(strings.Repeat("x", greedyBytes)))))
	}
	eventually(t, "all poll", func() bool { return s.log.Watches() == greedyClients })
	requireProduces(t, s)
}

// Members that wait for others have no memory of requests: what the group keeps of them is its own.
func TestMembersThatWaitForOthersHoldNoMemoryOfRequests(t *testing.T) {
	s := startScarceServer(t)
	for i := range greedyClients {
		group := fmt.Sprint("group-", i)
		first := s.dial()
		join := kmsg.NewPtrJoinGroupRequest()
		join.Version, join.Group, join.ProtocolType = 3, group, "consumer"
		join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = 300_000, 300_000
		join.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: []byte("m")}}
		if joined := ask[*kmsg.JoinGroupResponse](first, join); joined.ErrorCode != 0 {
			t.Fatalf("%+v", joined)
		}
		join.Protocols[0].Metadata = make([]byte, greedyBytes)
		go s.dial().Write(frame(1, join))
	}
	requireProduces(t, s)
}

// A client that is made to wait, or doesn't take its answer, has been answered: the memory of the request is free.
func TestClientsThatAreMadeToWaitHoldNoMemoryOfRequests(t *testing.T) {
	s := startScarceServer(t)
	slow := kmsg.NewRequestFormatter(kmsg.FormatterClientID("slow"))
	client := command.QuotaName{Kind: command.QuotaNamed, Name: "slow"}
	if _, err := s.log.Propose(t.Context(), command.AlterClientQuotas{Alterations: []command.QuotaAlteration{{
		Entity: command.QuotaEntity{ClientID: client}, Set: map[string]float64{"producer_byte_rate": 0.001},
	}}}); err != nil {
		t.Fatal(err)
	}
	for range greedyClients {
		go s.dial().Write(slow.AppendRequest(nil, produceRequest(-1, 9, "orders", oneBatch(strings.Repeat("x", greedyBytes))), 1))
	}
	requireProduces(t, s)
}

func TestClientsThatDoNotTakeTheirAnswersHoldNoMemoryOfRequests(t *testing.T) {
	s := startScarceServer(t)
	for range 8 {
		ask[*kmsg.ProduceResponse](s.dial(), produceRequest(-1, 9, "silence", oneBatch(strings.Repeat("x", 200<<10))))
	}
	for range greedyClients {
		c := s.dial()
		go func() {
			for {
				request := greedyFetch("silence", 0)
				request.MaxBytes, request.Topics[0].Partitions[0].PartitionMaxBytes = 16<<20, 16<<20
				if _, err := c.Write(frame(1, request)); err != nil {
					return
				}
			}
		}()
	}
	requireProduces(t, s)
}

// Requests that ask for much wait for clients to take what others have asked for. Those that are large don't wait in memory that others need.
func TestLargeRequestsForMuchDoNotWaitInMemoryOfOthers(t *testing.T) {
	s := startServer(t, func(c *kafkacompat.Config) {
		c.RequestBytesMax, c.RequestMemoryBytesMax, c.BulkMemoryBytesMax = scarceMemoryBytes, scarceMemoryBytes, 1
		c.WriteTimeout = time.Hour
	})
	s.createTopic("orders", 1)
	for i := range 1000 {
		s.createTopic(strings.Repeat("t", 200)+fmt.Sprint(i), 4)
	}
	large := metadataRequest()
	for i := range 1000 {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = kmsg.StringPtr(strings.Repeat("u", 236) + fmt.Sprint(i))
		large.Topics = append(large.Topics, topic)
	}
	for range greedyClients {
		c := s.dial()
		go func() {
			for {
				if _, err := c.Write(frame(1, large)); err != nil {
					return
				}
			}
		}()
	}
	requireProduces(t, s)
}
