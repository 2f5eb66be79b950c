package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"
	urfave "github.com/urfave/cli/v2"

	"kont/cli/client"
	"kont/server"
	"kont/server/config"
)

func backupCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "backup", Category: categoryRun, ArgsUsage: "FILE", Usage: "write all state of a node that runs to a file",
		Description: "The node goes on meanwhile. In a cluster any node can be asked: it finds out from the leader what was acknowledged\n" +
			"before, and has that first. The file is read back and its checksums are compared before the command ends.",
		Flags: append(httpFlags(),
			&urfave.BoolFlag{Name: "force", Usage: "replace a file that is there"},
			&urfave.BoolFlag{Name: "of-node", Usage: "what this node has, which may be old: for a node that is left of a cluster without a majority"}),
		Action: func(c *urfave.Context) error {
			if err := wantPath(c); err != nil {
				return err
			}
			server, err := newClient(c, p)
			if err != nil {
				return err
			}
			path := c.Args().First()
			if err := checkFree(c, path); err != nil {
				return err
			}
			index, bytes, err := backupTo(c, server, path)
			if err != nil {
				return err
			}
			return newPrinter(c, p).line(map[string]any{"file": path, "log_index": index, "bytes": bytes},
				fmt.Sprintf("%s has the state as of log index %d, %d bytes", path, index, bytes))
		},
	}
}

// wantPath refuses all but one argument that can name something.
func wantPath(c *urfave.Context) error {
	if err := wantArgs(c, 1, 1); err != nil || c.Args().First() != "" {
		return err
	}
	return usagef("see `"+c.Command.HelpName+" --help`", "%s is empty", c.Command.ArgsUsage)
}

// checkFree refuses a file that is there, unless it may be replaced.
func checkFree(c *urfave.Context, path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) && !c.Bool("force") {
		return failf("name another one, or add --force", "%s is there already", path)
	}
	return nil
}

// backupTo writes beside the file, and puts it in its place when it is whole and on disk. What is beside has a name of its own, so that two
// backups to one file do not write to each other's, and nobody else may read it.
func backupTo(c *urfave.Context, from *client.Client, path string) (index uint64, bytes int64, err error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return 0, 0, err
	}
	defer func() {
		err = errors.Join(err, file.Close())
		if err == nil {
			err = checkFree(c, path) // another one may have been made meanwhile
		}
		if err == nil {
			err = os.Rename(file.Name(), path)
		}
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
			return
		}
		err = syncDir(filepath.Dir(path))
	}()
	if index, err = from.Backup(c.Context, file, c.Bool("of-node")); err != nil {
		return 0, 0, err
	}
	if err := file.Sync(); err != nil {
		return 0, 0, err
	}
	if bytes, err = file.Seek(0, io.SeekCurrent); err != nil {
		return 0, 0, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return 0, 0, err
	}
	has, err := server.CheckBackup(bufio.NewReaderSize(file, 1<<20))
	if err == nil && has != index {
		err = fmt.Errorf("it is of log index %d, and the server said %d", has, index)
	}
	if err != nil {
		return 0, 0, failf("try again; look at the server's log", "backup of the server at %s is not whole: %w", from.Server(), err)
	}
	return index, bytes, nil
}

// syncDir makes the names in a directory durable.
func syncDir(path string) error {
	dir, err := vfs.Default.OpenDir(path) // a Sync that does nothing where there is none for directories
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func restoreCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "restore", Category: categoryRun, ArgsUsage: "FILE", Usage: "make a data directory from a backup",
		Description: "Start a node on it then, with the same --node-id. It is a cluster of its own, with a new id; give it a --raft-addr\n" +
			"and let the other nodes join it with empty directories.",
		Flags: []urfave.Flag{
			&urfave.StringFlag{Name: "data", Usage: "`DIR` to make, which is not there or empty", Value: config.Default().DataDir},
			&urfave.StringFlag{Name: "node-id", Usage: "`N`umber of the node", DefaultText: fmt.Sprint(config.Default().Cluster.NodeID)},
			outputFlag(),
		},
		Action: func(c *urfave.Context) error {
			if err := wantPath(c); err != nil {
				return err
			}
			settings, err := restoreConfig(c)
			if err != nil {
				return err
			}
			path := c.Args().First()
			file, err := os.Open(path)
			if err != nil {
				return err
			}
			defer file.Close()
			index, err := server.Restore(settings, bufio.NewReaderSize(file, 1<<20))
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			return newPrinter(c, p).line(map[string]any{"data": settings.DataDir, "log_index": index},
				fmt.Sprintf("%s has the state as of log index %d; start it with `kont serve --data %s --node-id %d`", settings.DataDir, index, settings.DataDir, settings.Cluster.NodeID))
		},
	}
}

// restoreConfig refuses what `kont serve` would.
func restoreConfig(c *urfave.Context) (settings server.Config, err error) {
	given := map[string]string{"data": c.String("data")}
	if c.IsSet("node-id") {
		given["node-id"] = c.String("node-id")
	}
	settings = offlineConfig(given["data"])
	if settings.Config, err = config.Load(config.Sources{Flags: given}); err != nil {
		return settings, usagef("see `kont restore --help`", "%w", err)
	}
	return settings, nil
}

func verifyCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "verify", Category: categoryRun, ArgsUsage: "DIR", Usage: "read all data of a node that is stopped, and check it",
		Flags: []urfave.Flag{outputFlag()},
		Action: func(c *urfave.Context) error {
			if err := wantPath(c); err != nil {
				return err
			}
			dir := c.Args().First()
			found, err := server.Verify(offlineConfig(dir), func(bytes int64) { fmt.Fprintf(p.Err, "%d MiB read\n", bytes>>20) })
			if err != nil {
				return failf(verifyHint(err), "%s: %w", filepath.Clean(dir), err)
			}
			hash := fmt.Sprintf("%x", found.State.Hash)
			rest := "\nhash of the state " + hash
			if found.State.Keys == 0 {
				hash, rest = "", "; there is no state, and a start makes it of the log"
			}
			return newPrinter(c, p).line(map[string]any{
				"node_id": found.NodeID, "cluster_id": found.ClusterID, "applied_index": found.State.AppliedIndex, "last_index": found.Log.LastIndex,
				"log_entries": found.Log.Entries, "keys": found.State.Keys, "batches": found.State.Batches, "bytes": found.State.Bytes, "hash": hash,
			}, fmt.Sprintf("node %d of cluster %s: log to index %d, state at %d, %d record batches in %d keys, all checksums right%s",
				found.NodeID, found.ClusterID, found.Log.LastIndex, found.State.AppliedIndex, found.State.Batches, found.State.Keys, rest))
		},
	}
}

// verifyHint is what to do about an error of Verify. To put back a backup is for data that is damaged.
func verifyHint(err error) string {
	switch {
	case server.IsInUse(err):
		return "`kont verify` is for a node that is stopped: stop it first"
	case errors.Is(err, server.ErrNoNode):
		return "name the directory that a node has as --data; a backup is checked when it is restored"
	case server.IsDamaged(err):
		return "put back a backup, or empty the directory and let the node join its cluster again"
	}
	return ""
}

// offlineConfig is for the data of a node that does not run.
func offlineConfig(dir string) server.Config {
	settings := server.Config{Config: config.Default(), Logger: slog.New(slog.DiscardHandler)}
	settings.DataDir = dir
	return settings
}
