package cli

import (
	"fmt"
	"strings"

	urfave "github.com/urfave/cli/v2"
)

func deployCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "deploy", Category: categoryAuthor, ArgsUsage: "APP",
		Usage: "compile a workflow and give it to a server",
		Description: "APP is a TypeScript file or a bundle of `kont build`. Threads that start from now\n" +
			"on run it; threads that run stay on the bundle that they started with.",
		Flags: append(httpFlags(),
			&urfave.StringFlag{Name: "name", Usage: "`NAME` of the deployment", DefaultText: "the file's"},
			&urfave.StringFlag{Name: "resume-topic", Usage: "`TOPIC` of its events", Value: defaultResumeTopic},
		),
		Action: func(c *urfave.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			path := c.Args().First()
			app, err := loadWorkflow(c.Context, p, path)
			if err != nil {
				return err
			}
			warn(p, app)
			server, err := newClient(c, p)
			if err != nil {
				return err
			}
			name := c.String("name")
			if name == "" {
				name = appName(path)
			}
			deployment, err := server.Deploy(c.Context, name, c.String("resume-topic"), app.encoded)
			if err != nil {
				return err
			}
			text := fmt.Sprintf("%s deployed on %s (bundle %s)", deployment.App, deployment.ResumeTopic, deployment.Hash[:min(12, len(deployment.Hash))])
			if len(deployment.OutputTopics) > 0 {
				text += ", writes to " + strings.Join(deployment.OutputTopics, ", ")
			}
			return newPrinter(c, p).line(deployment, text)
		},
	}
}
