package cli

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kont/jsvm"
)

// workflow is a compiled bundle, as the commands need it.
type workflow struct {
	bundle *jsvm.Bundle
	// encoded is what a deployment stores.
	encoded []byte
	hash    [32]byte
	// topics are the declared output topics.
	topics []string
	// sources are the paths of all files that went in, for watching.
	sources  []string
	warnings []diagnostic
}

func (w workflow) shortHash() string { return hex.EncodeToString(w.hash[:6]) }

// diagnostic is one finding of the compiler.
type diagnostic struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Text   string `json:"text"`
	Hint   string `json:"hint,omitempty"`
}

func (d diagnostic) String() string {
	text := d.Text
	if d.Hint != "" {
		text += "; " + d.Hint
	}
	switch {
	case d.File == "":
		return text
	case d.Line == 0:
		return fmt.Sprintf("%s: %s", d.File, text)
	default:
		return fmt.Sprintf("%s:%d:%d: %s", d.File, d.Line, d.Column, text)
	}
}

// compileError is the compiler's refusal.
type compileError struct{ diagnostics []diagnostic }

func (e *compileError) Error() string {
	lines := make([]string, len(e.diagnostics))
	for i, found := range e.diagnostics {
		lines[i] = found.String()
	}
	return strings.Join(lines, "\n")
}

var sourceExtensions = []string{".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs"}

func isSource(path string) bool {
	return slices.Contains(sourceExtensions, strings.ToLower(filepath.Ext(path)))
}

func isTypeScript(path string) bool {
	return slices.Contains([]string{".ts", ".tsx", ".mts", ".cts"}, strings.ToLower(filepath.Ext(path)))
}

// loadWorkflow compiles a source file, or reads a bundle that `kont build` wrote.
func loadWorkflow(ctx context.Context, p Process, path string) (workflow, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return workflow{}, failf("name a TypeScript file, or a bundle of `kont build`", "no file %s", path)
	case err != nil:
		return workflow{}, fmt.Errorf("read workflow: %w", err)
	case info.IsDir():
		return workflow{}, failf("name the file with the entry function, such as "+filepath.Join(path, "index.ts"), "%s is a directory", path)
	case isSource(path):
		return p.compile(ctx, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return workflow{}, fmt.Errorf("read bundle: %w", err)
	}
	bundle, err := decodeBundle(data)
	if err != nil {
		return workflow{}, failf("name a TypeScript file, or a bundle of this release's `kont build`", "read bundle %s: %w", path, err)
	}
	return bundle, nil
}

// appName is the name that a file gives to its deployment: orders.ts and
// orders/index.ts are "orders".
func appName(path string) string {
	absolute, err := filepath.Abs(path)
	if err != nil {
		absolute = path
	}
	name := strings.TrimSuffix(filepath.Base(absolute), filepath.Ext(absolute))
	if name == "index" || name == "main" {
		if parent := filepath.Base(filepath.Dir(absolute)); parent != "/" && parent != "." {
			name = parent
		}
	}
	return name
}
