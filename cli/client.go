package cli

import (
	"cmp"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"kont/cli/client"
	"kont/server/config"
)

const (
	envServer       = "KONT_SERVER"
	envKafka        = "KONT_KAFKA"
	hintStartServer = "start one with `kont dev APP.ts` or `kont serve`, or name another with --server"
)

// httpFlags are what a command needs that talks to a server over HTTP.
func httpFlags() []urfave.Flag {
	return []urfave.Flag{
		&urfave.StringFlag{Name: "server", Usage: "HTTP `ADDR` of the server (" + envServer + ")", DefaultText: config.Default().HTTPListen},
		outputFlag(),
	}
}

// serverFlags are what a command needs that writes or reads records, too.
func serverFlags() []urfave.Flag {
	return append(append(httpFlags(),
		&urfave.StringFlag{Name: "kafka", Usage: "Kafka `ADDR` of the server, or kafka+tls://ADDR (" + envKafka + ")", DefaultText: "what the server says"}),
		kafkaSecurityFlags()...)
}

// topicFlag names the resume topic.
func topicFlag() urfave.Flag {
	return &urfave.StringFlag{Name: "topic", Usage: "resume `TOPIC` of the workflow", Value: defaultResumeTopic}
}

// topicArg is what a command needs besides a thread's key, where its resume topic
// is not the default one.
func topicArg(topic string) string {
	if topic == "" || topic == defaultResumeTopic {
		return ""
	}
	return " --topic " + topic
}

// newClient takes the server from --server, then the environment, then the
// default.
func newClient(c *urfave.Context, p Process) (*client.Client, error) {
	server, err := client.New(cmp.Or(c.String("server"), lookup(p.Env, envServer), config.Default().HTTPListen))
	if err != nil {
		return nil, usagef("write host:port, such as 127.0.0.1:8080", "%w", err)
	}
	return server, nil
}

// lookup is the value of an environment variable; the last one counts.
func lookup(env []string, name string) string {
	value := ""
	for _, variable := range env {
		if rest, found := strings.CutPrefix(variable, name+"="); found {
			value = rest
		}
	}
	return value
}
