package jsvm

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/dop251/goja"
)

// world is what a VM has of time and chance, where they are not the real ones.
type world struct {
	clock  func() time.Time
	random *lockedSource
}

func worldOf(o PoolOptions) world {
	w := world{clock: o.Clock}
	if o.Random != nil {
		w.random = &lockedSource{source: o.Random}
	}
	return w
}

func (w world) install(rt *goja.Runtime) {
	if w.clock != nil {
		rt.SetTimeSource(w.clock)
	}
	if w.random != nil {
		rt.SetRandSource(rand.New(w.random).Float64)
	}
}

// bytes is where crypto takes its bytes from; nil for true chance.
func (w world) bytes() func([]byte) {
	if w.random == nil {
		return nil
	}
	return func(bytes []byte) {
		for len(bytes) > 0 {
			var word [8]byte
			binary.LittleEndian.PutUint64(word[:], w.random.Uint64())
			bytes = bytes[copy(bytes, word[:]):]
		}
	}
}

// loading is the world for a VM that loads; ask is called when module code asks for the time or for chance. It is over with a call of loaded.
func (w world) loading(ask func()) (during world, loaded func()) {
	isLoading := true
	asked := func() {
		if isLoading {
			ask()
		}
	}
	during = w
	if w.clock != nil {
		during.clock = func() time.Time { asked(); return w.clock() }
	}
	if w.random != nil {
		during.random = &lockedSource{source: askedSource{w.random, asked}}
	}
	return during, func() { isLoading = false }
}

type askedSource struct {
	rand.Source
	asked func()
}

func (s askedSource) Uint64() uint64 {
	s.asked()
	return s.Source.Uint64()
}

// lockedSource is a source that the VMs of a pool share.
type lockedSource struct {
	mu     sync.Mutex // guards source
	source rand.Source
}

func (s *lockedSource) Uint64() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.source.Uint64()
}
