package cli

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"kont/cli/client"
)

// resultWatch reads the result and error topics from where they ended when it
// was made.
type resultWatch struct {
	kafka *kgo.Client
	// resultTopic and errorTopic are read. A workflow may send its results elsewhere, and
	// says so when it runs; nobody else knows. declared are the topics that it may mean.
	resultTopic, errorTopic string
	declared                []string
	// next has, by topic and partition, the offset to read next.
	next map[partitionOf]int64
	// server tells what becomes of a thread that leaves no record; nil if there is
	// nobody to ask.
	server *client.Client
}

type partitionOf struct {
	topic     string
	partition int32
}

const (
	// resultWait bounds the wait for a topic's end, not for a result.
	resultWait = 10 * time.Second
	// fatePoll is how often the server is asked about the thread.
	fatePoll = 500 * time.Millisecond
)

func watchResults(ctx context.Context, kafka *kgo.Client, resultTopic, errorTopic string) (*resultWatch, error) {
	ctx, cancel := context.WithTimeout(ctx, resultWait)
	defer cancel()
	ends, err := endsOf(ctx, kafka, resultTopic, errorTopic)
	if err != nil {
		return nil, err
	}
	kafka.AddConsumePartitions(ends)
	w := &resultWatch{kafka: kafka, resultTopic: resultTopic, errorTopic: errorTopic, next: map[partitionOf]int64{}}
	for topic, partitions := range ends {
		for partition, end := range partitions {
			w.next[partitionOf{topic, partition}] = end.EpochOffset().Offset
		}
	}
	return w, nil
}

// printFor prints the result of the thread that the record start began; an error
// record is a failure, and so is a thread that can't go on. isInit: the thread may
// have run before.
func (w *resultWatch) printFor(ctx context.Context, out printer, start *kgo.Record, isInit bool) error {
	// ends is where the topics end once the thread has: its record came with its
	// end, so it is before them. A result that is undefined has no record.
	var ends map[string]map[int32]kgo.Offset
	for ends == nil || !w.isPast(ends) {
		record, err := w.read(ctx, string(start.Key))
		if err != nil {
			return err
		}
		if record != nil && record.Topic == w.errorTopic && w.errorTopic != w.resultTopic {
			return failf("", "thread %s ended with %s", start.Key, record.Value)
		}
		if record != nil {
			return out.line(map[string]any{"key": string(start.Key), "result": json.RawMessage(record.Value)}, string(record.Value))
		}
		if w.server == nil || ends != nil {
			continue
		}
		hasEnded, err := w.fate(ctx, start, isInit)
		if hasEnded {
			ends, err = endsOf(ctx, w.kafka, w.resultTopic, w.errorTopic)
		}
		if err != nil {
			return err
		}
	}
	return out.line(map[string]any{"key": string(start.Key), "result": nil}, "thread "+string(start.Key)+" ended and left no record on "+w.resultTopic+w.elsewhere())
}

// elsewhere says where a result may be that is not where it was looked for.
func (w *resultWatch) elsewhere() string {
	var others []string
	for _, topic := range w.declared {
		if topic != w.resultTopic && topic != w.errorTopic {
			others = append(others, topic)
		}
	}
	if len(others) == 0 {
		return ""
	}
	return "; if its W.config.resultTopic is one of " + strings.Join(others, ", ") + ", name it with --result-topic"
}

// isPast tells whether all that is before ends has been read.
func (w *resultWatch) isPast(ends map[string]map[int32]kgo.Offset) bool {
	for topic, partitions := range ends {
		for partition, end := range partitions {
			if w.next[partitionOf{topic, partition}] < end.EpochOffset().Offset {
				return false
			}
		}
	}
	return true
}

// read is the next result or error of the thread, nil if none comes for a while.
func (w *resultWatch) read(ctx context.Context, key string) (*kgo.Record, error) {
	polling, cancel := context.WithTimeout(ctx, fatePoll)
	defer cancel()
	for {
		fetches := w.kafka.PollFetches(polling)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for _, record := range fetches.Records() {
			if string(record.Key) == key {
				return record, nil
			}
			w.next[partitionOf{record.Topic, record.Partition}] = record.Offset + 1
		}
		if polling.Err() != nil {
			return nil, nil
		}
		if err := fetchesErr(fetches); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return nil, err
		}
	}
}

// fate tells from the thread's history whether it has ended. One that is faulted,
// or replaced by another start, or was never begun, is an error.
func (w *resultWatch) fate(ctx context.Context, start *kgo.Record, isInit bool) (hasEnded bool, err error) {
	key, topic := string(start.Key), topicArg(start.Topic)
	history, err := w.server.History(ctx, start.Topic, key)
	if err != nil {
		return false, err
	}
	isSeen, fault := false, ""
	for _, entry := range history {
		if entry.Partition == start.Partition && entry.Offset == start.Offset {
			isSeen = true
			if entry.Outcome == "unmatched" && !isInit {
				return false, failf("", "thread %s was not started: %s", key, entry.Reason)
			}
		} else if isSeen && entry.Replaced {
			return false, failf("look at it with `kont inspect "+key+topic+"`", "thread %s was replaced by another start", key)
		}
		switch {
		case !isSeen:
		case entry.Outcome == "ended":
			return true, nil
		case entry.Outcome == "faulted":
			fault, _, _ = strings.Cut(entry.Reason, "\n")
		case entry.Outcome == "suspended":
			fault = ""
		}
	}
	if fault != "" {
		return false, failf("look at it with `kont inspect "+key+topic+"`, run it again with `kont retry "+key+topic+"`", "thread %s is faulted: %s", key, fault)
	}
	return false, nil
}
