package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"
	urfave "github.com/urfave/cli/v2"

	"kont/server/api"
)

func startCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "start", Category: categoryThreads, ArgsUsage: "KEY [JSON]",
		Usage: "start a thread with an argument (a running one is replaced)",
		Flags: append(serverFlags(), topicFlag(),
			&urfave.BoolFlag{Name: "init", Usage: "leave a thread alone that runs already"},
			&urfave.BoolFlag{Name: "wait", Aliases: []string{"w"}, Usage: "wait for the result and print it"},
		),
		Action: func(c *urfave.Context) error {
			if err := wantArgs(c, 1, 2); err != nil {
				return err
			}
			key, argument := c.Args().Get(0), c.Args().Get(1)
			if err := checkKey(key); err != nil {
				return err
			}
			if argument == "" {
				argument = "null"
			}
			if err := checkJSON(argument); err != nil {
				return err
			}
			if err := wantDeployment(c, p); err != nil {
				return err
			}
			kafka, err := newKafka(c.Context, c, p)
			if err != nil {
				return err
			}
			defer kafka.Close()
			var results *resultWatch
			if c.Bool("wait") {
				if results, err = watchResults(c.Context, kafka); err != nil {
					return err
				}
			}
			prefix := "new:"
			if c.Bool("init") {
				prefix = "init:"
			}
			record := &kgo.Record{Topic: c.String("topic"), Key: []byte(key), Value: []byte(prefix + argument)}
			if err := produceOne(c.Context, kafka, record); err != nil {
				return unacknowledged(c, p, err)
			}
			if results != nil {
				return results.printFor(c.Context, newPrinter(c, p), key)
			}
			where := writtenOf(record)
			return newPrinter(c, p).line(where, fmt.Sprintf("start of %s written to %s", key, where))
		},
	}
}

// wantDeployment refuses to start a thread where nothing would run it. With
// --kafka alone there is nobody to ask.
func wantDeployment(c *urfave.Context, p Process) error {
	if c.String("kafka") != "" && c.String("server") == "" {
		return nil
	}
	server, err := newClient(c, p)
	if err != nil {
		return err
	}
	deployments, err := server.Deployments(c.Context)
	if err != nil {
		return err
	}
	topic := c.String("topic")
	if !slices.ContainsFunc(deployments, func(d api.Deployment) bool { return d.ResumeTopic == topic }) {
		return failf("deploy one with `kont deploy APP.ts`", "no workflow is deployed on %s", topic)
	}
	return nil
}

// checkJSON points at what is wrong with a JSON argument.
func checkJSON(text string) error {
	var value any
	err := json.Unmarshal([]byte(text), &value)
	if err == nil {
		return nil
	}
	return usagef(`quote it for the shell, such as '{"to": "Lisbon"}' or '"text"'`, "%s is no JSON: %w", shortened(text, 60), err)
}

func wantArgs(c *urfave.Context, least, most int) error {
	n := c.Args().Len()
	if n >= least && n <= most {
		return nil
	}
	return usagef("see `"+c.Command.HelpName+" --help`", "%s takes %s, got %s", c.Command.HelpName, argsText(c.Command.ArgsUsage), plural(n, "argument"))
}

func argsText(usage string) string {
	if usage == "" {
		return "no arguments"
	}
	return usage
}

// keyBytesMax is the server's.
const keyBytesMax = api.ThreadKeyBytesMax

// checkKey refuses what can name no thread, rather than send an event that the
// server would have to call unmatched.
func checkKey(key string) error {
	switch {
	case key == "":
		return usagef("give the thread a name, such as order-1", "the key is empty")
	case len(key) > keyBytesMax:
		return usagef("choose a shorter one", "a key of %d bytes, at most %d", len(key), keyBytesMax)
	case !utf8.ValidString(key):
		return usagef("choose another one", "the key is not UTF-8: %q", key)
	}
	return nil
}

// resultWatch reads the result and error topics from where they ended when it
// was made.
type resultWatch struct{ kafka *kgo.Client }

// resultWait bounds the wait for a topic's end, not for a result.
const resultWait = 10 * time.Second

func watchResults(ctx context.Context, kafka *kgo.Client) (*resultWatch, error) {
	ctx, cancel := context.WithTimeout(ctx, resultWait)
	defer cancel()
	ends, err := endsOf(ctx, kafka, api.TopicResult, api.TopicError)
	if err != nil {
		return nil, err
	}
	kafka.AddConsumePartitions(ends)
	return &resultWatch{kafka}, nil
}

// printFor prints the thread's result; an error record is a failure. A result
// that is undefined leaves no record, so the wait is the caller's to end.
func (w *resultWatch) printFor(ctx context.Context, out printer, key string) error {
	for {
		fetches := w.kafka.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fetchesErr(fetches); err != nil {
			return err
		}
		for _, record := range fetches.Records() {
			if string(record.Key) != key {
				continue
			}
			if record.Topic == api.TopicError {
				return failf("", "thread %s ended with %s", key, record.Value)
			}
			return out.line(map[string]any{"key": key, "result": json.RawMessage(record.Value)}, string(record.Value))
		}
	}
}
