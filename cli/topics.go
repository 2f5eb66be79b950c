package cli

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	urfave "github.com/urfave/cli/v2"

	"kont/server/api"
)

func topicsCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "topics", Category: categoryRecords, Usage: "list, create, delete or describe topics",
		Flags: serverFlags(),
		Action: func(c *urfave.Context) error {
			if c.Args().Present() {
				return noCommand(c.Args().First(), "topics", c.Command.Subcommands)
			}
			return withKafka(p, 0, 0, listTopics)(c)
		},
		Subcommands: []*urfave.Command{
			{
				Name: "list", Usage: "list topics", Flags: serverFlags(),
				Action: withKafka(p, 0, 0, listTopics),
			},
			{
				Name: "describe", Usage: "show a topic's partitions and configuration", ArgsUsage: "TOPIC", Flags: serverFlags(),
				Action: withKafka(p, 1, 1, describeTopic),
			},
			{
				Name: "create", Usage: "make a topic", ArgsUsage: "TOPIC",
				Flags: append(serverFlags(),
					&urfave.IntFlag{Name: "partitions", Usage: "`N` partitions", DefaultText: "the server's default", Value: -1},
					&urfave.StringSliceFlag{Name: "config", Aliases: []string{"c"}, Usage: "`NAME=VALUE`, such as retention.ms=3600000; may be given many times"},
				),
				Action: withKafka(p, 1, 1, createTopic),
			},
			{
				Name: "delete", Usage: "delete a topic with its records", ArgsUsage: "TOPIC",
				Flags: append(serverFlags(),
					&urfave.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "also delete a topic that workflows need, with their threads and timers"},
				),
				Action: withKafka(p, 1, 1, deleteTopic),
			},
		},
	}
}

// withKafka connects before and disconnects after action.
func withKafka(p Process, least, most int, action func(*urfave.Context, *kgo.Client, printer, Process) error) urfave.ActionFunc {
	return func(c *urfave.Context) error {
		if err := wantArgs(c, least, most); err != nil {
			return err
		}
		kafka, err := newKafka(c.Context, c, p)
		if err != nil {
			return err
		}
		defer kafka.Close()
		return action(c, kafka, newPrinter(c, p), p)
	}
}

func listTopics(c *urfave.Context, kafka *kgo.Client, out printer, p Process) error {
	topics, err := readTopics(c, kafka)
	if err != nil {
		return err
	}
	return out.document(map[string]any{"topics": topics}, func(w io.Writer) {
		rows := [][]string{{"TOPIC", "PARTITIONS", "RECORDS"}}
		for _, topic := range topics {
			records := int64(0)
			for _, partition := range topic.Partitions {
				records += partition.NextOffset - partition.StartOffset
			}
			rows = append(rows, []string{topic.Name, strconv.Itoa(len(topic.Partitions)), strconv.FormatInt(records, 10)})
		}
		table(w, rows)
	})
}

func describeTopic(c *urfave.Context, kafka *kgo.Client, out printer, p Process) error {
	name := c.Args().First()
	topics, err := readTopics(c, kafka, name)
	if err != nil {
		return err
	}
	topic := topics[0]
	configs, err := kadm.NewClient(kafka).DescribeTopicConfigs(c.Context, name)
	if err != nil {
		return fmt.Errorf("describe %s: %w", name, err)
	}
	topic.Configs = map[string]string{}
	for _, resource := range configs {
		for _, config := range resource.Configs {
			topic.Configs[config.Key] = config.MaybeValue()
		}
	}
	return out.document(topic, func(w io.Writer) {
		fmt.Fprintf(w, "topic %s\n\n", topic.Name)
		rows := [][]string{{"PARTITION", "START", "NEXT"}}
		for _, partition := range topic.Partitions {
			rows = append(rows, []string{
				strconv.Itoa(int(partition.Partition)), strconv.FormatInt(partition.StartOffset, 10), strconv.FormatInt(partition.NextOffset, 10),
			})
		}
		table(w, rows)
		if len(topic.Configs) > 0 {
			fmt.Fprintln(w)
		}
		rows = nil
		for _, name := range slices.Sorted(maps.Keys(topic.Configs)) {
			rows = append(rows, []string{name, topic.Configs[name]})
		}
		table(w, rows)
	})
}

