package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	urfave "github.com/urfave/cli/v2"

	"kont/server/api"
)

const (
	defaultResumeTopic = api.TopicResume

	kafkaTimeout = 10 * time.Second
)

// newKafka connects a Kafka client to --kafka, or to where the server says that
// its listener is. The caller closes it.
func newKafka(ctx context.Context, c *urfave.Context, p Process, options ...kgo.Opt) (*kgo.Client, error) {
	address := c.String("kafka")
	if address == "" {
		address = lookup(p.Env, envKafka)
	}
	if address == "" {
		server, err := newClient(c, p)
		if err != nil {
			return nil, err
		}
		status, err := server.Status(ctx)
		if err != nil {
			return nil, err
		}
		address = status.KafkaAddress
	}
	address, security, err := kafkaSecurity(c, p, address)
	if err != nil {
		return nil, err
	}
	return kafkaTo(ctx, address, append(options, security...)...)
}

// kafkaTo connects a Kafka client and waits for the first answer, so that a wrong
// address is an error now rather than a client that tries for ever.
func kafkaTo(ctx context.Context, address string, options ...kgo.Opt) (*kgo.Client, error) {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, usagef("write host:port, such as 127.0.0.1:9092", "%q is no Kafka address", address)
	}
	kafka, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(address),
		kgo.ClientID("kont-cli"),
		kgo.RetryTimeout(kafkaTimeout),
		kgo.RecordDeliveryTimeout(kafkaTimeout),
		kgo.ProducerLinger(0),
		kgo.MetadataMinAge(100 * time.Millisecond),
	}, options...)...)
	if err != nil {
		return nil, err
	}
	pinging, cancel := context.WithTimeout(ctx, kafkaTimeout/2)
	defer cancel()
	if err := kafka.Ping(pinging); err != nil {
		kafka.Close()
		if errors.Is(err, kerr.SaslAuthenticationFailed) {
			return nil, failf("look at --kafka-user, the password and --kafka-sasl", "%s does not let the user in", address)
		}
		var dial *net.OpError
		if errors.As(err, &dial) || errors.Is(err, context.DeadlineExceeded) {
			return nil, failf("start one with `kont dev APP.ts` or `kont serve`, or name another with --kafka", "no Kafka listener at %s", address)
		}
		return nil, fmt.Errorf("reach Kafka at %s: %w", address, err)
	}
	return kafka, nil
}

// produceOne writes one record and waits for its acknowledgement.
func produceOne(ctx context.Context, kafka *kgo.Client, record *kgo.Record) error {
	if err := kafka.ProduceSync(ctx, record).FirstErr(); err != nil {
		return topicErr(record.Topic, err)
	}
	return nil
}

// unacknowledged adds to a write that the server did not acknowledge in time what
// the server says of itself: clients try again and again while a node takes no
// writes, and in the end know only that it took too long.
func unacknowledged(c *urfave.Context, p Process, err error) error {
	if !errors.Is(err, kgo.ErrRecordTimeout) && !errors.Is(err, kgo.ErrRecordRetries) {
		return err
	}
	what := fmt.Sprintf("not acknowledged within %v", kafkaTimeout)
	if c.String("kafka") == "" || c.String("server") != "" {
		if server, clientErr := newClient(c, p); clientErr == nil {
			if status, statusErr := server.Status(c.Context); statusErr == nil && !status.Health.Ready {
				return fmt.Errorf("%s: %s", what, status.Health.Reason)
			}
		}
	}
	return failf("see whether it was written before you try again", "%s", what)
}

// topicErr says a Kafka error about a topic in our words.
func topicErr(topic string, err error) error {
	var code *kerr.Error
	switch {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return failf("list the topics with `kont topics`, make it with `kont topics create "+topic+"`", "no topic %s", topic)
	case errors.Is(err, kerr.TopicAlreadyExists):
		return failf("look at it with `kont topics describe "+topic+"`", "topic %s exists already", topic)
	case errors.Is(err, kerr.InvalidTopicException):
		return failf("use letters, digits, '.', '_' and '-', at most 249 of them", "%q is no name for a topic", topic)
	case errors.As(err, &code):
		return fmt.Errorf("topic %s: %s (%s)", topic, strings.TrimSuffix(code.Description, "."), code.Message)
	default:
		return fmt.Errorf("topic %s: %w", topic, err)
	}
}

// written is where a record went, as start, resume and produce print it.
type written struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Key       string `json:"key"`
}

func writtenOf(record *kgo.Record) written {
	return written{record.Topic, record.Partition, record.Offset, string(record.Key)}
}

func (w written) String() string {
	return fmt.Sprintf("%s/%d at offset %d", w.Topic, w.Partition, w.Offset)
}
