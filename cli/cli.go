package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	urfave "github.com/urfave/cli/v2"
	"github.com/xrash/smetrics"

	"kont/server/config"
)

// The exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// Process is what a command has of its surroundings.
type Process struct {
	// Args are the arguments without the program's name.
	Args []string
	// Env holds NAME=value.
	Env []string
	In  io.Reader
	Out io.Writer
	Err io.Writer

	// compile and startNode stand in for the compiler and the server in tests;
	// nil for the real ones.
	compile   func(ctx context.Context, path string) (workflow, error)
	startNode func(ctx context.Context, settings config.Config, log *slog.Logger) (node, error)
}

// withDefaults fills in the real compiler and the real server.
func (p Process) withDefaults() Process {
	if p.compile == nil {
		p.compile = compileSource
	}
	if p.startNode == nil {
		p.startNode = startNode
	}
	return p
}

// Main runs the command that p.Args name and returns its exit code. A command
// that serves returns when ctx is done.
func Main(ctx context.Context, p Process) int {
	p = p.withDefaults()
	commands := commandsOf(p)
	app := &urfave.App{
		Name:     "kont",
		Usage:    "durable TypeScript workflows, spoken to through Kafka",
		Commands: commands,
		Reader:   p.In, Writer: p.Out, ErrWriter: p.Err,
		HideVersion:          true,
		Suggest:              true,
		EnableBashCompletion: true,
		ExitErrHandler:       func(*urfave.Context, error) {}, // Main alone prints errors and exits
		OnUsageError:         usageError,
		CommandNotFound:      nil,
		Action: func(c *urfave.Context) error {
			if c.Args().Present() {
				return noCommand(c.Args().First(), "", commands)
			}
			return urfave.ShowAppHelp(c)
		},
		CustomAppHelpTemplate: appHelp(commands),
	}
	prepare(app.Commands)
	args := append([]string{app.Name}, permute(app.Commands, p.Args)...)
	err := app.RunContext(ctx, args)
	if err == nil {
		return exitOK
	}
	return report(p, err)
}

// commandsOf lists the commands in the order of the help.
func commandsOf(p Process) []*urfave.Command {
	return []*urfave.Command{
		demoCommand(p), devCommand(p), serveCommand(p), clusterCommand(p), backupCommand(p), restoreCommand(p), verifyCommand(p),
		typesCommand(p), checkCommand(p), testCommand(p), compileCommand(p), buildCommand(p), stepCommand(p), deployCommand(p),
		startCommand(p), resumeCommand(p), threadsCommand(p), inspectCommand(p), unmatchedCommand(p), retryCommand(p), deleteCommand(p),
		produceCommand(p), consumeCommand(p), topicsCommand(p),
		benchCommand(p), versionCommand(p),
	}
}

// noCommand says that there is no such command, and which one may have been meant.
func noCommand(name, parent string, commands []*urfave.Command) error {
	hint := strings.TrimSpace("list the commands with `kont " + parent)
	hint += " --help`"
	for _, command := range commands {
		isNear := strings.HasPrefix(command.Name, name) || strings.HasPrefix(name, command.Name) || smetrics.WagnerFischer(name, command.Name, 1, 1, 1) <= 2
		if isNear && name != "" {
			hint = "did you mean `kont " + strings.TrimSpace(parent+" "+command.Name) + "`?"
			break
		}
	}
	return usagef(hint, "no command %q", strings.TrimSpace(parent+" "+name))
}

// prepare sets what all commands have in common.
func prepare(commands []*urfave.Command) {
	for _, command := range commands {
		command.OnUsageError = usageError
		command.HideHelpCommand = true
		command.CustomHelpTemplate = commandHelp
		for _, flag := range command.Flags {
			if isSwitch, ok := flag.(*urfave.BoolFlag); ok {
				isSwitch.DisableDefaultText = true
			}
		}
		prepare(command.Subcommands)
	}
}

// commandHelp is a template of the help of one command.
const commandHelp = `{{.HelpName}}: {{.Usage}}

  {{.HelpName}}{{if .ArgsUsage}} {{.ArgsUsage}}{{end}} [flags]
{{if .Description}}
{{.Description}}
{{end}}{{if .VisibleCommands}}
Commands{{template "visibleCommandTemplate" .}}
{{end}}
Flags{{template "visibleFlagTemplate" .}}
`

// The categories of the help, in its order.
const (
	categoryRun     = "Run a node"
	categoryAuthor  = "Write workflows"
	categoryThreads = "Threads"
	categoryRecords = "Records"
	categoryOther   = "Other"
)

// appHelp is a template of the help's text. The parser in use would sort the
// categories by name.
func appHelp(commands []*urfave.Command) string {
	var help strings.Builder
	help.WriteString(`kont: {{.Usage}}

  kont demo trip-booking-saga     watch a workflow run, node and client included
  kont dev APP.ts                 work on one of your own
`)
	category := ""
	for _, command := range commands {
		if command.Category != category {
			category = command.Category
			fmt.Fprintf(&help, "\n%s\n", category)
		}
		fmt.Fprintf(&help, "  %-9s  %s\n", command.Name, command.Usage)
	}
	help.WriteString("\n'kont COMMAND --help' says more about one.\n")
	return help.String()
}
