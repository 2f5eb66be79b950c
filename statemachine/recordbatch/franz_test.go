package recordbatch

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var franzCodecs = map[Codec]kgo.CompressionCodec{
	CodecNone:   kgo.NoCompression(),
	CodecGzip:   kgo.GzipCompression(),
	CodecSnappy: kgo.SnappyCompression(),
	CodecLZ4:    kgo.Lz4Compression(),
	CodecZstd:   kgo.ZstdCompression(),
}

// A client that others wrote produces with each codec to a broker that others
// wrote; the batches are caught on the way and read by this package.
func TestBatchesOfFranzGoAreRead(t *testing.T) {
	for codec, preference := range franzCodecs {
		t.Run(codec.String(), func(t *testing.T) {
			cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
			if err != nil {
				t.Fatal(err)
			}
			defer cluster.Close()
			caught := make(chan []byte, 100)
			cluster.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
				cluster.KeepControl()
				for _, topic := range request.(*kmsg.ProduceRequest).Topics {
					for _, partition := range topic.Partitions {
						caught <- bytes.Clone(partition.Records)
					}
				}
				return nil, nil, false
			})
			client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...),
				kgo.ProducerBatchCompression(preference), kgo.ProducerLinger(50*time.Millisecond))
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()

			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			var records []*kgo.Record
			for i := range 50 {
				records = append(records, &kgo.Record{Topic: "t", Key: fmt.Appendf(nil, "key-%d", i),
					Value:   bytes.Repeat(fmt.Appendf(nil, "value %d ", i), 20),
					Headers: []kgo.RecordHeader{{Key: "h", Value: []byte{byte(i)}}}})
			}
			records[7].Value = nil
			if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
				t.Fatal(err)
			}
			close(caught)

			i := 0
			for data := range caught {
				for len(data) > 0 {
					batch, rest, err := Split(data)
					if err != nil {
						t.Fatal(err)
					}
					data = rest
					h, err := Validate(batch)
					if err != nil {
						t.Fatal(err)
					}
					if h.Codec() != codec {
						t.Errorf("codec %s, want %s", h.Codec(), codec)
					}
					if h.ProducerID < 0 || h.BaseSequence != int32(i) {
						t.Errorf("producer %d, sequence %d, want %d", h.ProducerID, h.BaseSequence, i)
					}
					for record, err := range recordsWithHeaders(batch) {
						if err != nil {
							t.Fatal(err)
						}
						want := records[i]
						if !bytes.Equal(record.Key, want.Key) || !bytes.Equal(record.Value, want.Value) ||
							(record.Value == nil) != (want.Value == nil) ||
							record.TimestampUnixMilli != want.Timestamp.UnixMilli() ||
							len(record.Headers) != 1 || record.Headers[0].Value[0] != byte(i) {
							t.Errorf("record %d: got %+v, want %+v", i, record, want)
						}
						i++
					}
				}
			}
			if i != len(records) {
				t.Errorf("%d records, want %d", i, len(records))
			}
		})
	}
}

func TestFranzGoReadsOurBatches(t *testing.T) {
	for _, codec := range allCodecs {
		t.Run(codec.String(), func(t *testing.T) {
			ours := someRecords()
			partition := kmsg.NewFetchResponseTopicPartition()
			partition.HighWatermark = 104
			partition.RecordBatches = Append(nil, ours, Options{Codec: codec, BaseOffset: 100})
			fetched, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{Topic: "t", Offset: 100},
				&partition, kgo.DefaultDecompressor(), nil)
			if fetched.Err != nil || next != 104 || len(fetched.Records) != len(ours) {
				t.Fatalf("%d records, next offset %d, %v", len(fetched.Records), next, fetched.Err)
			}
			for i, got := range fetched.Records {
				want := ours[i]
				if !bytes.Equal(got.Key, want.Key) || !bytes.Equal(got.Value, want.Value) ||
					got.Timestamp.UnixMilli() != want.TimestampUnixMilli || len(got.Headers) != len(want.Headers) ||
					got.Offset != int64(100+i) {
					t.Errorf("record %d: got %+v, want %+v", i, got, want)
				}
			}
		})
	}
}

func TestUncompressedBatchesAreFranzGosByteForByte(t *testing.T) {
	ours := Append(nil, someRecords(), Options{BaseOffset: 5})
	var parsed kmsg.RecordBatch
	if err := parsed.ReadFrom(ours); err != nil {
		t.Fatal(err)
	}
	if theirs := parsed.AppendTo(nil); !bytes.Equal(ours, theirs) {
		t.Errorf("ours   %x\ntheirs %x", ours, theirs)
	}
}

func TestPartitionForKeyIsFranzGos(t *testing.T) {
	partitioner := kgo.StickyKeyPartitioner(nil).ForTopic("t")
	for n := 1; n < 40; n += 3 {
		for i := range 200 {
			key := fmt.Appendf(nil, "thread-%d", i*i)
			want := partitioner.Partition(&kgo.Record{Key: key}, n)
			if got := PartitionForKey(key, int32(n)); int(got) != want {
				t.Fatalf("%s of %d: got %d, want %d", key, n, got, want)
			}
		}
	}
}
