package kafkacompat_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat"
)

// Clients that announce large requests and send no more of them would have had all
// the memory for requests, and everybody else waited for half a minute.
func TestSizesThatAreOnlyClaimedHoldBackNobody(t *testing.T) {
	s := startServer(t, func(c *kafkacompat.Config) { c.RequestBytesMax, c.RequestMemoryBytesMax = 1<<20, 1<<20 })
	large := frame(1, produceRequest(-1, 9, "orders", make([]byte, 900<<10)))
	for range 4 {
		s.dial().send(large[:20])
	}
	eventually(t, "the announcements have come", func() bool { return s.server.Stats().Connections == 4 })
	ask[*kmsg.MetadataResponse](s.dial(), metadataRequest())
}

// Large requests behind long polls had all the memory for requests and the overdraft,
// and nobody else was heard until the polls were over.
func TestLargeRequestsBehindALongPollHoldBackNobody(t *testing.T) {
	const mib = 1 << 20
	s := startServer(t, func(c *kafkacompat.Config) { c.RequestBytesMax, c.RequestMemoryBytesMax = 16*mib, 16*mib })
	s.createTopic("orders", 1)
	s.createTopic("silence", 1)
	greedy := append(frame(1, fetchRequest("silence", 0, 1, time.Minute)), frame(2, produceRequest(-1, 9, "orders", make([]byte, 9*mib)))...)
	for range 3 {
		c := s.dial()
		go c.Write(greedy) // as far as it is taken
	}
	eventually(t, "all poll", func() bool { return s.log.Watches() == 3 })
	other := s.dial()
	request := produceRequest(-1, 9, "orders", oneBatch(strings.Repeat("x", 900<<10)))
	for range 30 {
		if p := ask[*kmsg.ProduceResponse](other, request).Topics[0].Partitions[0]; p.ErrorCode != 0 {
			t.Fatalf("%+v", p)
		}
	}
}

func TestLargeRequestsAtOnceAreAllAnswered(t *testing.T) {
	s := startServer(t, func(c *kafkacompat.Config) { c.RequestBytesMax, c.RequestMemoryBytesMax = 1<<20, 1<<20 })
	s.createTopic("orders", 1)
	request := produceRequest(-1, 9, "orders", oneBatch(strings.Repeat("x", 900<<10)))
	var clients []*rawConn
	for range 8 {
		c := s.dial()
		clients = append(clients, c)
		go c.Write(frame(1, request))
	}
	for _, c := range clients {
		if p := answer[*kmsg.ProduceResponse](c, 1, request).Topics[0].Partitions[0]; p.ErrorCode != 0 {
			t.Errorf("%+v", p)
		}
	}
}

// Two hundred consumers that fetch 16 MiB and are slow to take them had 3 GiB.
func TestConsumersThatDoNotReadBoundWhatOthersFetch(t *testing.T) {
	const mib = 1 << 20
	s := startServer(t, func(c *kafkacompat.Config) { c.FetchMemoryBytesMax = 16 * mib })
	s.createTopic("orders", 1)
	c := s.dial()
	for range 20 {
		ask[*kmsg.ProduceResponse](c, produceRequest(-1, 9, "orders", oneBatch(strings.Repeat("x", mib-1000))))
	}
	request := fetchRequest("orders", 0, 1, 0)
	request.MaxBytes, request.Topics[0].Partitions[0].PartitionMaxBytes = 16*mib, 16*mib
	fetched := func() int {
		return len(ask[*kmsg.FetchResponse](c, request).Topics[0].Partitions[0].RecordBatches)
	}
	if n := fetched(); n < 15*mib {
		t.Fatalf("alone: %d bytes", n)
	}
	// Whose fetch meets the memory of the one before it has but a batch, so it tries
	// again.
	var slow *rawConn
	eventually(t, "no more than a batch is fetched", func() bool {
		if slow != nil {
			slow.Close()
		}
		slow = s.dial()
		slow.Conn.(*net.TCPConn).SetReadBuffer(4096)
		slow.send(frame(1, request))
		if _, err := slow.reader.Peek(4); err != nil {
			t.Fatal(err)
		}
		return fetched() < 2*mib
	})
	slow.Close()
	eventually(t, "the memory is free again", func() bool { return fetched() > 15*mib })
}

// A client that asks for all metadata again and again and takes nothing of it holds back others that ask for much, but nobody who produces, and only until it
// is gone.
func TestClientsThatDoNotTakeMetadataHoldBackNobodyWhoProduces(t *testing.T) {
	s := startServer(t, func(c *kafkacompat.Config) { c.BulkMemoryBytesMax = 1 })
	s.createTopic("orders", 1)
	for i := range 1000 {
		s.createTopic(strings.Repeat("t", 200)+fmt.Sprint(i), 4)
	}
	greedy := s.dial()
	var asked []byte
	for i := range 100 { // more than sockets have room for
		asked = append(asked, frame(int32(i), metadataRequest())...)
	}
	greedy.send(asked)
	waiting := s.dial()
	waiting.send(frame(1, metadataRequest()))
	producer := s.dial()
	for range 20 {
		if p := ask[*kmsg.ProduceResponse](producer, produceRequest(-1, 9, "orders", oneBatch("a"))).Topics[0].Partitions[0]; p.ErrorCode != 0 {
			t.Fatalf("%+v", p)
		}
	}
	greedy.Close()
	if got := answer[*kmsg.MetadataResponse](waiting, 1, metadataRequest()); len(got.Topics) != 1001 {
		t.Errorf("%d topics", len(got.Topics))
	}
}

func TestFloodOfMetadataRequestsLeavesProducersTheirTurn(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	for i := range 500 {
		s.createTopic(fmt.Sprint("topic-", i), 8)
	}
	var flood sync.WaitGroup
	over := make(chan struct{})
	var answered atomic.Int64
	for range 30 {
		c := s.dial()
		flood.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				if _, err := c.Write(frame(1, metadataRequest())); err != nil {
					return
				}
				size := make([]byte, 4)
				if _, err := io.ReadFull(c.reader, size); err != nil {
					return
				}
				if _, err := io.CopyN(io.Discard, c.reader, int64(binary.BigEndian.Uint32(size))); err != nil {
					return
				}
				answered.Add(1)
			}
		})
	}
	eventually(t, "the flood is there", func() bool { return answered.Load() > 30 })
	producer := s.dial()
	before := answered.Load()
	const count = 200
	for range count {
		ask[*kmsg.ProduceResponse](producer, produceRequest(-1, 9, "orders", oneBatch("a")))
	}
	// Thirty connections that have their turn each are answered many times as often.
	if during := answered.Load() - before; during > count {
		t.Errorf("%d metadata requests were answered in the time of %d produce requests", during, count)
	}
	close(over)
	flood.Wait()
}
