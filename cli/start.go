package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"
	urfave "github.com/urfave/cli/v2"

	"kont/cli/client"
	"kont/server/api"
)

func startCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "start", Category: categoryThreads, ArgsUsage: "KEY [JSON]",
		Usage: "start a thread with an argument (a running one is replaced)",
		Flags: append(serverFlags(), topicFlag(),
			&urfave.BoolFlag{Name: "init", Usage: "leave a thread alone that runs already"},
			&urfave.BoolFlag{Name: "wait", Aliases: []string{"w"}, Usage: "wait for the result and print it"},
			&urfave.StringFlag{Name: "result-topic", Usage: "`TOPIC` of results, for --wait: the workflow's W.config.resultTopic", Value: api.TopicResult},
			&urfave.StringFlag{Name: "error-topic", Usage: "`TOPIC` of errors, for --wait: the workflow's W.config.errorTopic", Value: api.TopicError},
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
			deployment, err := wantDeployment(c, p)
			if err != nil {
				return err
			}
			kafka, err := newKafka(c.Context, c, p)
			if err != nil {
				return err
			}
			defer kafka.Close()
			var results *resultWatch
			if c.Bool("wait") {
				if results, err = watchResults(c.Context, kafka, c.String("result-topic"), c.String("error-topic")); err != nil {
					return err
				}
				results.declared = deployment.OutputTopics
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
				if results.server, err = serverOf(c, p); err != nil {
					return err
				}
				if results.server == nil {
					fmt.Fprintf(p.Err, "waiting for a record of %s on %s or %s\n", key, results.resultTopic, results.errorTopic)
				}
				return results.printFor(c.Context, newPrinter(c, p), record, c.Bool("init"))
			}
			where := writtenOf(record)
			return newPrinter(c, p).line(where, fmt.Sprintf("start of %s written to %s", key, where))
		},
	}
}

// serverOf is the server to ask about threads, nil with --kafka alone.
func serverOf(c *urfave.Context, p Process) (*client.Client, error) {
	if c.String("kafka") != "" && c.String("server") == "" {
		return nil, nil
	}
	return newClient(c, p)
}

// wantDeployment is what runs a thread, or a refusal where nothing would. With
// --kafka alone there is nobody to ask.
func wantDeployment(c *urfave.Context, p Process) (api.Deployment, error) {
	server, err := serverOf(c, p)
	if server == nil {
		return api.Deployment{}, err
	}
	deployments, err := server.Deployments(c.Context)
	if err != nil {
		return api.Deployment{}, err
	}
	topic := c.String("topic")
	i := slices.IndexFunc(deployments, func(d api.Deployment) bool { return d.ResumeTopic == topic })
	if i < 0 {
		return api.Deployment{}, failf("deploy one with `kont deploy APP.ts`", "no workflow is deployed on %s", topic)
	}
	return deployments[i], nil
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
