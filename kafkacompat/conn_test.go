package kafkacompat_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math/big"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat"
	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// A rawConn speaks bytes.
type rawConn struct {
	net.Conn
	t      *testing.T
	reader *bufio.Reader
	last   int32
}

func (s *testServer) dial() *rawConn {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute))
	return &rawConn{Conn: conn, t: s.t, reader: bufio.NewReader(conn)}
}

// frame is a request as bytes.
func frame(correlation int32, request kmsg.Request) []byte {
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("test")).AppendRequest(nil, request, correlation)
}

func (c *rawConn) send(raw []byte) {
	c.t.Helper()
	if _, err := c.Write(raw); err != nil {
		c.t.Fatal(err)
	}
}

// ask sends a request and reads its answer.
func ask[R kmsg.Response](c *rawConn, request kmsg.Request) R {
	c.t.Helper()
	c.last++
	c.send(frame(c.last, request))
	return answer[R](c, c.last, request)
}

// answer reads the answer that must come next.
func answer[R kmsg.Response](c *rawConn, correlation int32, request kmsg.Request) R {
	c.t.Helper()
	raw, err := c.readAnswer()
	if err != nil {
		c.t.Fatalf("answer to %T: %v", request, err)
	}
	if got := int32(binary.BigEndian.Uint32(raw)); got != correlation {
		c.t.Fatalf("answer has correlation id %d, want %d", got, correlation)
	}
	raw = raw[4:]
	response := request.ResponseKind().(R)
	if response.IsFlexible() && response.Key() != 18 {
		raw = raw[1:]
	}
	if err := response.ReadFrom(raw); err != nil {
		c.t.Fatal(err)
	}
	return response
}

func (c *rawConn) readAnswer() ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(c.reader, size[:]); err != nil {
		return nil, err
	}
	raw := make([]byte, binary.BigEndian.Uint32(size[:]))
	_, err := io.ReadFull(c.reader, raw)
	return raw, err
}

func (c *rawConn) requireClosed(after string) {
	c.t.Helper()
	raw, err := c.readAnswer()
	if err == nil {
		c.t.Fatalf("%s: answered with %d bytes, want a closed connection", after, len(raw))
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		c.t.Fatalf("%s: the connection stays open", after)
	}
}

func metadataRequest() *kmsg.MetadataRequest {
	request := kmsg.NewPtrMetadataRequest()
	request.Version = 9
	return request
}

// oneBatch is a batch of one record with a null key.
func oneBatch(value string) []byte {
	return recordbatch.Append(nil, []recordbatch.Record{{TimestampUnixMilli: 1000, Value: []byte(value)}}, recordbatch.Options{})
}

func produceRequest(acks, version int16, topic string, batch []byte) *kmsg.ProduceRequest {
	request := kmsg.NewPtrProduceRequest()
	request.Version, request.Acks, request.TimeoutMillis = version, acks, 5000
	t := kmsg.NewProduceRequestTopic()
	t.Topic = topic
	p := kmsg.NewProduceRequestTopicPartition()
	p.Records = batch
	t.Partitions = append(t.Partitions, p)
	request.Topics = append(request.Topics, t)
	return request
}

func fetchRequest(topic string, offset int64, minBytes int32, wait time.Duration) *kmsg.FetchRequest {
	request := kmsg.NewPtrFetchRequest()
	request.Version = 12
	request.MinBytes, request.MaxBytes, request.MaxWaitMillis = minBytes, 1<<20, int32(wait.Milliseconds())
	request.SessionEpoch = -1
	t := kmsg.NewFetchRequestTopic()
	t.Topic = topic
	p := kmsg.NewFetchRequestTopicPartition()
	p.FetchOffset, p.PartitionMaxBytes, p.CurrentLeaderEpoch = offset, 1<<20, -1
	t.Partitions = append(t.Partitions, p)
	request.Topics = append(request.Topics, t)
	return request
}

