package kafkacompat_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat"
	"kont/statemachine/command"
)

// startRacks is a server with one record, whose node 1 is in rack a, node 2 in rack b and node 3 in rack c.
func startRacks(t *testing.T) *testServer {
	t.Helper()
	s := startServer(t)
	s.createTopic("orders", 1)
	ask[*kmsg.ProduceResponse](s.dial(), produceRequest(-1, 9, "orders", oneBatch("v")))
	s.cluster.SetRack("a")
	s.cluster.AddBroker(kafkacompat.Broker{NodeID: 2, Host: "127.0.0.2", Port: 9092, Rack: "b"})
	s.cluster.AddBroker(kafkacompat.Broker{NodeID: 3, Host: "127.0.0.3", Port: 9092, Rack: "c"})
	return s
}

func fetchFrom(rack string, offset int64, wait time.Duration) *kmsg.FetchRequest {
	request := fetchRequest("orders", offset, 1, wait)
	request.Rack = rack
	return request
}

func fetched(c *rawConn, request *kmsg.FetchRequest) kmsg.FetchResponseTopicPartition {
	c.t.Helper()
	return ask[*kmsg.FetchResponse](c, request).Topics[0].Partitions[0]
}

func TestLeaderSendsConsumersToTheNodeOfTheirRack(t *testing.T) {
	s := startRacks(t)
	s.cluster.AddBroker(kafkacompat.Broker{NodeID: 4, Host: "127.0.0.4", Port: 9092, Rack: "a"})
	for rack, want := range map[string]int32{"": -1, "a": -1, "b": 2, "c": 3, "d": -1} {
		began := time.Now()
		p := fetched(s.dial(), fetchFrom(rack, 0, time.Minute))
		if p.ErrorCode != 0 || p.PreferredReadReplica != want || len(p.RecordBatches) > 0 != (want < 0) || p.HighWatermark != 1 {
			t.Errorf("rack %q: %+v, want node %d", rack, p, want)
		}
		if time.Since(began) > 30*time.Second {
			t.Errorf("rack %q: answered after %s", rack, time.Since(began))
		}
	}
	// Before version 11 there are no racks, and no way to say it.
	old := fetchFrom("b", 0, 0)
	old.Version = 10
	if p := fetched(s.dial(), old); len(p.RecordBatches) == 0 || p.PreferredReadReplica >= 0 {
		t.Errorf("version 10: %+v", p)
	}
	// Only the leader can tell that there is no such offset.
	if p := fetched(s.dial(), fetchFrom("b", 2, 0)); p.ErrorCode != kerr.OffsetOutOfRange.Code || p.PreferredReadReplica >= 0 {
		t.Errorf("offset 2: %+v", p)
	}
}

// Within a session, only what is new is told.
func TestConsumerWithASessionIsSentToItsNode(t *testing.T) {
	s := startRacks(t)
	c := s.dial()
	request := fetchFrom("b", 1, 0)
	request.SessionEpoch = 0
	first := ask[*kmsg.FetchResponse](c, request)
	request.SessionID, request.SessionEpoch, request.Topics = first.SessionID, 1, nil
	if again := ask[*kmsg.FetchResponse](c, request); len(again.Topics) != 1 || again.Topics[0].Partitions[0].PreferredReadReplica != 2 {
		t.Errorf("%+v, then %+v", first, again)
	}
}

func TestFollowerServesConsumersOfItsRack(t *testing.T) {
	s := startRacks(t)
	s.cluster.SetLeader(2)
	_, epoch := s.cluster.Leader()
	for rack, want := range map[string]int16{"": kerr.NotLeaderForPartition.Code, "a": 0, "b": kerr.NotLeaderForPartition.Code} {
		if p := fetched(s.dial(), fetchFrom(rack, 0, 0)); p.ErrorCode != want || len(p.RecordBatches) > 0 != (want == 0) || p.PreferredReadReplica >= 0 {
			t.Errorf("rack %q: %+v, want error %d", rack, p, want)
		}
	}
	if p := fetched(s.dial(), fetchFrom("a", 0, 0)); p.HighWatermark != 1 || p.LastStableOffset != 1 || p.LogStartOffset != 0 {
		t.Errorf("%+v", p)
	}
	for asked, want := range map[int32]int16{epoch: 0, epoch - 1: kerr.FencedLeaderEpoch.Code, epoch + 1: kerr.UnknownLeaderEpoch.Code} {
		request := fetchFrom("a", 0, 0)
		request.Topics[0].Partitions[0].CurrentLeaderEpoch = asked
		if p := fetched(s.dial(), request); p.ErrorCode != want {
			t.Errorf("leader epoch %d of %d: %+v, want error %d", asked, epoch, p, want)
		}
	}
	// It can't know what it misses.
	s.cluster.SetLeader(-1)
	if p := fetched(s.dial(), fetchFrom("a", 0, 0)); p.ErrorCode != kerr.NotLeaderForPartition.Code {
		t.Errorf("without a leader: %+v", p)
	}
}

// OFFSET_OUT_OF_RANGE would have the consumer begin anew (KIP-392).
func TestFollowerHasConsumersWaitForWhatItHasNot(t *testing.T) {
	s := startRacks(t)
	s.cluster.SetLeader(2)
	if p := fetched(s.dial(), fetchFrom("a", 3, 10*time.Millisecond)); p.ErrorCode != kerr.OffsetNotAvailable.Code {
		t.Errorf("ahead: %+v, want OFFSET_NOT_AVAILABLE", p)
	}
	c := s.dial()
	request := fetchFrom("a", 3, 30*time.Second)
	c.send(frame(1, request))
	eventually(t, "the fetch waits", func() bool { return s.log.Watches() == 1 })
	for range 3 { // as they are applied here
		if _, err := s.log.Propose(t.Context(), command.AppendRecords{Appends: []command.Append{{Topic: "orders", Batch: oneBatch("w")}}}); err != nil {
			t.Fatal(err)
		}
	}
	if p := answer[*kmsg.FetchResponse](c, 1, request).Topics[0].Partitions[0]; p.ErrorCode != 0 || len(p.RecordBatches) == 0 {
		t.Errorf("%+v, want the record that has come", p)
	}
	s.log.DeleteAll("orders", 0)
	if p := fetched(s.dial(), fetchFrom("a", 0, 0)); p.ErrorCode != kerr.OffsetOutOfRange.Code {
		t.Errorf("deleted: %+v, want OFFSET_OUT_OF_RANGE", p)
	}
}

// What a deposed leader has is not all that there is, and a poll may be long.
func TestLongPollEndsWithLeadership(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	c := s.dial()
	request := fetchRequest("orders", 0, 1, 50*time.Second)
	c.send(frame(1, request))
	eventually(t, "the fetch waits", func() bool { return s.log.Watches() == 1 })
	began := time.Now()
	s.cluster.SetLeader(2)
	p := answer[*kmsg.FetchResponse](c, 1, request).Topics[0].Partitions[0]
	if took := time.Since(began); p.ErrorCode != kerr.NotLeaderForPartition.Code || took > 10*time.Second {
		t.Errorf("after %s: %+v", took, p)
	}
}

// It looks for the leader in between.
func TestLongPollLastsAsLongAsItsClientAsks(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	const wait = 1200 * time.Millisecond
	began := time.Now()
	p := fetched(s.dial(), fetchRequest("orders", 0, 1, wait))
	if took := time.Since(began); p.ErrorCode != 0 || took < wait || took > 30*time.Second {
		t.Errorf("after %s: %+v", took, p)
	}
}
