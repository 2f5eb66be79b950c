package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	urfave "github.com/urfave/cli/v2"

	"kont/cli/client"
	"kont/server/config"
)

func devCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "dev", Category: categoryRun, ArgsUsage: "APP.ts",
		Usage: "run a node with a workflow, and deploy it anew when a source changes",
		Description: "Data stays under .kont, so threads live on from one run to the next. A source that\n" +
			"does not compile is shown with its lines, and the last one that did keeps running.",
		Flags: []urfave.Flag{
			&urfave.StringFlag{Name: "data", Usage: "`DIR` that holds the data", Value: ".kont"},
			&urfave.StringFlag{Name: "kafka-listen", Usage: "`ADDR` for Kafka clients; port 0 takes a free one", Value: config.Default().KafkaListen},
			&urfave.StringFlag{Name: "http-listen", Usage: "`ADDR` of the HTTP API", Value: config.Default().HTTPListen},
			&urfave.StringFlag{Name: "log-level", Usage: "`LEVEL` of the node's log", Value: "warn"},
			&urfave.StringFlag{Name: "resume-topic", Usage: "`TOPIC` of the workflow's events", Value: defaultResumeTopic},
			outputFlag(),
		},
		Action: func(c *urfave.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			settings, err := config.Load(config.Sources{Env: p.Env, Flags: devSettings(c, p)})
			if err != nil {
				return usagef("`kont dev --help` explains the flags", "%w", err)
			}
			d := &developer{p: p, out: newPrinter(c, p), path: c.Args().First(), topic: c.String("resume-topic")}
			return d.run(c.Context, settings)
		},
	}
}

// devSettings are the flags that were given, and the defaults of those that no
// variable gives either.
func devSettings(c *urfave.Context, p Process) map[string]string {
	flags := map[string]string{}
	for _, setting := range config.Settings() {
		switch setting.Name {
		case "data", "kafka-listen", "http-listen", "log-level":
			if c.IsSet(setting.Name) || lookup(p.Env, setting.Env()) == "" {
				flags[setting.Name] = c.String(setting.Name)
			}
		}
	}
	return flags
}

// developer holds one run of `kont dev`.
type developer struct {
	p      Process
	out    printer
	path   string
	topic  string
	server *client.Client
	// hash is of the bundle deployed last; zero before the first.
	hash [32]byte
	// sources are the files of the last bundle that compiled.
	sources []string
	// isBroken: the sources as they are now don't compile.
	isBroken bool
}

func (d *developer) run(ctx context.Context, settings config.Config) error {
	watch, err := newSourceWatch()
	if err != nil {
		return err
	}
	defer watch.Close()
	watch.follow(d.path, nil, false)
	running, err := d.p.startNode(ctx, settings, newLogger(settings, d.p.Err))
	if err != nil {
		return err
	}
	defer running.Close()
	if d.server, err = client.New(running.HTTPAddress()); err != nil {
		return err
	}
	if err := d.out.line(addressesOf(running, settings), fmt.Sprintf("Kafka  %s\nHTTP   http://%s\ndata   %s\n", running.KafkaAddress(), running.HTTPAddress(), settings.DataDir)); err != nil {
		return err
	}
	if d.redeploy(ctx) && !d.out.isJSON {
		d.printNext(settings, running)
	}
	for {
		watch.follow(d.path, d.sources, d.isBroken)
		select {
		case <-ctx.Done():
			return nil
		case <-running.Done():
			return failf("look at its log above", "the node has stopped: %w", running.Err())
		case err := <-watch.errors():
			slog.Warn("watch sources", "error", err)
		case <-watch.changed():
			// Directories that are new are watched before the compiler looks into them. Whether what changes while it
			// does belongs to the workflow is not known before it has ended.
			watch.follow(d.path, d.sources, true)
			d.redeploy(ctx)
		}
	}
}

// redeploy compiles and deploys; what goes wrong is printed, not returned, since
// the next save may mend it. It tells whether the workflow is deployed.
func (d *developer) redeploy(ctx context.Context) bool {
	began := time.Now()
	app, err := loadWorkflow(ctx, d.p, d.path)
	if d.isBroken = err != nil; d.isBroken {
		var refused *compileError
		if errors.As(err, &refused) && !d.out.isJSON {
			fmt.Fprintf(d.p.Err, "%s\n%s does not compile (%s); it is tried again when a source changes\n", refused, d.path, plural(len(refused.diagnostics), "problem"))
		} else {
			report(d.p, err)
		}
		return false
	}
	warn(d.p, app)
	d.sources = app.sources
	if app.hash == d.hash {
		return true
	}
	deployment, err := d.server.Deploy(ctx, appName(d.path), d.topic, app.encoded)
	if err != nil {
		report(d.p, err)
		return false
	}
	d.hash = app.hash
	text := fmt.Sprintf("%s deployed on %s (bundle %s, %d ms)", deployment.App, d.topic, app.shortHash(), time.Since(began).Milliseconds())
	return d.out.line(deployment, text) == nil
}

func (d *developer) printNext(settings config.Config, running node) {
	server := ""
	if running.HTTPAddress() != config.Default().HTTPListen {
		server = " --server " + running.HTTPAddress()
	}
	topic := topicArg(d.topic)
	lines := []string{
		"kont start my-key '{}'" + topic + server,
		"kont inspect my-key" + topic + server,
		"kont resume my-key REF '\"value\"'" + topic + server,
		"kont consume workflow-result --from-beginning" + server,
	}
	if dir := filepath.Dir(d.path); isTypeScript(d.path) && above(dir, typesName) == "" {
		lines = append(lines, "kont types "+dir+"   # lets an editor know `kont`")
	}
	fmt.Fprintf(d.p.Out, "\nTry, in another terminal:\n  %s\n\nChange %s and save to deploy it anew. Ctrl-C ends the node.\n", strings.Join(lines, "\n  "), d.path)
}