func TestMalformedBytesCloseTheirConnectionOnly(t *testing.T) {
	s := startServer(t)
	good := s.dial()
	whole := frame(1, metadataRequest())
	header := func(size int32, key, version int16) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(size))
		b = binary.BigEndian.AppendUint16(b, uint16(key))
		b = binary.BigEndian.AppendUint16(b, uint16(version))
		return append(b, 0, 0, 0, 1, 0xff, 0xff)
	}
	for name, raw := range map[string][]byte{
		"negative size":                header(-1, 3, 1),
		"size without a header":        header(4, 3, 1),
		"a terabyte, almost":           header(0x7fffffff, 0, 9),
		"more than a metadata request": header(2<<20, 3, 1),
		"unknown key":                  header(10, 99, 0),
		"negative key":                 header(10, -1, 0),
		"key of brokers":               header(10, 4, 0),
		"version from the future":      header(10, 3, 99),
		"negative version":             header(10, 3, -1),
		"version of long ago":          header(10, 1, 0),
		"client id past the end":       append(header(12, 3, 1)[:12], 0x7f, 0xff, 1, 1),
		"array past the end":           append(header(14, 3, 1), 0x7f, 0xff, 0xff, 0xff),
		"tags without end":             append(header(16, 3, 9), 0xff, 0xff, 0xff, 0xff, 0x0f, 0),
		"HTTP":                         []byte("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"),
		"TLS":                          {0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03, 0, 0, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := s.dial()
			c.t = t
			c.send(raw)
			c.requireClosed(name)
		})
	}
	t.Run("what stands before is answered", func(t *testing.T) {
		c := s.dial()
		c.send(append(frame(1, metadataRequest()), header(10, 99, 0)...))
		answer[*kmsg.MetadataResponse](c, 1, metadataRequest())
		c.requireClosed("unknown key")
	})
	t.Run("disconnect at every byte", func(t *testing.T) {
		for length := range whole {
			c := s.dial()
			c.send(whole[:length])
			c.Close()
		}
		eventually(t, "only the good connection is left", func() bool { return s.server.Stats().Connections == 1 })
	})
	ask[*kmsg.MetadataResponse](good, metadataRequest())
}

func TestUnknownVersionOfApiVersionsIsAnsweredInVersionZero(t *testing.T) {
	s := startServer(t)
	c := s.dial()
	request := kmsg.NewPtrApiVersionsRequest()
	raw := frame(7, request)
	binary.BigEndian.PutUint16(raw[6:], 99)
	c.send(raw)
	response := answer[*kmsg.ApiVersionsResponse](c, 7, request)
	if response.ErrorCode != kerr.UnsupportedVersion.Code || len(response.ApiKeys) != 1 || response.ApiKeys[0].ApiKey != 18 {
		t.Errorf("%+v", response)
	}
	// The client asks again on the same connection.
	request.Version, request.ClientSoftwareName, request.ClientSoftwareVersion = 3, "test", "1.0"
	if response := ask[*kmsg.ApiVersionsResponse](c, request); response.ErrorCode != 0 || len(response.ApiKeys) < 20 {
		t.Errorf("%+v", response)
	}
	request.ClientSoftwareName = "no spaces"
	if response := ask[*kmsg.ApiVersionsResponse](c, request); response.ErrorCode != kerr.InvalidRequest.Code {
		t.Errorf("client name with a space: error %d, want INVALID_REQUEST", response.ErrorCode)
	}
}

func TestProduceWithoutAcksIsNotAnsweredButStored(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	c := s.dial()
	c.send(frame(1, produceRequest(0, 9, "orders", oneBatch("a"))))
	c.send(frame(2, metadataRequest()))
	answer[*kmsg.MetadataResponse](c, 2, metadataRequest())
	if state, _ := s.log.Partition("orders", 0); state.NextOffset != 1 {
		t.Errorf("%d records, want 1", state.NextOffset)
	}
	// A producer that sends and goes at once has sent.
	c.send(frame(3, produceRequest(0, 9, "orders", oneBatch("b"))))
	c.Close()
	eventually(t, "the second record is stored", func() bool {
		state, _ := s.log.Partition("orders", 0)
		return state.NextOffset == 2
	})

	// So has one whose record stands behind a request that is never answered.
	behind := s.dial()
	behind.send(append(frame(1, fetchRequest("orders", 2, 1, time.Hour)), frame(2, produceRequest(0, 9, "orders", oneBatch("c")))...))
	eventually(t, "the fetch waits", func() bool { return s.log.Watches() == 1 })
	behind.Close()
	eventually(t, "the third record is stored", func() bool {
		state, _ := s.log.Partition("orders", 0)
		return state.NextOffset == 3
	})

	wrong := s.dial()
	wrong.send(frame(1, produceRequest(0, 9, "nobody", oneBatch("c"))))
	wrong.requireClosed("acks=0 to an unknown topic")
}

