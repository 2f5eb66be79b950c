package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"kont/jsvm"
)

// compileSource compiles a source file.
func compileSource(ctx context.Context, path string) (workflow, error) {
	app, err := compileWith(ctx, jsvm.CompileOptions{Entry: path})
	var refused *compileError
	if errors.As(err, &refused) {
		for i := range refused.diagnostics {
			refused.diagnostics[i].File = onDisk(path, refused.diagnostics[i].File)
		}
	}
	for i := range app.warnings {
		app.warnings[i].File = onDisk(path, app.warnings[i].File)
	}
	return app, err
}

// onDisk makes a module's path, which is relative to the project's root, one that
// an editor finds from here. The root is above the entry, or its directory.
func onDisk(entry, module string) string {
	if module == "" || filepath.IsAbs(module) {
		return module
	}
	for dir := filepath.Dir(entry); ; dir = filepath.Join(dir, "..") {
		candidate := filepath.Join(dir, filepath.FromSlash(module))
		if _, err := os.Stat(candidate); err == nil {
			return candidate
		}
		if absolute, err := filepath.Abs(dir); err != nil || filepath.Dir(absolute) == absolute {
			return module
		}
	}
}

// compileEmbedded compiles a workflow that is a part of this program.
func compileEmbedded(ctx context.Context, files fs.FS, entry string) (workflow, error) {
	return compileWith(ctx, jsvm.CompileOptions{Entry: entry, Files: files})
}

func compileWith(ctx context.Context, options jsvm.CompileOptions) (workflow, error) {
	bundle, err := jsvm.Compile(ctx, options)
	var refused *jsvm.CompileError
	if errors.As(err, &refused) {
		return workflow{}, &compileError{diagnosticsOf(refused.Diagnostics)}
	}
	if err != nil {
		return workflow{}, err
	}
	return workflowOf(bundle), nil
}

// warn prints what the compiler found odd, but not wrong.
func warn(p Process, app workflow) {
	for _, warning := range app.warnings {
		fmt.Fprintf(p.Err, "%s\n", warning)
	}
}

func decodeBundle(data []byte) (workflow, error) {
	bundle, err := jsvm.DecodeBundle(data)
	if err != nil {
		return workflow{}, err
	}
	return workflowOf(bundle), nil
}

func workflowOf(bundle *jsvm.Bundle) workflow {
	return workflow{
		bundle: bundle, encoded: bundle.Encode(), hash: bundle.Hash(),
		topics: append([]string{}, bundle.OutputTopics()...), sources: bundle.Inputs(), warnings: diagnosticsOf(bundle.Warnings()),
	}
}

// checkBundle tells what the awaits of a workflow keep; nothing for the stand-in of a test.
func checkBundle(ctx context.Context, app workflow) (*jsvm.Check, error) {
	if app.bundle == nil {
		return &jsvm.Check{Awaits: []jsvm.Await{}}, nil
	}
	return app.bundle.Check(ctx)
}

func diagnosticsOf(found []jsvm.Diagnostic) []diagnostic {
	diagnostics := []diagnostic{}
	for _, d := range found {
		diagnostics = append(diagnostics, diagnostic(d))
	}
	return diagnostics
}

// newStepper makes a stepper of a bundle, whose console goes to console. Requests
// come one after the other, so one VM is enough.
func newStepper(app workflow, console io.Writer) stepper {
	return poolStepper{jsvm.NewPool(app.bundle, jsvm.PoolOptions{VMsMax: 1}), console}
}

// poolStepper is the stepper of `kont step`.
type poolStepper struct {
	*jsvm.Pool
	console io.Writer
}

func (s poolStepper) step(ctx context.Context, thread string, stepID uint64, state, event []byte) ([]byte, []stepOutput, error) {
	effects, err := s.Step(ctx, jsvm.Input{Thread: thread, StepID: stepID, Continuation: state, Event: event})
	for _, line := range effects.Logs {
		fmt.Fprintf(s.console, "%s: thread %s, step %d: %s\n", line.Level, printable(thread), stepID, printable(line.Text))
	}
	if err != nil {
		return nil, nil, err
	}
	outputs := []stepOutput{}
	for _, output := range effects.Outputs {
		outputs = append(outputs, stepOutput{output.Topic, output.Key, string(output.Value)})
	}
	return effects.Continuation, outputs, nil
}
