package kafkacompat_test

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"kont/kafkacompat"
	"kont/kafkacompat/kafkacompattest"
	"kont/statemachine/command"
)

// An instantLog has one partition that is never read back, so that what is
// measured is the listener.
type instantLog struct{ *kafkacompattest.Log }

func startBench(b *testing.B, log kafkacompat.Log) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server, err := kafkacompat.New(kafkacompat.Config{
		Log: log, Cluster: kafkacompattest.NewCluster("127.0.0.1", int32(listener.Addr().(*net.TCPAddr).Port)),
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	go server.Serve(listener, kafkacompat.Listener{Name: "bench"})
	b.Cleanup(func() { server.Close() })
	return listener.Addr().String()
}

func benchConn(b *testing.B, address string) net.Conn {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	return conn
}

// readFrames reads n answers and returns the size of the last one.
func readFrames(b *testing.B, conn net.Conn, buffer []byte, n int) (size int) {
	for range n {
		if _, err := io.ReadFull(conn, buffer[:4]); err != nil {
			b.Fatal(err)
		}
		size = int(buffer[0])<<24 | int(buffer[1])<<16 | int(buffer[2])<<8 | int(buffer[3])
		if _, err := io.ReadFull(conn, buffer[:size]); err != nil {
			b.Fatal(err)
		}
	}
	return size
}

func (l instantLog) discard() {
	l.DeleteAll("orders", 0)
}

// BenchmarkProduce is a small batch from the socket to its answer. With a depth,
// that many requests are in flight.
func BenchmarkProduce(b *testing.B) {
	for _, depth := range []int{1, 16, 100} {
		b.Run(fmt.Sprintf("depth=%d", depth), func(b *testing.B) {
			log := instantLog{&kafkacompattest.Log{}}
			log.Propose(b.Context(), command.CreateTopics{Topics: []command.Topic{{Name: "orders", Partitions: 1}}})
			conn := benchConn(b, startBench(b, log))
			one := frame(1, produceRequest(-1, 9, "orders", oneBatch("a small value, as of a workflow's event")))
			var many []byte
			for range depth {
				many = append(many, one...)
			}
			buffer := make([]byte, 1<<16)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				conn.Write(many)
				readFrames(b, conn, buffer, depth)
				if n%1000 == 0 {
					log.discard()
				}
			}
			b.ReportMetric(float64(b.N*depth)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}

// BenchmarkFetch reads 64 KiB in 1 KiB batches.
func BenchmarkFetch(b *testing.B) {
	log := instantLog{&kafkacompattest.Log{}}
	log.Propose(b.Context(), command.CreateTopics{Topics: []command.Topic{{Name: "orders", Partitions: 1}}})
	for range 64 {
		log.Propose(b.Context(), command.AppendRecords{Appends: []command.Append{{Topic: "orders", Batch: oneBatch(string(make([]byte, 940)))}}})
	}
	conn := benchConn(b, startBench(b, log))
	request := frame(1, fetchRequest("orders", 0, 1, 0))
	buffer := make([]byte, 1<<20)
	b.ReportAllocs()
	for b.Loop() {
		conn.Write(request)
		b.SetBytes(int64(readFrames(b, conn, buffer, 1)))
	}
}

// BenchmarkWake is from a produce request sent to the record in the hands of a
// consumer whose fetch was waiting.
func BenchmarkWake(b *testing.B) {
	log := instantLog{&kafkacompattest.Log{}}
	log.Propose(b.Context(), command.CreateTopics{Topics: []command.Topic{{Name: "orders", Partitions: 1}}})
	address := startBench(b, log)
	consumer, producer := benchConn(b, address), benchConn(b, address)
	produce := frame(1, produceRequest(-1, 9, "orders", oneBatch("x")))
	buffer := make([]byte, 1<<16)
	var total time.Duration
	for n := 0; b.Loop(); n++ {
		consumer.Write(frame(1, fetchRequest("orders", int64(n), 1, time.Minute)))
		for log.Watches() == 0 {
		}
		start := time.Now()
		producer.Write(produce)
		readFrames(b, consumer, buffer, 1)
		total += time.Since(start)
		readFrames(b, producer, buffer, 1)
		if n%100 == 0 {
			log.discard()
		}
	}
	b.ReportMetric(float64(total.Microseconds())/float64(b.N), "µs/wake")
}