func TestBadBatchesAreRefusedEachWithItsError(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	c := s.dial()
	change := func(f func([]byte)) []byte {
		batch := oneBatch("value")
		f(batch)
		return batch
	}
	resum := func(batch []byte) {
		binary.BigEndian.PutUint32(batch[17:], crc32.Checksum(batch[21:], crc32.MakeTable(crc32.Castagnoli)))
	}
	for _, b := range []struct {
		name  string
		batch []byte
		want  *kerr.Error
	}{
		{"nothing", nil, kerr.InvalidRecord},
		{"a few bytes", []byte{1, 2, 3}, kerr.InvalidRecord},
		{"half a batch", oneBatch("value")[:30], kerr.InvalidRecord},
		{"format 0", change(func(b []byte) { b[16] = 0 }), kerr.InvalidRecord},
		{"format 1", change(func(b []byte) { b[16] = 1 }), kerr.InvalidRecord},
		{"wrong checksum", change(func(b []byte) { b[len(b)-1] ^= 1 }), kerr.CorruptMessage},
		{"two batches", append(oneBatch("a"), oneBatch("b")...), kerr.InvalidRecord},
		{"offset delta of another", change(func(b []byte) { b[26] = 5; resum(b) }), kerr.InvalidRecord},
		{"more records than there are", change(func(b []byte) { b[26], b[60] = 8, 9; resum(b) }), kerr.InvalidRecord},
		{"no records", change(func(b []byte) { b[60] = 0; resum(b) }), kerr.InvalidRecord},
		{"a codec nobody has", change(func(b []byte) { b[22] = 7; resum(b) }), kerr.UnsupportedCompressionType},
		{"gzip that is none", change(func(b []byte) { b[22] = 1; resum(b) }), kerr.InvalidRecord},
		{"a control batch", change(func(b []byte) { b[22] = 0x20; resum(b) }), kerr.InvalidRecord},
		{"a transaction", change(func(b []byte) { b[22] = 0x10; resum(b) }), kerr.TransactionalIDAuthorizationFailed},
		{"an offset to begin with", change(func(b []byte) { b[7] = 1 }), kerr.InvalidRecord},
		{"a time in the far future", change(func(b []byte) { b[27] = 0x7f; resum(b) }), kerr.InvalidTimestamp},
		{"two megabytes", oneBatch(strings.Repeat("x", 2<<20)), kerr.MessageTooLarge},
	} {
		t.Run(b.name, func(t *testing.T) {
			response := ask[*kmsg.ProduceResponse](c, produceRequest(-1, 9, "orders", b.batch))
			p := response.Topics[0].Partitions[0]
			if p.ErrorCode != b.want.Code || p.BaseOffset != -1 {
				t.Errorf("error %v, offset %d; want %s", kerr.ErrorForCode(p.ErrorCode), p.BaseOffset, b.want.Message)
			}
		})
	}
	if state, _ := s.log.Partition("orders", 0); state.NextOffset != 0 {
		t.Errorf("%d records were stored", state.NextOffset)
	}
	if p := ask[*kmsg.ProduceResponse](c, produceRequest(2, 9, "orders", oneBatch("a"))).Topics[0].Partitions[0]; p.ErrorCode != kerr.InvalidRequiredAcks.Code {
		t.Errorf("acks=2: %v", kerr.ErrorForCode(p.ErrorCode))
	}
}

