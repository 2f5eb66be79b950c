package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"kont/cli/client"
	"kont/server/api"
)

// failure is an error with a way out and an exit code.
type failure struct {
	cause error
	hint  string
	code  int
}

func (f *failure) Error() string {
	if f.hint == "" {
		return f.cause.Error()
	}
	return f.cause.Error() + "; " + f.hint
}

func (f *failure) Unwrap() error { return f.cause }

// failf is a failure with a hint; the format may wrap with %w.
func failf(hint, format string, args ...any) error {
	return &failure{cause: fmt.Errorf(format, args...), hint: hint, code: exitFailure}
}

// usagef is a wrong use of the command line.
func usagef(hint, format string, args ...any) error {
	return &failure{cause: fmt.Errorf(format, args...), hint: hint, code: exitUsage}
}

// usageError takes the flag parser's errors.
func usageError(c *urfave.Context, err error, _ bool) error {
	name := "kont"
	if c.Command != nil && c.Command.HelpName != "" {
		name = c.Command.HelpName
	}
	return usagef("see `"+name+" --help`", "%s", flagText(err.Error()))
}

var flagErrors = []struct {
	pattern *regexp.Regexp
	text    string
}{
	{regexp.MustCompile(`^flag provided but not defined: --?(.*)$`), "no such flag: --$1"},
	{regexp.MustCompile(`^flag needs an argument: --?(.*)$`), "--$1 needs a value"},
	{regexp.MustCompile(`^invalid (?:boolean )?value (".*") for (?:flag )?--?([^:]*): .*$`), "--$2 can't be $1"},
}

// flagText puts the flag parser's errors in our words. It names every flag with
// one dash.
func flagText(text string) string {
	for _, known := range flagErrors {
		if known.pattern.MatchString(text) {
			text = known.pattern.ReplaceAllString(text, known.text)
			break
		}
	}
	return shortFlag.ReplaceAllString(text, "-$1$2")
}

// shortFlag is a flag of one letter after two dashes.
var shortFlag = regexp.MustCompile(`--(\w)( |$)`)

// errQuiet ends a command with exitFailure when it has said everything already.
var errQuiet = errors.New("said already")

// report prints err and returns the exit code.
func report(p Process, err error) int {
	code, message, hint := exitFailure, err.Error(), ""
	var f *failure
	var refusal *api.Error
	var noServer *client.NoServerError
	switch {
	case errors.Is(err, errQuiet):
		return exitFailure
	case errors.As(err, &f):
		code, message, hint = f.code, f.cause.Error(), f.hint
	case errors.As(err, &refusal):
		hint = refusal.Hint
	case errors.As(err, &noServer):
		hint = hintStartServer
	case errors.Is(err, context.Canceled):
		message = "interrupted"
	}
	if wantsJSON(p.Args) {
		line, err := json.Marshal(map[string]string{"error": message, "hint": hint})
		if err == nil {
			fmt.Fprintf(p.Err, "%s\n", line)
			return code
		}
	}
	var refused *compileError
	if errors.As(err, &refused) || strings.Contains(message, "\n") { // lines that begin with a place
		fmt.Fprintf(p.Err, "%s\n", message)
		if hint != "" {
			fmt.Fprintf(p.Err, "kont: %s\n", hint)
		}
		return code
	}
	if hint != "" {
		message += "; " + hint
	}
	fmt.Fprintf(p.Err, "kont: %s\n", message)
	return code
}

// wantsJSON looks for -o json where the flags may not have been parsed.
func wantsJSON(args []string) bool {
	for i, arg := range args {
		switch {
		case arg == "--":
			return false
		case arg == "-o=json", arg == "--output=json":
			return true
		case arg == "-o", arg == "--output":
			if slices.Contains(args[i+1:min(i+2, len(args))], formatJSON) {
				return true
			}
		}
	}
	return false
}
