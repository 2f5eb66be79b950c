package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	urfave "github.com/urfave/cli/v2"
)

func consumeCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "consume", Category: categoryRecords, ArgsUsage: "TOPIC...",
		Usage: "print records as they come",
		Description: "Text output is KEY, a tab and VALUE; -o json has topic, partition, offset and\n" +
			"timestamp too, one record a line. Without a group, reading begins at the end.",
		Flags: append(serverFlags(),
			&urfave.BoolFlag{Name: "from-beginning", Usage: "begin with the oldest record"},
			&urfave.Int64Flag{Name: "offset", Usage: "begin at `OFFSET` of each partition, where that is there", DefaultText: "the end"},
			&urfave.IntFlag{Name: "count", Aliases: []string{"n"}, Usage: "end after `N` records", DefaultText: "no end"},
			&urfave.BoolFlag{Name: "exit", Aliases: []string{"e"}, Usage: "end where the topic ends now"},
			&urfave.StringFlag{Name: "group", Aliases: []string{"g"}, Usage: "read as a member of `GROUP`, from its committed offsets"},
		),
		Action: func(c *urfave.Context) error {
			if err := wantArgs(c, 1, 1000); err != nil {
				return err
			}
			switch {
			case c.IsSet("offset") && c.Bool("from-beginning"):
				return usagef("leave one of them out", "--offset and --from-beginning")
			case c.IsSet("offset") && c.Int64("offset") < 0, c.Int("count") < 0:
				return usagef("count from 0", "--offset and --count can't be negative")
			}
			if c.String("group") != "" && (c.Bool("exit") || c.IsSet("offset")) {
				return usagef("leave them out", "a group reads from its committed offsets: no --offset, no --exit")
			}
			return consume(c, p)
		},
	}
}

// consumed is a record as -o json prints it.
type consumed struct {
	Topic     string    `json:"topic"`
	Partition int32     `json:"partition"`
	Offset    int64     `json:"offset"`
	Timestamp time.Time `json:"timestamp"`
	Key       *string   `json:"key"`
	Value     *string   `json:"value"`
}

func consume(c *urfave.Context, p Process) error {
	topics := c.Args().Slice()
	group := c.String("group")
	// Markers of transactions are no records, but the last of a partition may be one, and
	// that is its end, too.
	options := []kgo.Opt{kgo.KeepControlRecords()}
	start := kgo.NewOffset().AtEnd()
	switch {
	case c.Bool("from-beginning"):
		start = kgo.NewOffset().AtStart()
	case c.IsSet("offset"):
		start = kgo.NewOffset().At(c.Int64("offset"))
	}
	if group != "" {
		options = append(options, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topics...),
			kgo.ConsumeResetOffset(start), kgo.DisableAutoCommit())
	}
	kafka, err := newKafka(c.Context, c, p, options...)
	if err != nil {
		return err
	}
	defer kafka.Close()
	ends, err := endsOf(c.Context, kafka, topics...)
	if err != nil {
		return err
	}
	// until holds, with --exit, where each partition ends.
	until := map[string]map[int32]int64{}
	if group == "" {
		begin := map[string]map[int32]kgo.Offset{}
		for topic, partitions := range ends {
			begin[topic], until[topic] = map[int32]kgo.Offset{}, map[int32]int64{}
			for partition, end := range partitions {
				at := start
				isBeyond := c.IsSet("offset") && c.Int64("offset") > end.EpochOffset().Offset
				if isBeyond || !c.Bool("from-beginning") && !c.IsSet("offset") {
					at = end
				}
				begin[topic][partition] = at
				until[topic][partition] = end.EpochOffset().Offset
			}
		}
		kafka.AddConsumePartitions(begin)
	}
	return printRecords(c, kafka, newPrinter(c, p), until)
}

