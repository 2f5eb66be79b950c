package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	urfave "github.com/urfave/cli/v2"
)

// Version is what this source calls itself; a release changes it.
const Version = "0.1.0-dev"

func versionCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "version", Category: categoryOther, Usage: "print the version",
		Flags: []urfave.Flag{outputFlag()},
		Action: func(c *urfave.Context) error {
			if err := wantArgs(c, 0, 0); err != nil {
				return err
			}
			version := map[string]string{"version": Version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
			text := fmt.Sprintf("kont %s (%s, %s/%s)", Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, setting := range info.Settings {
					if setting.Key == "vcs.revision" {
						version["revision"] = setting.Value
						text += " " + setting.Value[:min(12, len(setting.Value))]
					}
				}
			}
			return newPrinter(c, p).line(version, text)
		},
	}
}