// While one proposal is on its way, those who come behind it become the next one;
// the answers keep their order.
func TestPipelinedProduceIsProposedTogether(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	var isFirst atomic.Bool
	isFirst.Store(true)
	release := make(chan struct{})
	s.log.BeforePropose(func(ctx context.Context, c command.Command) error {
		if isFirst.Swap(false) {
			<-release
		}
		return nil
	})
	before := s.log.Commands()
	c := s.dial()
	const count = 100
	c.send(frame(1, produceRequest(-1, 9, "orders", oneBatch("first"))))
	eventually(t, "the first proposal is on its way", func() bool { return !isFirst.Load() })
	var rest []byte
	for i := int32(2); i <= count; i++ {
		rest = append(rest, frame(i, produceRequest(-1, 9, "orders", oneBatch("x")))...)
	}
	c.send(rest)
	close(release)
	for i := int32(1); i <= count; i++ {
		p := answer[*kmsg.ProduceResponse](c, i, produceRequest(-1, 9, "orders", nil)).Topics[0].Partitions[0]
		if p.ErrorCode != 0 || p.BaseOffset != int64(i-1) {
			t.Fatalf("answer %d: %+v", i, p)
		}
	}
	if commands := s.log.Commands() - before; commands > 20 {
		t.Errorf("%d requests took %d proposals", count, commands)
	}
}

func TestFetchDeliversOneBatchWhateverItsSize(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	c := s.dial()
	for _, value := range []string{strings.Repeat("a", 5000), strings.Repeat("b", 5000)} {
		ask[*kmsg.ProduceResponse](c, produceRequest(-1, 9, "orders", oneBatch(value)))
	}
	request := fetchRequest("orders", 0, 1, 0)
	request.MaxBytes, request.Topics[0].Partitions[0].PartitionMaxBytes = 10, 10
	p := ask[*kmsg.FetchResponse](c, request).Topics[0].Partitions[0]
	batch, rest, err := recordbatch.Split(p.RecordBatches)
	if err != nil || len(rest) != 0 || len(batch) < 5000 {
		t.Errorf("%d bytes in the first batch, %d more, error %v", len(batch), len(rest), err)
	}
	// The second partition of a response has no such right.
	request.Topics[0].Partitions = append(request.Topics[0].Partitions, request.Topics[0].Partitions[0])
	response := ask[*kmsg.FetchResponse](c, request)
	if n := len(response.Topics[0].Partitions[1].RecordBatches); n != 0 {
		t.Errorf("%d bytes beyond max_bytes", n)
	}
}

func TestFetchFromTheMiddleOfABatchReturnsTheBatch(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	c := s.dial()
	records := []recordbatch.Record{{Value: []byte("a")}, {Value: []byte("b")}, {Value: []byte("c")}}
	ask[*kmsg.ProduceResponse](c, produceRequest(-1, 9, "orders", recordbatch.Append(nil, records, recordbatch.Options{})))
	p := ask[*kmsg.FetchResponse](c, fetchRequest("orders", 2, 1, 0)).Topics[0].Partitions[0]
	header, err := recordbatch.ParseHeader(p.RecordBatches)
	if err != nil || header.BaseOffset != 0 || header.LastOffset() != 2 || p.HighWatermark != 3 {
		t.Errorf("header %+v, high watermark %d, error %v", header, p.HighWatermark, err)
	}
	for offset, want := range map[int64]int16{3: 0, 4: kerr.OffsetOutOfRange.Code, -1: kerr.OffsetOutOfRange.Code} {
		if got := ask[*kmsg.FetchResponse](c, fetchRequest("orders", offset, 1, 0)).Topics[0].Partitions[0].ErrorCode; got != want {
			t.Errorf("offset %d: error %d, want %d", offset, got, want)
		}
	}
}

