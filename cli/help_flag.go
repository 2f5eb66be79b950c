package cli

import (
	"flag"

	urfave "github.com/urfave/cli/v2"
)

// helpFlag is the flag --help. The library has one for all commands, which notes in itself that it was applied; where two commands begin at once in one process, as
// in tests, both would write there.
type helpFlag struct{ *urfave.BoolFlag }

func init() {
	if shared, ok := urfave.HelpFlag.(*urfave.BoolFlag); ok {
		urfave.HelpFlag = helpFlag{shared}
	}
}

// Apply adds a copy of the flag.
func (f helpFlag) Apply(set *flag.FlagSet) error {
	own := *f.BoolFlag
	return own.Apply(set)
}
