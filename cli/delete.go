package cli

import (
	urfave "github.com/urfave/cli/v2"
)

func deleteCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "delete", Category: categoryThreads, ArgsUsage: "KEY",
		Usage: "drop a thread's state and history; none of its code runs",
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
			if err := server.DeleteThread(c.Context, c.String("topic"), key); err != nil {
				return err
			}
			return newPrinter(c, p).line(map[string]string{"deleted": key}, "thread "+key+" deleted")
		},
	}
}
