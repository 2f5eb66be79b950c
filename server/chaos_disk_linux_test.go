package server_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// chaosDisk is a file system of a node's own, in a file, that can be full. Root can make one, on Linux.
type chaosDisk struct {
	dir     string
	isStuck bool
}

// chaosDiskBytes is more than a node needs in half an hour. The file has holes where nothing was written.
const chaosDiskBytes = 16 << 30

// newChaosDisk mounts one at dir. It returns nil where there can be none, and says why.
func newChaosDisk(t *testing.T, dir string) *chaosDisk {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Log("no disks that get full: not root")
		return nil
	}
	image := dir + ".ext4"
	file, err := os.Create(image)
	if err == nil {
		err = errors.Join(file.Truncate(chaosDiskBytes), file.Close(), os.MkdirAll(dir, 0o755))
	}
	if err != nil {
		t.Fatal(err)
	}
	// Without blocks that are root's alone, of which a node that root runs would live on.
	for _, command := range [][]string{{"mkfs.ext4", "-q", "-m", "0", "-E", "lazy_itable_init=1,nodiscard", image}, {"mount", "-o", "loop", image, dir}} {
		if output, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			os.Remove(image)
			t.Logf("no disks that get full: %v: %v: %s", command, err, output)
			return nil
		}
	}
	disk := &chaosDisk{dir: dir}
	t.Cleanup(func() {
		if disk.isStuck {
			if err := disk.release(); err != nil {
				t.Error(err)
			}
		}
		if t.Failed() { // what is left of it is kept elsewhere
			if output, err := exec.Command("cp", "-a", dir, dir+"-kept").CombinedOutput(); err != nil {
				t.Logf("keep %s: %v: %s", dir, err, output)
			}
		}
		if output, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount %s: %v: %s", dir, err, output)
		}
		os.Remove(image)
	})
	return disk
}

// hold lets nothing that writes or syncs come back until release.
func (d *chaosDisk) hold() error {
	d.isStuck = true
	return d.fsfreeze("--freeze")
}

func (d *chaosDisk) release() error {
	d.isStuck = false
	return d.fsfreeze("--unfreeze")
}

func (d *chaosDisk) fsfreeze(what string) error {
	if output, err := exec.Command("fsfreeze", what, d.dir).CombinedOutput(); err != nil {
		return fmt.Errorf("fsfreeze %s %s: %w: %s", what, d.dir, err, output)
	}
	return nil
}

func (d *chaosDisk) filler() string { return filepath.Join(d.dir, "filler") }

// fill leaves not one block.
func (d *chaosDisk) fill() error {
	file, err := os.Create(d.filler())
	if err != nil {
		return err
	}
	defer file.Close()
	const blockBytes = 4096
	var end int64
	for size := int64(chaosDiskBytes); size >= blockBytes; {
		err := syscall.Fallocate(int(file.Fd()), 0, end, size)
		switch {
		case err == nil:
			end += size
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.ENOSPC):
			size /= 2
		default:
			return fmt.Errorf("fill the disk at %s: %w", d.dir, err)
		}
	}
	return nil
}

func (d *chaosDisk) free() error { return os.Remove(d.filler()) }
