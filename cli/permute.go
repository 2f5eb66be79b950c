package cli

import (
	"regexp"
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"
)

var negativeNumber = regexp.MustCompile(`^-[0-9.]`)

// permute moves the flags of a command before its arguments.
//
//	start order-1 {} -o json   becomes   start -o json -- order-1 {}
//
// The parser in use stops at the first argument, so `kont start KEY JSON -o json`
// would take -o for an argument. A negative number is an argument, as it is a
// JSON value; what follows "--" is too.
func permute(commands []*urfave.Command, args []string) []string {
	var names []string
	var command *urfave.Command
	for len(args) > 0 {
		next := slices.IndexFunc(commands, func(c *urfave.Command) bool { return c.HasName(args[0]) })
		if next < 0 {
			break
		}
		command = commands[next]
		commands = command.Subcommands
		names = append(names, args[0])
		args = args[1:]
	}
	if command == nil || len(command.Subcommands) > 0 && command.Action == nil {
		return append(names, args...)
	}
	if len(command.Subcommands) > 0 && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		return append(append(names, "--"), args...) // no such command, whatever its flags
	}
	var flags, positional []string
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			positional = append(positional, args...)
			break
		}
		if len(arg) < 2 || arg[0] != '-' || negativeNumber.MatchString(arg) {
			positional = append(positional, arg)
			continue
		}
		if arg == "--help" || arg == "-h" {
			return append(names, arg) // with an argument, the library looks for help on that
		}
		flags = append(flags, arg)
		if !strings.Contains(arg, "=") && takesValue(command, strings.TrimLeft(arg, "-")) && len(args) > 0 {
			flags = append(flags, args[0])
			args = args[1:]
		}
	}
	permuted := append(names, flags...)
	if len(positional) > 0 {
		permuted = append(append(permuted, "--"), positional...)
	}
	return permuted
}

func takesValue(command *urfave.Command, name string) bool {
	for _, flag := range command.Flags {
		if slices.Contains(flag.Names(), name) {
			_, isSwitch := flag.(*urfave.BoolFlag)
			return !isSwitch
		}
	}
	return false
}
