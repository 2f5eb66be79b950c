package testhost

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"kont/jsvm"
)

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

// release gives a machine back. Where module code asks for the time or chance, the next host needs VMs that load by its own.
func (m *machine) release() {
	if m.isSpoilt || m.pool.LoadsByChance() || m.bundles.idle.Load() >= machinesIdleMax {
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