func printRecords(c *urfave.Context, kafka *kgo.Client, out printer, until map[string]map[int32]int64) error {
	limit, count, group := c.Int("count"), 0, c.String("group")
	var starts kadm.ListedOffsets
	if c.Bool("exit") {
		var err error
		if starts, err = kadm.NewClient(kafka).ListStartOffsets(c.Context, c.Args().Slice()...); err != nil {
			return err
		}
		dropReached(until, func(topic string, partition int32) int64 {
			listed, _ := starts.Lookup(topic, partition)
			if c.Bool("from-beginning") {
				return listed.Offset
			}
			if c.IsSet("offset") {
				return max(c.Int64("offset"), listed.Offset)
			}
			return 1<<63 - 1 // begins at the end
		})
	}
	for !c.Bool("exit") || len(until) > 0 {
		fetches := kafka.PollFetches(c.Context)
		if c.Context.Err() != nil { // an interrupt is how reading ends
			return nil
		}
		if err := fetchesErr(fetches); err != nil {
			return err
		}
		var seen []*kgo.Record
		for _, record := range fetches.Records() {
			if record.Attrs.IsControl() {
				seen = append(seen, record)
				continue
			}
			if err := out.line(consumedOf(record), fmt.Sprintf("%s\t%s", record.Key, record.Value)); err != nil {
				return err
			}
			seen = append(seen, record)
			if count++; count == limit {
				break
			}
		}
		if group != "" && len(seen) > 0 {
			if err := kafka.CommitRecords(c.Context, seen...); err != nil {
				return fmt.Errorf("commit offsets of group %s: %w", group, err)
			}
		}
		if limit > 0 && count >= limit {
			return nil
		}
		if c.Bool("exit") {
			next := map[string]map[int32]int64{}
			for _, record := range seen {
				if next[record.Topic] == nil {
					next[record.Topic] = map[int32]int64{}
				}
				next[record.Topic][record.Partition] = record.Offset + 1
			}
			dropReached(until, func(topic string, partition int32) int64 { return next[topic][partition] })
		}
	}
	return nil
}

// dropReached removes the partitions that have been read to their end.
func dropReached(until map[string]map[int32]int64, next func(topic string, partition int32) int64) {
	for topic, partitions := range until {
		for partition, end := range partitions {
			if next(topic, partition) >= end {
				delete(partitions, partition)
			}
		}
		if len(partitions) == 0 {
			delete(until, topic)
		}
	}
}

func consumedOf(record *kgo.Record) consumed {
	text := func(data []byte) *string {
		if data == nil {
			return nil
		}
		s := string(data)
		return &s
	}
	return consumed{record.Topic, record.Partition, record.Offset, record.Timestamp.UTC(), text(record.Key), text(record.Value)}
}

// endsOf gives the end of every partition of topics, to begin reading at.
func endsOf(ctx context.Context, kafka *kgo.Client, topics ...string) (map[string]map[int32]kgo.Offset, error) {
	listed, err := kadm.NewClient(kafka).ListEndOffsets(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("find the end of %v: %w", topics, err)
	}
	ends := map[string]map[int32]kgo.Offset{}
	var problem error
	listed.Each(func(end kadm.ListedOffset) {
		if end.Err != nil {
			problem = topicErr(end.Topic, end.Err)
			return
		}
		if ends[end.Topic] == nil {
			ends[end.Topic] = map[int32]kgo.Offset{}
		}
		ends[end.Topic][end.Partition] = kgo.NewOffset().At(end.Offset)
	})
	for _, topic := range topics {
		if problem == nil && len(ends[topic]) == 0 {
			problem = topicErr(topic, kerr.UnknownTopicOrPartition)
		}
	}
	return ends, problem
}

// fetchesErr is the first error of a poll that will not mend itself.
func fetchesErr(fetches kgo.Fetches) error {
	for _, problem := range fetches.Errors() {
		if kerr.IsRetriable(problem.Err) {
			continue
		}
		return topicErr(problem.Topic, problem.Err)
	}
	return nil
}
