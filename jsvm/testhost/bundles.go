package testhost

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"kont/jsvm"
)

// Bundles holds compiled workflows, each once: the tests of a run share them. It is safe for concurrent use.
type Bundles struct {
	mu      sync.Mutex // guards loading
	loading map[string]func() (*program, error)

	idle atomic.Int64 // machines of all programs
}

// machinesIdleMax bounds the machines that wait for another host: each has two VMs, of some hundred KiB.
const machinesIdleMax = 64

// NewBundles makes an empty cache.
func NewBundles() *Bundles { return &Bundles{loading: map[string]func() (*program, error){}} }

// program is a compiled workflow with the machines that are idle.
type program struct {
	bundles *Bundles
	bundle  *jsvm.Bundle
	inputs  []Input

	mu   sync.Mutex // guards idle
	idle map[jsvm.Restore][]*machine
}

// compile compiles the workflow of a file, if that has not been done.
func (b *Bundles) compile(ctx context.Context, path string) (*program, error) {
	b.mu.Lock()
	load := b.loading[path]
	if load == nil {
		load = sync.OnceValues(func() (*program, error) {
			began := time.Now()
			// Others may wait for it: it goes on when the test that came first is over.
			bundle, inputs, err := readWorkflow(context.WithoutCancel(ctx), path)
			if err != nil {
				return nil, err
			}
			return &program{bundles: b, bundle: bundle, inputs: inputsOf(inputs, began), idle: map[jsvm.Restore][]*machine{}}, nil
		})
		b.loading[path] = load
	}
	b.mu.Unlock()
	return load()
}

// bundleExtension is that of what `kont build` writes.
const bundleExtension = ".kont"

// readWorkflow compiles a source file, or reads a bundle, such as that of an older version.
func readWorkflow(ctx context.Context, path string) (bundle *jsvm.Bundle, inputs []string, err error) {
	if filepath.Ext(path) != bundleExtension {
		if bundle, err = jsvm.Compile(ctx, jsvm.CompileOptions{Entry: path}); err == nil {
			inputs = bundle.Inputs()
		}
		return bundle, inputs, err
	}
	data, err := os.ReadFile(path)
	if err == nil {
		bundle, err = jsvm.DecodeBundle(data)
	}
	return bundle, []string{path}, err
}

// inputsOf are the files that went into the workflow of an entry file; false if they are not known, since it did not compile.
func (b *Bundles) inputsOf(path string) ([]Input, bool) {
	b.mu.Lock()
	load := b.loading[path]
	b.mu.Unlock()
	if load != nil {
		if p, err := load(); err == nil {
			return p.inputs, true
		}
	}
	return nil, false
}

// Refresh forgets the workflows whose sources have changed since they were compiled, and those that did not compile. No run may be going on.
func (b *Bundles) Refresh() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for path, load := range b.loading {
		p, err := load()
		if err == nil && !slices.ContainsFunc(p.inputs, Input.HasChanged) {
			continue
		}
		delete(b.loading, path)
		if err == nil {
			p.close()
		}
	}
}

// Close drops all VMs.
func (b *Bundles) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, load := range b.loading {
		if p, err := load(); err == nil {
			p.close()
		}
	}
	clear(b.loading)
}

func (p *program) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, machines := range p.idle {
		for _, m := range machines {
			m.pool.Close()
			p.bundles.idle.Add(-1)
		}
	}
	clear(p.idle)
}
