package kafkacompat_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat"
)

// inSession is an incremental fetch of what a session has.
func inSession(id, epoch int32, wait time.Duration) *kmsg.FetchRequest {
	r := fetchRequest("orders", 0, 1, wait)
	r.SessionID, r.SessionEpoch, r.Topics = id, epoch, nil
	return r
}

func (s *testServer) fetchSession(c *rawConn, topic string) int32 {
	s.t.Helper()
	r := fetchRequest(topic, 0, 1, 0)
	r.SessionEpoch = 0
	response := ask[*kmsg.FetchResponse](c, r)
	if response.ErrorCode != 0 || response.SessionID == 0 {
		s.t.Fatalf("no session: %+v", response)
	}
	return response.SessionID
}

// A session is the node's: another connection goes on with it, the first one is closed,
// and what was told is not told again.
func TestFetchSessionGoesOnOnAnotherConnection(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	first, producer := s.dial(), s.dial()
	id := s.fetchSession(first, "orders")
	ask[*kmsg.ProduceResponse](producer, produceRequest(-1, 9, "orders", oneBatch("x")))
	if r := ask[*kmsg.FetchResponse](first, inSession(id, 1, 0)); len(r.Topics) != 1 {
		t.Fatalf("on the first connection: %+v", r)
	}
	first.Close()
	second := s.dial()
	r := inSession(id, 2, 0)
	r.Topics = fetchRequest("orders", 1, 1, 0).Topics
	if r := ask[*kmsg.FetchResponse](second, r); r.ErrorCode != 0 || r.SessionID != id || len(r.Topics) != 0 {
		t.Errorf("on the second one: %+v", r)
	}
	if r := ask[*kmsg.FetchResponse](second, inSession(id, 2, 0)); r.ErrorCode != kerr.InvalidFetchSessionEpoch.Code || r.SessionID != 0 {
		t.Errorf("the same epoch again: %+v", r)
	}
	// A full fetch with the session's id ends it, whether or not it makes another.
	final := fetchRequest("orders", 0, 1, 0)
	final.SessionID, final.SessionEpoch = id, -1
	if r := ask[*kmsg.FetchResponse](second, final); r.ErrorCode != 0 || r.SessionID != 0 || len(r.Topics) != 1 {
		t.Errorf("the last fetch: %+v", r)
	}
	if r := ask[*kmsg.FetchResponse](second, inSession(id, 3, 0)); r.ErrorCode != kerr.FetchSessionIDNotFound.Code {
		t.Errorf("after the end: %+v", r)
	}
	old := s.fetchSession(second, "orders")
	again := fetchRequest("orders", 0, 1, 0)
	again.SessionID, again.SessionEpoch = old, 0
	if r := ask[*kmsg.FetchResponse](second, again); r.SessionID == 0 || r.SessionID == old {
		t.Errorf("in place of another: %+v", r)
	}
	if n := s.server.Stats().FetchSessions; n != 1 {
		t.Errorf("%d sessions are left, want 1", n)
	}
}

// Names that no topic can have are in no session: a request has room for some that are very long.
func TestFetchSessionHasNoNamesThatAreTooLong(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	c := s.dial()
	long := strings.Repeat("x", 32<<10-1)
	r := fetchRequest(long, 0, 1, 0)
	r.SessionEpoch = 0
	response := ask[*kmsg.FetchResponse](c, r)
	if response.SessionID != 0 || response.Topics[0].Partitions[0].ErrorCode != kerr.UnknownTopicOrPartition.Code {
		t.Errorf("session %d, code %d", response.SessionID, response.Topics[0].Partitions[0].ErrorCode)
	}
	r = inSession(s.fetchSession(c, "orders"), 1, 0)
	r.Topics = fetchRequest(long, 0, 1, 0).Topics
	if code := ask[*kmsg.FetchResponse](c, r).ErrorCode; code != kerr.FetchSessionIDNotFound.Code {
		t.Errorf("in a session: code %d", code)
	}
	if n := s.server.Stats().FetchSessions; n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

// While a fetch of a session waits, another one with the next epoch is served: a client
// that lost its connection does not wait for the answer that it can't get.
func TestFetchSessionIsNotHeldByAFetchThatWaits(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	first, second := s.dial(), s.dial()
	id := s.fetchSession(first, "orders")
	first.send(frame(5, inSession(id, 1, time.Hour)))
	eventually(t, "the fetch waits", func() bool { return s.log.Watches() == 1 })
	if r := ask[*kmsg.FetchResponse](second, inSession(id, 2, 0)); r.ErrorCode != 0 || len(r.Topics) != 0 {
		t.Errorf("beside the one that waits: %+v", r)
	}
	ask[*kmsg.ProduceResponse](second, produceRequest(-1, 9, "orders", oneBatch("x")))
	if r := answer[*kmsg.FetchResponse](first, 5, inSession(id, 1, 0)); r.ErrorCode != 0 || len(r.Topics) != 1 {
		t.Errorf("the one that waited: %+v", r)
	}
}

// Connections that use each other's sessions at once get errors of sessions and nothing
// worse; the race detector looks on.
func TestFetchSessionsStandManyConnections(t *testing.T) {
	s := startServer(t, func(c *kafkacompat.Config) { c.FetchSessionsMax = 3 })
	s.createTopic("orders", 1)
	ask[*kmsg.ProduceResponse](s.dial(), produceRequest(-1, 9, "orders", oneBatch("x")))
	var ids [3]int32
	for i := range ids {
		ids[i] = s.fetchSession(s.dial(), "orders")
	}
	var running sync.WaitGroup
	for range 6 {
		c := s.dial()
		running.Go(func() {
			for epoch := int32(1); epoch < 60; epoch++ {
				for _, id := range ids {
					response := ask[*kmsg.FetchResponse](c, inSession(id, epoch, 0))
					switch response.ErrorCode {
					case 0, kerr.InvalidFetchSessionEpoch.Code:
					default:
						t.Errorf("error %d", response.ErrorCode)
					}
				}
			}
		})
	}
	running.Wait()
	// A fourth one finds no room, and is served without.
	r := fetchRequest("orders", 0, 1, 0)
	r.SessionEpoch = 0
	if response := ask[*kmsg.FetchResponse](s.dial(), r); response.ErrorCode != 0 || response.SessionID != 0 || len(response.Topics) != 1 {
		t.Errorf("without room: %+v", response)
	}
}
