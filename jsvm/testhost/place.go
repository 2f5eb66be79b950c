package testhost

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"kont/jsvm"
)

// onDisk makes a module's path, which is relative to the project's root, one that an editor finds from here. The root is above the entry, or its
// directory.
func onDisk(entry, module string) string {
	if module == "" || filepath.IsAbs(module) {
		return displayed(module)
	}
	for dir := filepath.Dir(entry); ; dir = filepath.Dir(dir) {
		candidate := filepath.Join(dir, filepath.FromSlash(module))
		if _, err := os.Stat(candidate); err == nil {
			return displayed(candidate)
		}
		if dir == filepath.Dir(dir) {
			return module
		}
	}
}

// displayed is a path as people would write it: relative to where they are, if that is shorter.
func displayed(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if relative, err := filepath.Rel(here, path); err == nil && len(relative) < len(path) {
		return relative
	}
	return path
}

// compileText is the refusal of a workflow with its places as paths.
func compileText(entry string, err error) error {
	var refused *jsvm.CompileError
	if !errors.As(err, &refused) {
		return fmt.Errorf("%s: %w", displayed(entry), err)
	}
	placed := &jsvm.CompileError{}
	for _, d := range refused.Diagnostics {
		d.File = onDisk(entry, d.File)
		placed.Diagnostics = append(placed.Diagnostics, d)
	}
	return placed
}
