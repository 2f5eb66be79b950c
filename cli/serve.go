package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"kont/server/config"
)

func serveCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "serve", Category: categoryRun, Usage: "run a node",
		Description: "Every setting is a flag, a variable KONT_… (--step-timeout is KONT_STEP_TIMEOUT) or a\n" +
			"key of the YAML file named by --config; the flag wins, then the variable. When the\n" +
			"node takes requests, one line with its addresses goes to standard output.",
		Flags: append(settingFlags(),
			&urfave.StringFlag{Name: "config", Usage: "read settings from a YAML `FILE` (KONT_CONFIG)"},
			&urfave.BoolFlag{Name: "until-eof", Usage: "stop when standard input ends, for a parent that may crash"},
			outputFlag(),
		),
		Action: func(c *urfave.Context) error {
			if err := wantArgs(c, 0, 0); err != nil {
				return err
			}
			settings, err := loadSettings(c, p)
			if err != nil {
				return err
			}
			running, err := p.startNode(c.Context, settings, newLogger(settings, p.Err))
			if err != nil {
				return err
			}
			if err := newPrinter(c, p).line(addressesOf(running, settings), fmt.Sprintf("kont serves Kafka on %s and HTTP on http://%s, data in %s",
				running.KafkaAddress(), running.HTTPAddress(), settings.DataDir)); err != nil {
				running.Close()
				return err
			}
			ctx := c.Context
			if c.Bool("until-eof") {
				var stop func()
				ctx, stop = context.WithCancel(ctx)
				go func() {
					io.Copy(io.Discard, p.In) //nolint:errcheck // however it ends, it ends
					stop()
				}()
			}
			return waitAndClose(ctx, running)
		},
	}
}

// settingFlags makes a flag of every setting.
func settingFlags() []urfave.Flag {
	var flags []urfave.Flag
	for _, setting := range config.Settings() {
		if setting.IsSwitch() {
			flags = append(flags, &urfave.BoolFlag{Name: setting.Name, Usage: setting.Usage})
			continue
		}
		if setting.IsRepeated {
			flags = append(flags, &urfave.GenericFlag{Name: setting.Name, Usage: "`" + setting.Placeholder + "`: " + setting.Usage, Value: &repeated{}})
			continue
		}
		flags = append(flags, &urfave.StringFlag{
			Name: setting.Name, Usage: "`" + setting.Placeholder + "`: " + setting.Usage, DefaultText: setting.Default(),
		})
	}
	return flags
}

// repeated is a flag that may be given many times, a line each. urfave's slices would
// cut values at commas.
type repeated struct{ values []string }

func (r *repeated) Set(value string) error { r.values = append(r.values, value); return nil }
func (r *repeated) String() string         { return strings.Join(r.values, "\n") }

// loadSettings reads the flags that were given, the environment and the file.
func loadSettings(c *urfave.Context, p Process) (config.Config, error) {
	given := map[string]string{}
	for _, setting := range config.Settings() {
		switch {
		case !c.IsSet(setting.Name):
		case setting.IsSwitch():
			given[setting.Name] = fmt.Sprint(c.Bool(setting.Name))
		case setting.IsRepeated:
			given[setting.Name] = c.Generic(setting.Name).(*repeated).String()
		default:
			given[setting.Name] = c.String(setting.Name)
		}
	}
	file := c.String("config")
	if file == "" {
		file = lookup(p.Env, "KONT_CONFIG")
	}
	settings, err := config.Load(config.Sources{File: file, Env: p.Env, Flags: given})
	if err != nil {
		return settings, usagef("`kont serve --help` explains every setting", "%w", err)
	}
	return settings, nil
}

// newLogger makes the node's log, on standard error.
func newLogger(settings config.Config, to io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: settings.LogLevel}
	if settings.LogFormat == config.LogFormatJSON {
		return slog.New(slog.NewJSONHandler(to, options))
	}
	return slog.New(slog.NewTextHandler(to, options))
}

// removeAll removes a temporary directory, and says so if it can't.
func removeAll(p Process, dir string) {
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintf(p.Err, "kont: remove %s: %v\n", dir, err)
	}
}
