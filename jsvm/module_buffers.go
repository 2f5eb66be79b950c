package jsvm

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/dop251/goja"
)

// packageBuffer is an ArrayBuffer at module level of a package.
//
// Packages keep a pool of random bytes in one and how much of it is used in a variable. The variable is a thread's own; with the
// bytes of another thread, or of a VM that has never filled the pool, it would hand out ids twice, or of zeros. So where a thread has changed variables
// of a module, the bytes of that module's buffers go with it. Where it has not, they are scratch space, and are put back.
type packageBuffer struct {
	name   string
	module string
	live   []byte
	loaded []byte
}

// packageBufferBytesMax bounds the buffers that go with a thread; larger ones are left to the VM, as caches are.
const packageBufferBytesMax = 16 << 10

// bufferSuffix ends the name of a binding with the bytes of a buffer.
const bufferSuffix = "#bytes"

// keepBuffer takes a buffer that a package's variables lead to, as it is just after loading.
func (m *moduleState) keepBuffer(name string, o *goja.Object) {
	live := o.Export().(goja.ArrayBuffer).Bytes()
	if len(live) > packageBufferBytesMax {
		return
	}
	module, _, _ := strings.Cut(strings.TrimPrefix(name, "%module:"), ":")
	m.packageBuffers = append(m.packageBuffers, packageBuffer{name, module, live, bytes.Clone(live)})
}

func (m *moduleState) resetBuffers() {
	for i := range m.packageBuffers {
		if b := &m.packageBuffers[i]; !bytes.Equal(b.live, b.loaded) {
			copy(b.live, b.loaded)
		}
	}
}

// changedBuffers lists the buffers of modules whose variables are in changed.
func (m *moduleState) changedBuffers(v *vm, changed []moduleBinding) (buffers []moduleBinding) {
	for i := range m.packageBuffers {
		b := &m.packageBuffers[i]
		if bytes.Equal(b.live, b.loaded) {
			continue
		}
		for _, c := range changed {
			if strings.HasPrefix(c.name, b.module+":") {
				buffers = append(buffers, moduleBinding{b.name + bufferSuffix, v.rt.ToValue(v.rt.NewArrayBuffer(bytes.Clone(b.live)))})
				break
			}
		}
	}
	return buffers
}

// applyBuffer gives a buffer the bytes that a thread has kept.
func (m *moduleState) applyBuffer(name string, value goja.Value) error {
	for i := range m.packageBuffers {
		if b := &m.packageBuffers[i]; b.name == name {
			o, ok := value.(*goja.Object)
			if ok {
				if kept, isBuffer := o.Export().(goja.ArrayBuffer); isBuffer && len(kept.Bytes()) == len(b.live) {
					copy(b.live, kept.Bytes())
					return nil
				}
			}
			return &IncompatibleError{fmt.Sprintf("the buffer %s has %d bytes in the bundle", name, len(b.live))}
		}
	}
	return &IncompatibleError{fmt.Sprintf("the bundle has no buffer %s", name)}
}