func TestFetchWaitsForMinBytesAndNoLonger(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	consumer, producer := s.dial(), s.dial()
	size := len(oneBatch("x"))
	request := fetchRequest("orders", 0, int32(3*size), time.Hour)
	consumer.send(frame(1, request))
	for range 3 {
		eventually(t, "the fetch waits", func() bool { return s.log.Watches() == 1 })
		ask[*kmsg.ProduceResponse](producer, produceRequest(-1, 9, "orders", oneBatch("x")))
	}
	p := answer[*kmsg.FetchResponse](consumer, 1, request).Topics[0].Partitions[0]
	if len(p.RecordBatches) != 3*size {
		t.Errorf("%d bytes, want %d", len(p.RecordBatches), 3*size)
	}
	// Time that is up ends the wait, too.
	request = fetchRequest("orders", 3, 1, 30*time.Millisecond)
	if p := ask[*kmsg.FetchResponse](consumer, request).Topics[0].Partitions[0]; len(p.RecordBatches) != 0 || p.ErrorCode != 0 {
		t.Errorf("%+v", p)
	}
}

func TestFetchEndsWhenItsClientOrTopicGoes(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	gone, stays := s.dial(), s.dial()
	request := fetchRequest("orders", 0, 1, 20*time.Minute)
	gone.send(frame(1, request))
	stays.send(frame(1, request))
	eventually(t, "both wait", func() bool { return s.log.Watches() == 2 })
	gone.Close()
	eventually(t, "one waits", func() bool { return s.log.Watches() == 1 })
	ask[*kmsg.DeleteTopicsResponse](s.dial(), func() *kmsg.DeleteTopicsRequest {
		r := kmsg.NewPtrDeleteTopicsRequest()
		r.Version, r.TopicNames = 4, []string{"orders"}
		return r
	}())
	if code := answer[*kmsg.FetchResponse](stays, 1, request).Topics[0].Partitions[0].ErrorCode; code != kerr.UnknownTopicOrPartition.Code {
		t.Errorf("error %d, want UNKNOWN_TOPIC_OR_PARTITION", code)
	}
}

func TestFetchSessionTellsOnlyWhatChanged(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 2)
	c, producer := s.dial(), s.dial()
	request := fetchRequest("orders", 0, 1, 0)
	request.SessionEpoch = 0
	second := request.Topics[0].Partitions[0]
	second.Partition = 1
	request.Topics[0].Partitions = append(request.Topics[0].Partitions, second)
	full := ask[*kmsg.FetchResponse](c, request)
	if full.SessionID == 0 || len(full.Topics[0].Partitions) != 2 {
		t.Fatalf("full fetch: %+v", full)
	}
	next := func(epoch int32, topics ...kmsg.FetchRequestTopic) *kmsg.FetchResponse {
		r := fetchRequest("orders", 0, 1, 0)
		r.SessionID, r.SessionEpoch, r.Topics = full.SessionID, epoch, topics
		return ask[*kmsg.FetchResponse](c, r)
	}
	if r := next(1); len(r.Topics) != 0 || r.SessionID != full.SessionID {
		t.Errorf("nothing changed: %+v", r)
	}
	ask[*kmsg.ProduceResponse](producer, produceRequest(-1, 9, "orders", oneBatch("x")))
	if r := next(2); len(r.Topics) != 1 || len(r.Topics[0].Partitions) != 1 || len(r.Topics[0].Partitions[0].RecordBatches) == 0 {
		t.Errorf("one partition grew: %+v", r)
	}
	moved := request.Topics[0]
	moved.Partitions = moved.Partitions[:1]
	moved.Partitions[0].FetchOffset = 1
	if r := next(3, moved); len(r.Topics) != 0 {
		t.Errorf("the client has moved on: %+v", r)
	}
	for name, c := range map[string]struct {
		response *kmsg.FetchResponse
		want     *kerr.Error
	}{
		"an epoch left out": {next(9), kerr.InvalidFetchSessionEpoch},
		"another session": {func() *kmsg.FetchResponse {
			r := fetchRequest("orders", 0, 1, 0)
			r.SessionID, r.SessionEpoch, r.Topics = full.SessionID+1, 1, nil
			return ask[*kmsg.FetchResponse](c, r)
		}(), kerr.FetchSessionIDNotFound},
	} {
		if c.response.ErrorCode != c.want.Code {
			t.Errorf("%s: error %d, want %s", name, c.response.ErrorCode, c.want.Message)
		}
	}
	forget := fetchRequest("orders", 0, 1, 0)
	forget.SessionID, forget.SessionEpoch, forget.Topics = full.SessionID, 4, nil
	forgotten := kmsg.NewFetchRequestForgottenTopic()
	forgotten.Topic, forgotten.Partitions = "orders", []int32{0}
	forget.ForgottenTopics = append(forget.ForgottenTopics, forgotten)
	ask[*kmsg.ProduceResponse](producer, produceRequest(-1, 9, "orders", oneBatch("y")))
	if r := ask[*kmsg.FetchResponse](c, forget); r.ErrorCode != 0 || len(r.Topics) != 0 {
		t.Errorf("a forgotten partition grew: %+v", r)
	}
}

