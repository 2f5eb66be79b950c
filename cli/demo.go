package cli

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	urfave "github.com/urfave/cli/v2"

	"kont/cli/child"
	"kont/cli/client"
	"kont/demos"
	"kont/server/config"
)

// stopMax is how long a node may take to stop.
const stopMax = 10 * time.Second

// demoTimeout bounds a demo: none has a timer of more than a few seconds.
const demoTimeout = 2 * time.Minute

func demoCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "demo", Category: categoryRun, ArgsUsage: "[NAME]",
		Usage: "watch a workflow run, node and client included",
		Description: "Starts a node with ports and a data directory of its own, deploys the demo's workflow,\n" +
			"plays the outside world through a Kafka client, and prints every record that passes.\n" +
			"Without NAME, lists the demos.",
		Flags: []urfave.Flag{
			&urfave.BoolFlag{Name: "keep", Usage: "leave the node running after the play, until an interrupt"},
			&urfave.StringFlag{Name: "log-level", Usage: "`LEVEL` of the node's log", Value: "error"},
			outputFlag(),
		},
		Action: func(c *urfave.Context) error {
			if err := wantArgs(c, 0, 1); err != nil {
				return err
			}
			if !c.Args().Present() {
				return listDemos(newPrinter(c, p))
			}
			play, err := findDemo(c.Args().First())
			if err != nil {
				return err
			}
			return playDemo(c, p, play)
		},
	}
}

func playDemo(c *urfave.Context, p Process, play demos.Demo) error {
	out := newPrinter(c, p)
	level := map[string]string{"log-level": c.String("log-level")}
	if _, err := config.Load(config.Sources{Flags: level}); err != nil {
		return usagef("`kont demo --help` explains the flags", "%w", err)
	}
	app, err := compileEmbedded(c.Context, play.Files, play.Entry)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "kont-demo-*")
	if err != nil {
		return failf("name a directory that can be written to in TMPDIR", "make a data directory: %w", err)
	}
	defer removeAll(p, dir)
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find our own binary: %w", err)
	}
	node := &child.Node{
		Executable: executable, Args: []string{"--log-level", c.String("log-level")}, DataDir: filepath.Join(dir, "data"), Log: p.Err,
	}
	defer node.Kill() //nolint:errcheck // its data goes too
	if err := node.Start(c.Context); err != nil {
		return err
	}
	server, err := client.New(node.HTTPAddress())
	if err != nil {
		return err
	}
	resumeTopic := cmp.Or(play.ResumeTopic, defaultResumeTopic)
	if _, err := server.Deploy(c.Context, play.Name, resumeTopic, app.encoded); err != nil {
		return err
	}
	if !out.isJSON {
		fmt.Fprintf(p.Out, "%s: %s\n\na node is up: Kafka %s, HTTP http://%s; bundle %s is deployed on %s\n\n",
			play.Name, play.About, node.KafkaAddress(), node.HTTPAddress(), app.shortHash(), resumeTopic)
	}
	playing, cancel := context.WithTimeout(c.Context, demoTimeout)
	defer cancel()
	s, err := openStage(playing, node, play.Files, resumeTopic, app, out)
	if err != nil {
		return err
	}
	defer s.close()
	defer cancel() // before close
	if err := play.Play(playing, s); err != nil {
		return failf("run it again with --log-level debug", "demo %s: %w", play.Name, err)
	}
	if !out.isJSON {
		fmt.Fprintf(p.Out, "\nTry next:\n")
		for _, next := range play.Next {
			fmt.Fprintf(p.Out, "  %s\n", asTyped(next))
		}
	}
	if c.Bool("keep") {
		fmt.Fprintf(p.Err, "the node runs until Ctrl-C; name it with --server %s\n", node.HTTPAddress())
		select {
		case <-c.Context.Done():
			return node.Stop(stopMax)
		case <-node.Ended():
			return failf("look at its log above", "the node has stopped")
		}
	}
	return nil
}

// asTyped puts the way in which this program was run into a command that begins
// with its name.
func asTyped(command string) string {
	rest, isOurs := strings.CutPrefix(command, "kont ")
	executable, err := os.Executable()
	if !isOurs || err != nil {
		return command
	}
	here, err := os.Getwd()
	switch {
	case strings.Contains(filepath.ToSlash(executable), "/go-build"):
		return "go run . " + rest
	case err == nil && filepath.Dir(executable) == here:
		return "./" + filepath.Base(executable) + " " + rest
	default:
		return command
	}
}
