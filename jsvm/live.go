package jsvm

import (
	"bytes"
	"container/list"

	"github.com/dop251/goja"

	"kont/jsvm/continuation"
)

// liveThread is a thread that has stayed, with all its objects, in the VM that ran its last step. They are what restoring its
// continuation would make, so the step that presents that very continuation need not restore it.
//
// Nobody but the VM's goroutine touches the objects. What else a step needs of the thread is in module scope and in the library, and belongs
// to the thread that runs: the module variables that differ are listed here and set anew, as they are for a restored thread, and
// the library is told by attach.
//
// Packages keep caches in their variables, where a thread may have put an object, or found one that another has put there. A restored thread has a copy of
// it; a live one would have the very object that the cache hands to the next. To find out would take a walk through all that the packages hold, at the
// end of every step, so a bundle with packages keeps no thread alive.
type liveThread struct {
	vm           *vm
	thread       string
	continuation []byte // a copy: what the host presents is compared with it, byte for byte
	root         *goja.Object
	module       []moduleBinding
	iterators    goja.Value // of Maps and Sets, part-way; undefined if there is none
	bytes        int        // about what all this takes
}

// liveThreads are the live threads of a pool, one at most for a key. Whoever has its mutex (shelf.mu) may use it.
type liveThreads struct {
	threadsMax, bytesMax int
	byThread             map[string]*list.Element
	order                list.List // of *liveThread, the one put last in front
	bytes                int
}

// take removes and returns the live thread of a key, nil if there is none. Whatever continuation the coming step presents, this one is the
// thread's last no more.
func (l *liveThreads) take(thread string) *liveThread {
	e, ok := l.byThread[thread]
	if !ok {
		return nil
	}
	return l.remove(e)
}

func (l *liveThreads) remove(e *list.Element) *liveThread {
	t := l.order.Remove(e).(*liveThread)
	delete(l.byThread, t.thread)
	l.bytes -= t.bytes
	return t
}

// put keeps a thread and gives up those that were put longest ago, if there are too many.
func (l *liveThreads) put(t *liveThread) {
	if t.bytes > l.bytesMax {
		return
	}
	l.take(t.thread) // from a step that ran at the same time, if a host does not keep to the rules
	l.byThread[t.thread] = l.order.PushFront(t)
	l.bytes += t.bytes
	for l.order.Len() > l.threadsMax || l.bytes > l.bytesMax {
		l.remove(l.order.Back())
	}
}

// forget gives up the threads that are alive in a VM.
func (l *liveThreads) forget(v *vm) {
	for e := l.order.Front(); e != nil; {
		next := e.Next()
		if e.Value.(*liveThread).vm == v {
			l.remove(e)
		}
		e = next
	}
}

// is reports whether a step goes on from where the thread is.
func (t *liveThread) is(data []byte) bool { return data != nil && bytes.Equal(t.continuation, data) }

// leave makes a live thread of the one that has just been saved, with its iterators at work, an array or undefined.
func (v *vm) leave(thread string, data []byte, root *goja.Object, changed []moduleBinding, atWork goja.Value) *liveThread {
	t := &liveThread{vm: v, thread: thread, continuation: bytes.Clone(data), root: root, module: changed, iterators: undefinedSelf, bytes: liveBytes(&v.heap.graph, len(data))}
	if list, ok := atWork.(*goja.Object); ok {
		// Restoring brings back those that the thread can reach, and only those: what a loop has left by `break` is garbage.
		var reachable []any
		for i := range lengthOf(list) {
			state, ok := list.Get(indexName(i)).(*goja.Object)
			if _, isSaved := v.heap.saver.ids[state]; ok && isSaved {
				reachable = append(reachable, state)
			}
		}
		if len(reachable) > 0 {
			t.iterators = v.rt.NewArray(reachable...)
		}
	}
	return t
}

// What an object and a property take in goja, about, and a live thread besides.
const (
	liveObjectBytes   = 600
	liveValueBytes    = 64
	liveOverheadBytes = 1024
)

// liveBytes is about what the objects of a graph take, whose continuation is so long.
func liveBytes(g *continuation.Graph, length int) int {
	return len(g.Nodes)*liveObjectBytes + g.Values()*liveValueBytes + 3*length + liveOverheadBytes
}

// again makes a live thread the VM's current one, but for what attach does, and returns its root.
func (v *vm) again(t *liveThread) (*goja.Object, error) {
	return t.root, v.module.apply(v, t.module)
}
