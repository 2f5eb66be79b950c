package bench

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// driver carries the records of all logical clients of a run.
type driver struct {
	address   string
	producers []*kgo.Client
	// prefix begins the keys of this run, so that runs on one server do not meet.
	prefix string
	// fail ends the run with its cause.
	fail context.CancelCauseFunc
	// progress counts answers; a driver that sees none for stallTime gives up.
	progress atomic.Int64
	// written counts the records of recordOf.
	written atomic.Int64
	// followers are the goroutines of follow.
	followers sync.WaitGroup
}

// producersMax connections are enough: with more, batches only get smaller.
const producersMax = 4

// newDriver connects. The context that it returns ends with ctx, with close, or
// with the first failure; its cause says why.
func newDriver(ctx context.Context, address string, clients int) (*driver, context.Context, error) {
	var random [4]byte
	rand.Read(random[:]) //nolint:errcheck // never fails, as documented
	d := &driver{address: address, prefix: hex.EncodeToString(random[:])}
	ctx, d.fail = context.WithCancelCause(ctx)
	for range min(max(clients/16, 1), producersMax) {
		producer, err := kgo.NewClient(
			kgo.SeedBrokers(address),
			kgo.ClientID("kont-bench"),
			kgo.ProducerLinger(0),
			kgo.ProducerBatchCompression(kgo.NoCompression()),
			kgo.MaxBufferedRecords(100_000),
			kgo.RecordDeliveryTimeout(stallTime),
			kgo.MetadataMinAge(100*time.Millisecond),
		)
		if err != nil {
			d.close()
			return nil, nil, err
		}
		d.producers = append(d.producers, producer)
	}
	if err := d.producers[0].Ping(ctx); err != nil {
		d.close()
		return nil, nil, fmt.Errorf("reach Kafka at %s: %w", address, err)
	}
	return d, ctx, nil
}

// close ends the driver's goroutines and connections. It may be called twice.
func (d *driver) close() {
	d.fail(errDone)
	d.followers.Wait()
	for _, producer := range d.producers {
		producer.Close()
	}
}

// errDone is the cause of a context that ends because the run is over.
var errDone = errors.New("the run is over")

// send writes a record of a logical client; a failure ends the run. acknowledged
// may be nil.
func (d *driver) send(ctx context.Context, client int, record *kgo.Record, acknowledged func()) {
	d.producers[client%len(d.producers)].Produce(ctx, record, func(_ *kgo.Record, err error) {
		switch {
		case err != nil && ctx.Err() == nil:
			d.fail(fmt.Errorf("write to %s: %w", record.Topic, err))
		case err == nil && acknowledged != nil:
			acknowledged()
		}
	})
}

func (d *driver) start(ctx context.Context, client int, key string, task any) {
	d.send(ctx, client, startRecord(key, task), nil)
}

func startRecord(key string, task any) *kgo.Record {
	argument, err := json.Marshal(task)
	if err != nil {
		panic(fmt.Sprintf("encode task %v: %v", task, err))
	}
	return &kgo.Record{Topic: ResumeTopic, Key: []byte(key), Value: append([]byte("new:"), argument...)}
}

func (d *driver) resume(ctx context.Context, client int, key []byte, ref string, value int) {
	event, err := json.Marshal(map[string]any{"ref": ref, "value": value})
	if err != nil {
		panic(fmt.Sprintf("encode resume of %s: %v", ref, err))
	}
	d.send(ctx, client, &kgo.Record{Topic: ResumeTopic, Key: key, Value: event}, nil)
}

// refOf reads the ref's id from a request record: {"ref":"<id>"}.
func refOf(record *kgo.Record) (string, error) {
	var request struct{ Ref string }
	if err := json.Unmarshal(record.Value, &request); err != nil || request.Ref == "" {
		return "", fmt.Errorf("request record %q has no ref", record.Value)
	}
	return request.Ref, nil
}

