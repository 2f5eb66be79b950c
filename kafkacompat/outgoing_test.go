package kafkacompat

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// fetchResponseLike makes a response of the kind that the listener makes.
func fetchResponseLike(random *rand.Rand, version int16) *kmsg.FetchResponse {
	response := kmsg.NewPtrFetchResponse()
	response.Version, response.SessionID, response.ErrorCode = version, random.Int32(), int16(random.IntN(90))
	for range random.IntN(4) {
		topic := kmsg.NewFetchResponseTopic()
		topic.Topic = "a topic of some length"[:random.IntN(20)]
		topic.TopicID[3] = byte(random.IntN(256))
		for range random.IntN(4) {
			p := kmsg.NewFetchResponseTopicPartition()
			p.Partition, p.ErrorCode = random.Int32(), int16(random.IntN(90))
			p.HighWatermark, p.LastStableOffset, p.LogStartOffset = random.Int64(), random.Int64(), random.Int64()
			p.RecordBatches = make([]byte, []int{0, 1, 200, shareBytesMin - 1, shareBytesMin, 3 * writeChunkBytes / 2}[random.IntN(6)])
			for i := range p.RecordBatches {
				p.RecordBatches[i] = byte(random.Uint32())
			}
			if random.IntN(3) == 0 {
				p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch = random.Int32(), random.Int32()
			}
			if n := random.IntN(4); n > 0 {
				p.AbortedTransactions = make([]kmsg.FetchResponseTopicPartitionAbortedTransaction, n-1)
				for i := range p.AbortedTransactions {
					p.AbortedTransactions[i].ProducerID, p.AbortedTransactions[i].FirstOffset = random.Int64(), random.Int64()
				}
			}
			topic.Partitions = append(topic.Partitions, p)
		}
		response.Topics = append(response.Topics, topic)
	}
	if version >= 16 && random.IntN(2) == 0 {
		broker := kmsg.NewFetchResponseBroker()
		broker.NodeID, broker.Host, broker.Port = 2, "example.org", 9092
		response.Brokers = append(response.Brokers, broker)
	}
	return response
}

func TestFetchIsEncodedAsByKmsg(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for version := apis[1].versionMin; version <= apis[1].versionMax; version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			for range 50 {
				response := fetchResponseLike(random, version)
				var out outgoing
				out.appendFetch(response)
				if got, want := written(t, &out), response.AppendTo(nil); !bytes.Equal(got, want) {
					t.Fatalf("%d bytes, want %d, or they differ", len(got), len(want))
				}
			}
		})
	}
}

// written is what arrives when out is written to a connection.
func written(t *testing.T, out *outgoing) []byte {
	t.Helper()
	ours, theirs := net.Pipe()
	got := make(chan []byte)
	go func() {
		all, _ := io.ReadAll(theirs)
		got <- all
	}()
	if err := out.writeTo(ours, time.Minute); err != nil {
		t.Fatal(err)
	}
	ours.Close()
	return <-got
}

func TestAnswersFollowEachOtherInTheirFrames(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	var out outgoing
	out.take()
	defer out.give()
	var want []byte
	for correlation := range int32(20) {
		response := fetchResponseLike(random, 11)
		body := response.AppendTo([]byte{0, 0, 0, 0, 0, 0, 0, byte(correlation)})
		size := len(body) - 4
		body[0], body[1], body[2], body[3] = byte(size>>24), byte(size>>16), byte(size>>8), byte(size)
		if bytes := out.append(correlation, response); bytes != len(body) {
			t.Fatalf("answer %d has %d bytes, want %d", correlation, bytes, len(body))
		}
		want = append(want, body...)
	}
	if got := written(t, &out); !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want %d, or they differ", len(got), len(want))
	}
}