// The server that gives up soon has no other client, which it might take for a slow one.
func TestClientThatDoesNotReadIsGivenUp(t *testing.T) {
	patient := startServer(t)
	patient.createTopic("orders", 1)
	ask[*kmsg.ProduceResponse](patient.dial(), produceRequest(-1, 9, "orders", oneBatch(strings.Repeat("x", 1<<20-1000))))
	s := startServer(t, func(c *kafkacompat.Config) { c.Log, c.WriteTimeout = patient.log, time.Millisecond })
	var many []byte
	for i := range int32(64) {
		many = append(many, frame(i, fetchRequest("orders", 0, 1, 0))...)
	}
	c := s.dial()
	eventually(t, "the connection is there", func() bool { return s.server.Stats().Connections == 1 })
	c.send(many)
	eventually(t, "the connection is closed", func() bool { return s.server.Stats().Connections == 0 })
}

func TestRequestThatTricklesInIsGivenUp(t *testing.T) {
	s := startServer(t, func(c *kafkacompat.Config) { c.FrameTimeout = 50 * time.Millisecond })
	c := s.dial()
	c.send(frame(1, metadataRequest())[:12])
	c.requireClosed("half a request")
}

func TestIdleConnectionIsClosed(t *testing.T) {
	s := startServer(t, func(c *kafkacompat.Config) { c.IdleTimeout = 50 * time.Millisecond })
	s.dial().requireClosed("silence")
}

func TestOneConnectionTooManyIsClosed(t *testing.T) {
	s := startServer(t, func(c *kafkacompat.Config) { c.ConnectionsMax = 2 })
	first, second := s.dial(), s.dial()
	ask[*kmsg.MetadataResponse](first, metadataRequest())
	ask[*kmsg.MetadataResponse](second, metadataRequest())
	s.dial().requireClosed("two are there already")
	first.Close()
	eventually(t, "one may come", func() bool { return s.server.Stats().Connections == 1 })
	ask[*kmsg.MetadataResponse](s.dial(), metadataRequest())
	if refused := s.server.Stats().Refused; refused != 1 {
		t.Errorf("%d refused, want 1", refused)
	}
}

// dialFrom is dial with another address of the loopback network.
func (s *testServer) dialFrom(host string) *rawConn {
	s.t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(host)}}
	conn, err := dialer.Dial("tcp", s.address)
	if err != nil {
		s.t.Skipf("no connection from %s: %v", host, err) // only Linux has all of them
	}
	s.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute))
	return &rawConn{Conn: conn, t: s.t, reader: bufio.NewReader(conn)}
}

func TestOneAddressHasNotAllConnections(t *testing.T) {
	s := startServer(t, func(c *kafkacompat.Config) { c.ConnectionsPerAddressMax = 2 })
	first, second := s.dial(), s.dial()
	ask[*kmsg.MetadataResponse](first, metadataRequest())
	ask[*kmsg.MetadataResponse](second, metadataRequest())
	s.dial().requireClosed("two of the address are there already")
	ask[*kmsg.MetadataResponse](s.dialFrom("127.0.0.2"), metadataRequest())
	first.Close()
	eventually(t, "one has gone", func() bool { return s.server.Stats().Connections == 2 })
	ask[*kmsg.MetadataResponse](s.dial(), metadataRequest())
	if refused := s.server.Stats().Refused; refused != 1 {
		t.Errorf("%d refused, want 1", refused)
	}
}