// follow reads topics from where they end now, on a connection of its own. It
// returns once the ends are known, and goes on in a goroutine until ctx is done;
// handle is called by that goroutine alone, and its error ends the run.
func (d *driver) follow(ctx context.Context, handle func(*kgo.Record) error, topics ...string) error {
	consumer, err := kgo.NewClient(
		kgo.SeedBrokers(d.address),
		kgo.ClientID("kont-bench"),
		kgo.FetchMinBytes(1),
		// A partition that the library comes to know while it fetches others from the same node waits for that fetch.
		kgo.FetchMaxWait(500*time.Millisecond),
		kgo.MetadataMinAge(100*time.Millisecond),
	)
	if err != nil {
		return err
	}
	ends, err := kadm.NewClient(consumer).ListEndOffsets(ctx, topics...)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		consumer.Close()
		return fmt.Errorf("find the ends of %v: %w", topics, err)
	}
	begin := map[string]map[int32]kgo.Offset{}
	ends.Each(func(end kadm.ListedOffset) {
		if begin[end.Topic] == nil {
			begin[end.Topic] = map[int32]kgo.Offset{}
		}
		begin[end.Topic][end.Partition] = kgo.NewOffset().At(end.Offset)
	})
	consumer.AddConsumePartitions(begin)
	d.followers.Go(func() {
		defer consumer.Close()
		for {
			fetches := consumer.PollFetches(ctx)
			if ctx.Err() != nil {
				return
			}
			for _, problem := range fetches.Errors() {
				if !kerr.IsRetriable(problem.Err) {
					d.fail(fmt.Errorf("read %s: %w", problem.Topic, problem.Err))
					return
				}
			}
			for fetched := fetches.RecordIter(); !fetched.Done(); {
				d.progress.Add(1)
				if err := handle(fetched.Next()); err != nil {
					d.fail(err)
					return
				}
			}
		}
	})
	return nil
}

// wait returns when done is closed, the run has failed, or nothing has moved for
// stallTime.
func (d *driver) wait(ctx context.Context, done <-chan struct{}) error {
	ticker := time.NewTicker(stallTime)
	defer ticker.Stop()
	last := d.progress.Load()
	for {
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
			now := d.progress.Load()
			if now == last {
				return fmt.Errorf("no answer for %s, after %d; look at the server's log", stallTime, now)
			}
			last = now
		}
	}
}

var errNothingAnswered = errors.New("nothing was answered in time; try a longer --duration")

// isDone makes a channel that closes at a time.
func isDone(after time.Duration) (<-chan struct{}, func()) {
	done := make(chan struct{})
	timer := time.AfterFunc(after, func() { close(done) })
	return done, func() { timer.Stop() }
}

// measure lets the clients work for a warm-up and then the run's duration, in
// which they count, and takes the processors' shares.
func (r *run) measure(ctx context.Context, d *driver) error {
	warmUp := min(r.Duration/5, 2*time.Second)
	r.counting.open(time.Now().Add(warmUp), r.Duration)
	warm, stop := isDone(warmUp)
	defer stop()
	if err := d.wait(ctx, warm); err != nil {
		return err
	}
	usage, err := r.Server.Usage(ctx)
	if err != nil {
		return err
	}
	serverCPU, driverCPU, began := usage.CPU, processCPU(), time.Now()
	over, stop := isDone(time.Until(time.Unix(0, r.counting.closeUnixNano.Load())))
	defer stop()
	if err := d.wait(ctx, over); err != nil {
		return err
	}
	elapsed := time.Since(began)
	if usage, err = r.Server.Usage(ctx); err != nil {
		return err
	}
	r.result.Seconds = r.Duration.Seconds()
	r.result.DriverCPUPercent = 100 * float64(processCPU()-driverCPU) / float64(elapsed)
	if usage.CPU > 0 {
		r.result.ServerCPUPercent = 100 * float64(usage.CPU-serverCPU) / float64(elapsed)
	}
	r.result.Operations = r.latencies.count()
	if r.result.Operations == 0 {
		return errNothingAnswered
	}
	return nil
}
