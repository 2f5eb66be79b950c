package runner

import (
	"container/list"
	"errors"
	"fmt"
	"sync"

	"kont/statemachine/command"
)

// storeError is a failure of the node, not of the step that met it.
type storeError struct{ err error }

func (e *storeError) Error() string { return e.err.Error() }
func (e *storeError) Unwrap() error { return e.err }

// bundles keeps the programs of the bundles used last. One that is in use when it
// has to go is closed by its last user.
type bundles struct {
	store  Store
	engine Engine
	max    int

	mutex sync.Mutex
	// The mutex guards all that follows, and the users of entries.
	entries map[command.BundleHash]*bundleEntry
	// order has the entries, the one used last in front.
	order list.List
}

type bundleEntry struct {
	hash    command.BundleHash
	element *list.Element
	// users counts those that have acquired it, and one for being in entries.
	users int
	// loaded is closed once program or err is set.
	loaded  chan struct{}
	program Program
	err     error
}

func newBundles(store Store, engine Engine, max int) *bundles {
	b := &bundles{store: store, engine: engine, max: max, entries: map[command.BundleHash]*bundleEntry{}}
	b.order.Init()
	return b
}

// acquire returns a bundle's program, loading it if need be; release gives it
// back. A *storeError is a failure of the node; any other error is the bundle's.
func (b *bundles) acquire(hash command.BundleHash) (program Program, release func(), err error) {
	b.mutex.Lock()
	entry := b.entries[hash]
	isFirst := entry == nil
	if isFirst {
		entry = &bundleEntry{hash: hash, users: 1, loaded: make(chan struct{})}
		b.entries[hash] = entry
		entry.element = b.order.PushFront(entry)
		for b.order.Len() > b.max {
			b.removeLocked(b.order.Back().Value.(*bundleEntry))
		}
	} else {
		b.order.MoveToFront(entry.element)
	}
	entry.users++
	b.mutex.Unlock()

	if isFirst {
		entry.program, entry.err = b.load(hash)
		close(entry.loaded)
		if entry.err != nil {
			// Not kept: the next one tries again.
			b.mutex.Lock()
			b.removeLocked(entry)
			b.mutex.Unlock()
		}
	} else {
		<-entry.loaded
	}
	if entry.err != nil {
		b.release(entry)
		return nil, nil, entry.err
	}
	return entry.program, func() { b.release(entry) }, nil
}

func (b *bundles) load(hash command.BundleHash) (program Program, err error) {
	data, exists, err := b.store.Bundle(hash)
	if err != nil {
		return nil, &storeError{fmt.Errorf("read bundle %x: %w", hash[:8], err)}
	}
	if !exists {
		return nil, fmt.Errorf("bundle %x is not in the store", hash[:8])
	}
	defer func() {
		if panicked := recover(); panicked != nil {
			program, err = nil, fmt.Errorf("load bundle %x: engine panicked: %v", hash[:8], panicked)
		}
	}()
	program, err = b.engine.Load(data)
	if err != nil {
		return nil, fmt.Errorf("load bundle %x: %w", hash[:8], err)
	}
	if program == nil {
		return nil, errors.New("engine loaded nothing")
	}
	return program, nil
}

// removeLocked forgets an entry; the mutex is held.
func (b *bundles) removeLocked(entry *bundleEntry) {
	if b.entries[entry.hash] != entry {
		return
	}
	delete(b.entries, entry.hash)
	b.order.Remove(entry.element)
	b.dropLocked(entry)
}

func (b *bundles) release(entry *bundleEntry) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.dropLocked(entry)
}

func (b *bundles) dropLocked(entry *bundleEntry) {
	entry.users--
	if entry.users == 0 && entry.program != nil {
		entry.program.Close()
	}
}

// close forgets all; programs in use are closed by their users.
func (b *bundles) close() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for _, entry := range b.entries {
		b.removeLocked(entry)
	}
}
