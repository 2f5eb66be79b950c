package cli

import (
	urfave "github.com/urfave/cli/v2"
)

func retryCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "retry", Category: categoryThreads, ArgsUsage: "KEY",
		Usage: "run the kept events of a faulted thread again",
		Flags: append(httpFlags(), topicFlag()),
		Action: func(c *urfave.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			server, err := newClient(c, p)
			if err != nil {
				return err
			}
			key := c.Args().First()
			if err := server.RetryThread(c.Context, c.String("topic"), key); err != nil {
				return err
			}
			return newPrinter(c, p).line(map[string]string{"retried": key}, "thread "+key+" runs its kept events again")
		},
	}
}
