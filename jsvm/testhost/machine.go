package testhost

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
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

// machine is a pool with a clock and chance that a host sets. It serves one host at a time.
type machine struct {
	*program
	restore jsvm.Restore
	pool    *jsvm.Pool
	now     atomic.Int64 // Unix milliseconds
	chance  *rand.ChaCha8
	// isSpoilt: a step failed, and a VM may be at work yet.
	isSpoilt bool
}

// lease gives a machine for a host alone.
func (p *program) lease(restore jsvm.Restore, seed uint64) *machine {
	p.mu.Lock()
	var m *machine
	if idle := p.idle[restore]; len(idle) > 0 {
		m = idle[len(idle)-1]
		p.idle[restore] = idle[:len(idle)-1]
		p.bundles.idle.Add(-1)
	}
	p.mu.Unlock()
	if m == nil {
		m = &machine{program: p, restore: restore, chance: rand.NewChaCha8([32]byte{})}
		m.pool = jsvm.NewPool(p.bundle, jsvm.PoolOptions{
			VMsMax: 1, Restore: restore, Random: m.chance,
			Clock: func() time.Time { return time.UnixMilli(m.now.Load()) },
		})
	}
	m.chance.Seed(seedBytes(seed))
	return m
}

func seedBytes(seed uint64) (bytes [32]byte) {
	binary.LittleEndian.PutUint64(bytes[:], seed)
	return bytes
}

// release gives a machine back.
func (m *machine) release() {
	if m.isSpoilt || m.bundles.idle.Load() >= machinesIdleMax {
		m.pool.Close()
		return
	}
	m.bundles.idle.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.idle[m.restore] = append(m.idle[m.restore], m)
}

func (m *machine) step(ctx context.Context, now int64, in jsvm.Input) (jsvm.Effects, error) {
	m.now.Store(now)
	effects, err := m.pool.Step(ctx, in)
	if err != nil && !errors.Is(err, jsvm.ErrUnmatched) {
		m.isSpoilt = true
	}
	return effects, err
}

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