// readTopics reads the named topics, or all, in the order of their names.
func readTopics(c *urfave.Context, kafka *kgo.Client, names ...string) ([]api.Topic, error) {
	admin := kadm.NewClient(kafka)
	metadata, err := admin.Metadata(c.Context, names...)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	topics := []api.Topic{}
	for _, detail := range metadata.Topics.Sorted() {
		if detail.Err != nil {
			return nil, topicErr(detail.Topic, detail.Err)
		}
		topics = append(topics, api.Topic{Name: detail.Topic})
	}
	if len(topics) == 0 {
		return topics, nil
	}
	found := metadata.Topics.Names()
	starts, err := admin.ListStartOffsets(c.Context, found...)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	ends, err := admin.ListEndOffsets(c.Context, found...)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	for i := range topics {
		for _, detail := range metadata.Topics[topics[i].Name].Partitions.Sorted() {
			start, _ := starts.Lookup(topics[i].Name, detail.Partition)
			end, _ := ends.Lookup(topics[i].Name, detail.Partition)
			topics[i].Partitions = append(topics[i].Partitions, api.Partition{
				Partition: detail.Partition, StartOffset: start.Offset, NextOffset: end.Offset,
			})
		}
	}
	return topics, nil
}

func createTopic(c *urfave.Context, kafka *kgo.Client, out printer, p Process) error {
	name := c.Args().First()
	configs := map[string]*string{}
	for _, pair := range c.StringSlice("config") {
		key, value, found := strings.Cut(pair, "=")
		if !found {
			return usagef("write NAME=VALUE, such as retention.ms=3600000", "--config %s has no value", pair)
		}
		configs[key] = &value
	}
	answer, err := kadm.NewClient(kafka).CreateTopic(c.Context, int32(c.Int("partitions")), -1, configs, name)
	switch {
	case err == nil:
	case answer.ErrMessage != "" && errors.Is(err, kerr.InvalidPartitions):
		return fmt.Errorf("make topic %s: %s", name, answer.ErrMessage)
	case answer.ErrMessage != "" && errors.Is(err, kerr.InvalidConfig):
		return failf("`kont topics describe "+api.TopicResult+"` shows the configurations that there are", "make topic %s: %s", name, answer.ErrMessage)
	default:
		return topicErr(name, err)
	}
	return out.line(map[string]string{"created": name}, "topic "+name+" created")
}

func deleteTopic(c *urfave.Context, kafka *kgo.Client, out printer, p Process) error {
	name := c.Args().First()
	if !c.Bool("force") {
		if err := checkUnneeded(c, p, name); err != nil {
			return err
		}
	}
	answers, err := kadm.NewClient(kafka).DeleteTopics(c.Context, name)
	if err == nil {
		err = answers.Error()
	}
	if err != nil {
		return topicErr(name, err)
	}
	return out.line(map[string]string{"deleted": name}, "topic "+name+" deleted")
}

// checkUnneeded refuses to delete in passing what threads live on. With --kafka
// alone there is nobody to ask about deployments.
func checkUnneeded(c *urfave.Context, p Process, name string) error {
	var deployments []api.Deployment
	server, err := serverOf(c, p)
	if err == nil && server != nil {
		deployments, err = server.Deployments(c.Context)
	}
	if err != nil {
		return err
	}
	const hint = "repeat the command with --force if that is what you want"
	for _, deployment := range deployments {
		switch {
		case name == deployment.ResumeTopic:
			return failf(hint, "topic %s holds the events and threads of %s, which would go with it", name, deployment.App)
		case slices.Contains(deployment.OutputTopics, name):
			return failf(hint, "%s writes to topic %s, and its steps would fail without it", deployment.App, name)
		}
	}
	switch name {
	case api.TopicResume, api.TopicResult, api.TopicError, api.TopicScheduler:
		return failf(hint, "topic %s belongs to the workflow protocol, and threads would fail without it", name)
	}
	return nil
}