// A panic in a handler is a bug of ours; it must not cost more than the connection.
func TestPanicCostsOneConnection(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	s.log.BeforePropose(func(context.Context, command.Command) error { panic("a bug") })
	other := s.dial()
	c := s.dial()
	c.send(frame(1, produceRequest(-1, 9, "orders", oneBatch("x"))))
	c.requireClosed("a panic")
	ask[*kmsg.MetadataResponse](other, metadataRequest())
	if !strings.Contains(s.logged.String(), "a bug") {
		t.Error("the panic is not in the log")
	}
	s.logged.Reset() // the server's clean-up looks for panics
}

func TestNodeFailuresReachTheProducer(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	c := s.dial()
	for _, f := range []struct {
		err  error
		want *kerr.Error
	}{
		{command.ErrNotLeader, kerr.NotLeaderForPartition},
		{command.ErrUnavailable, kerr.KafkaStorageError},
		{context.DeadlineExceeded, kerr.RequestTimedOut},
		{errors.New("a bug"), kerr.UnknownServerError},
	} {
		s.log.BeforePropose(func(context.Context, command.Command) error { return f.err })
		p := ask[*kmsg.ProduceResponse](c, produceRequest(-1, 9, "orders", oneBatch("x"))).Topics[0].Partitions[0]
		if p.ErrorCode != f.want.Code {
			t.Errorf("%v: error %d, want %s", f.err, p.ErrorCode, f.want.Message)
		}
	}
}

func TestProposalThatHangsTimesOut(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	s.log.BeforePropose(func(ctx context.Context, _ command.Command) error {
		<-ctx.Done()
		return ctx.Err()
	})
	request := produceRequest(-1, 9, "orders", oneBatch("x"))
	request.TimeoutMillis = 1
	if p := ask[*kmsg.ProduceResponse](s.dial(), request).Topics[0].Partitions[0]; p.ErrorCode != kerr.RequestTimedOut.Code {
		t.Errorf("error %d, want REQUEST_TIMED_OUT", p.ErrorCode)
	}
}

func TestCloseEndsWhoeverWaits(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	c := s.dial()
	c.send(frame(1, fetchRequest("orders", 0, 1, time.Hour)))
	joining := s.dial()
	join := kmsg.NewPtrJoinGroupRequest()
	join.Group, join.SessionTimeoutMillis, join.RebalanceTimeoutMillis, join.ProtocolType = "g", 10_000, 3_600_000, "consumer"
	join.Protocols = append(join.Protocols, kmsg.JoinGroupRequestProtocol{Name: "range"})
	first := ask[*kmsg.JoinGroupResponse](s.dial(), join)
	if first.ErrorCode != 0 {
		t.Fatalf("join: %+v", first)
	}
	joining.send(frame(1, join)) // waits for the first one to join again
	eventually(t, "the fetch waits", func() bool { return s.log.Watches() == 1 })
	s.server.Close()
	c.requireClosed("Close")
	joining.requireClosed("Close")
}

func TestListenerSpeaksTLS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(certificate)

	s := startServer(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() {
		served <- s.server.Serve(listener, kafkacompat.Listener{Name: "tls", TLS: &tls.Config{
			Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		}})
	}()
	client := s.client(kgo.SeedBrokers(listener.Addr().String()), kgo.DialTLSConfig(&tls.Config{RootCAs: roots}))
	if err := client.Ping(testContext(t)); err != nil {
		t.Error(err)
	}
	s.server.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestConfigurationReportsEveryProblem(t *testing.T) {
	_, err := kafkacompat.New(kafkacompat.Config{TopicPartitions: -1, RequestBytesMax: 5})
	for _, problem := range []string{"no log", "no cluster", "no logger", "-1 partitions", "at most 5 bytes"} {
		if err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%q is not in %v", problem, err)
		}
	}
}
