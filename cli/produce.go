package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/twmb/franz-go/pkg/kgo"
	urfave "github.com/urfave/cli/v2"
)

// valueBytesMax bounds one value read from standard input.
const valueBytesMax = 64 << 20

func produceCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "produce", Category: categoryRecords, ArgsUsage: "TOPIC [VALUE|-]",
		Usage: "write a record",
		Description: "VALUE - (or none) reads standard input: one record with all of it,\n" +
			"or with --lines one record a line.",
		Flags: append(serverFlags(),
			&urfave.StringFlag{Name: "key", Aliases: []string{"k"}, Usage: "`KEY` of the record"},
			&urfave.IntFlag{Name: "partition", Aliases: []string{"p"}, Value: -1, Usage: "`PARTITION`, where the key is not to choose it", DefaultText: "the key's"},
			&urfave.BoolFlag{Name: "lines", Aliases: []string{"l"}, Usage: "write one record a line of standard input"},
			&urfave.BoolFlag{Name: "null", Usage: "write a null value"},
		),
		Action: func(c *urfave.Context) error {
			if err := wantArgs(c, 1, 2); err != nil {
				return err
			}
			fromInput := c.Args().Len() == 1 || c.Args().Get(1) == "-"
			if c.Bool("null") && c.Args().Len() > 1 {
				return usagef("leave one of them out", "a value and --null")
			}
			if c.Bool("lines") && (!fromInput || c.Bool("null")) {
				return usagef("leave one of them out", "--lines reads standard input: no value, no --null")
			}
			options := []kgo.Opt{}
			if c.Int("partition") >= 0 {
				options = append(options, kgo.RecordPartitioner(kgo.ManualPartitioner()))
			}
			kafka, err := newKafka(c.Context, c, p, options...)
			if err != nil {
				return err
			}
			defer kafka.Close()
			record := func(value []byte) *kgo.Record {
				r := &kgo.Record{Topic: c.Args().First(), Value: value, Partition: int32(max(0, c.Int("partition")))}
				if c.IsSet("key") {
					r.Key = []byte(c.String("key"))
				}
				return r
			}
			if c.Bool("lines") {
				if err := checkPartition(c, kafka, c.Args().First()); err != nil {
					return err
				}
				return unacknowledged(c, p, produceLines(c.Context, kafka, p, newPrinter(c, p), record))
			}
			value := []byte(c.Args().Get(1))
			switch {
			case c.Bool("null"):
				value = nil
			case fromInput:
				if value, err = readInput(p.In); err != nil {
					return err
				}
			}
			one := record(value)
			if err := checkPartition(c, kafka, one.Topic); err != nil {
				return err
			}
			if err := produceOne(c.Context, kafka, one); err != nil {
				return unacknowledged(c, p, err)
			}
			where := writtenOf(one)
			return newPrinter(c, p).line(where, "written to "+where.String())
		},
	}
}

// checkPartition refuses a --partition that the topic does not have.
func checkPartition(c *urfave.Context, kafka *kgo.Client, topic string) error {
	if !c.IsSet("partition") {
		return nil
	}
	ends, err := endsOf(c.Context, kafka, topic)
	if err != nil {
		return err
	}
	if _, exists := ends[topic][int32(c.Int("partition"))]; !exists {
		return usagef(fmt.Sprintf("they are 0 to %d", len(ends[topic])-1), "topic %s has no partition %d", topic, c.Int("partition"))
	}
	return nil
}

func readInput(in io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(in, valueBytesMax+1))
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	if len(data) > valueBytesMax {
		return nil, failf("write it in parts", "standard input holds more than %d bytes", valueBytesMax)
	}
	return data, nil
}

// produceLines keeps writing while lines come, and returns once all are
// acknowledged.
func produceLines(ctx context.Context, kafka *kgo.Client, p Process, out printer, record func([]byte) *kgo.Record) error {
	lines := bufio.NewScanner(p.In)
	lines.Buffer(nil, valueBytesMax)
	progress := newProgress(p, "records written")
	defer progress.done()
	failed := make(chan error, 1)
	topic := record(nil).Topic
	count := 0
	for lines.Scan() && ctx.Err() == nil {
		value := append([]byte(nil), lines.Bytes()...)
		kafka.Produce(ctx, record(value), func(_ *kgo.Record, err error) {
			progress.add(1)
			if err != nil {
				select {
				case failed <- err:
				default:
				}
			}
		})
		count++
	}
	if err := kafka.Flush(ctx); err != nil {
		return err
	}
	select {
	case err := <-failed:
		return topicErr(topic, err)
	default:
	}
	if err := lines.Err(); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read standard input: %w", err)
	}
	progress.done()
	return out.line(map[string]int{"written": count}, plural(count, "record")+" written")
}
