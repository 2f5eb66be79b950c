package cli

import (
	"fmt"
	"io"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"kont/cli/client"
	"kont/server/api"
)

func inspectCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "inspect", Category: categoryThreads, ArgsUsage: "KEY",
		Usage: "show where a thread waits, its variables and its history",
		Flags: append(httpFlags(), topicFlag()),
		Action: func(c *urfave.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			server, err := newClient(c, p)
			if err != nil {
				return err
			}
			key, topic := c.Args().First(), c.String("topic")
			history, err := server.History(c.Context, topic, key)
			if err != nil {
				return err
			}
			thread, err := server.Thread(c.Context, topic, key)
			if client.IsCode(err, "unknown_thread") && len(history) > 0 {
				thread.Topic, thread.Key, thread.Status = topic, key, api.StatusUnknown
			} else if err != nil {
				return err
			}
			document := struct {
				api.Thread
				History []api.HistoryEntry `json:"history"`
			}{thread, history}
			return newPrinter(c, p).document(document, func(w io.Writer) {
				printThread(w, thread)
				printHistory(w, history)
			})
		},
	}
}

func printThread(w io.Writer, thread api.Thread) {
	rows := [][]string{
		{"thread", printable(thread.Key)},
		{"status", thread.Status},
		{"topic", thread.Topic},
	}
	if thread.Hash != "" {
		rows = append(rows, []string{"bundle", strings.TrimSpace(thread.App + " " + thread.Hash[:min(12, len(thread.Hash))])})
	}
	if thread.Steps > 0 {
		rows = append(rows,
			[]string{"steps", fmt.Sprintf("%d, the last with step id %d", thread.Steps, thread.StepID)},
			[]string{"started", atText(thread.StartedAt)},
			[]string{"updated", atText(thread.UpdatedAt)},
			[]string{"continuation", plural(thread.ContinuationBytes, "byte")},
		)
	}
	// A fault is its message, then a line for each function of the stack.
	fault, stack, _ := strings.Cut(thread.Fault, "\n")
	if fault != "" {
		rows = append(rows, []string{"fault", printable(fault)})
	}
	table(w, rows)
	for line := range strings.Lines(stack) {
		fmt.Fprintf(w, "  %s\n", printable(strings.TrimSpace(line)))
	}
	for i, event := range thread.KeptEvents {
		fmt.Fprintf(w, "  kept event %d: %s\n", i+1, shortened(printable(event), 100))
	}
	if len(thread.KeptEvents) > 0 {
		fmt.Fprintf(w, "  `kont retry %s%s` runs them again\n", printable(thread.Key), topicArg(thread.Topic))
	}
	if len(thread.Refs) > 0 {
		fmt.Fprintf(w, "\npending refs\n")
		for _, ref := range thread.Refs {
			fmt.Fprintf(w, "  %s\n", printable(ref))
		}
	}
	if thread.WaitsError != "" {
		fmt.Fprintf(w, "\nwhere it waits can't be told: %s\n", printable(thread.WaitsError))
	}
	for _, wait := range thread.Waits {
		fmt.Fprintln(w)
		for _, frame := range wait.Stack {
			label := ""
			if frame.Label != "" {
				label = ", label " + frame.Label
			}
			fmt.Fprintf(w, "  at %s%s (%s:%d:%d)\n", frame.Function, label, frame.File, frame.Line, frame.Column)
			if frame.Source != "" {
				fmt.Fprintf(w, "       %s\n", shortened(printable(strings.TrimSpace(frame.Source)), 100))
			}
			if len(frame.Refs) > 0 {
				fmt.Fprintf(w, "       waits for %s\n", shortened(printable(strings.Join(frame.Refs, " ")), 100))
			}
			printLocals(w, frame.Locals)
		}
	}
	if len(thread.Module) > 0 {
		fmt.Fprintf(w, "\nmodule variables\n")
		printLocals(w, thread.Module)
	}
}

func printLocals(w io.Writer, locals []api.Local) {
	for _, local := range locals {
		fmt.Fprintf(w, "       %s = %s\n", printable(local.Name), shortened(printable(local.Value), 100))
	}
}

func printHistory(w io.Writer, history []api.HistoryEntry) {
	if len(history) == 0 {
		return
	}
	fmt.Fprintf(w, "\nhistory\n")
	rows := [][]string{}
	for _, entry := range history {
		what := entry.Outcome
		if entry.Started {
			what = "started, " + what
		}
		if entry.Replaced {
			what = "replaced, " + what
		}
		if entry.Outputs > 0 {
			what += ", " + plural(entry.Outputs, "output")
		}
		if entry.Reason != "" {
			reason, _, _ := strings.Cut(entry.Reason, "\n")
			what += ": " + shortened(printable(reason), 100)
		}
		rows = append(rows, []string{
			"  " + atText(entry.At), fmt.Sprintf("%d@%d", entry.Partition, entry.Offset), fmt.Sprintf("%.1fms", float64(entry.DurationMicro)/1000), what,
		})
	}
	table(w, rows)
}
