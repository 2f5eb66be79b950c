package runner

import (
	"container/list"
	"sync"

	"kont/statemachine/command"
)

// cacheEntryBytes is about what an entry takes besides its strings and bytes.
const cacheEntryBytes = 256

// threadCache remembers the states of the suspended threads that were committed
// last, so that a thread's next event need not read it from the store.
//
// It may be behind: someone may have deleted a thread. A step that continues from
// such a state is stale, which Apply finds by its PreviousStepID; the thread is
// forgotten then and read again.
type threadCache struct {
	bytesMax int

	mutex sync.Mutex
	// The mutex guards all that follows. order has the entries, the one used last
	// in front.
	entries map[threadID]*list.Element
	order   list.List
	bytes   int
}

type cacheEntry struct {
	id    threadID
	state state
	bytes int
}

func newThreadCache(bytesMax int) *threadCache {
	return &threadCache{bytesMax: bytesMax, entries: map[threadID]*list.Element{}}
}

// get returns a thread's state if it is remembered.
func (c *threadCache) get(id threadID) (state, bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	element := c.entries[id]
	if element == nil {
		return state{}, false
	}
	c.order.MoveToFront(element)
	return element.Value.(*cacheEntry).state, true
}

// put remembers a committed state, or forgets the thread if it is not suspended.
func (c *threadCache) put(id threadID, s state) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.removeLocked(id)
	if s.status != command.ThreadSuspended {
		return
	}
	entry := &cacheEntry{id: id, state: s, bytes: cacheEntryBytes + len(id.key) + len(s.continuation)}
	for _, ref := range s.refs {
		entry.bytes += len(ref) + 16
	}
	if entry.bytes > c.bytesMax {
		return
	}
	c.bytes += entry.bytes
	c.entries[id] = c.order.PushFront(entry)
	for c.bytes > c.bytesMax {
		c.removeLocked(c.order.Back().Value.(*cacheEntry).id)
	}
}

// forget makes the next event of a thread read it from the store.
func (c *threadCache) forget(id threadID) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.removeLocked(id)
}

func (c *threadCache) removeLocked(id threadID) {
	element := c.entries[id]
	if element == nil {
		return
	}
	c.bytes -= element.Value.(*cacheEntry).bytes
	c.order.Remove(element)
	delete(c.entries, id)
}
