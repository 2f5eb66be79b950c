package kafkacompat

import (
	"encoding/binary"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// writeChunkBytes is what a client must accept within Config.WriteTimeout.
	writeChunkBytes = 256 << 10
	// keepBufferBytesMax is the largest response buffer that is used again.
	keepBufferBytesMax = 64 << 10
	// shareBytesMin is from where on a record batch is written from where it is,
	// rather than copied.
	shareBytesMin = 16 << 10
)

// outgoing holds answers that are not written yet.
type outgoing struct {
	// buffer is the answers without what is shared.
	buffer []byte
	shared []sharedBytes
	// sharedBytes is the size of all that is shared.
	sharedBytes int
}

// sharedBytes stand in the answers before buffer[at].
type sharedBytes struct {
	at    int
	bytes []byte
}

// buffers are the buffers of connections that have nothing to write, so that an
// idle connection has none.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// take begins with an empty buffer. give must follow.
func (o *outgoing) take() {
	o.buffer = (*buffers.Get().(*[]byte))[:0]
}

func (o *outgoing) give() {
	if cap(o.buffer) <= keepBufferBytesMax {
		buffer := o.buffer[:0]
		buffers.Put(&buffer)
	}
	*o = outgoing{}
}

// append adds an answer with its frame and header, and returns its size.
func (o *outgoing) append(correlation int32, response kmsg.Response) (bytes int) {
	start, sharedStart := len(o.buffer), o.sharedBytes
	o.buffer = append(o.buffer, 0, 0, 0, 0)
	o.buffer = binary.BigEndian.AppendUint32(o.buffer, uint32(correlation))
	// ApiVersions answers with the old header always: a client that asks for
	// versions doesn't know yet which header the broker writes (KIP-511).
	if response.IsFlexible() && response.Key() != keyApiVersions {
		o.buffer = append(o.buffer, 0)
	}
	if fetched, ok := response.(*kmsg.FetchResponse); ok {
		o.appendFetch(fetched)
	} else {
		o.buffer = response.AppendTo(o.buffer)
	}
	bytes = len(o.buffer) - start + o.sharedBytes - sharedStart
	binary.BigEndian.PutUint32(o.buffer[start:], uint32(bytes-4))
	return bytes
}

// share adds bytes that nobody will write into. Few are copied.
func (o *outgoing) share(bytes []byte) {
	if len(bytes) < shareBytesMin {
		o.buffer = append(o.buffer, bytes...)
		return
	}
	o.shared = append(o.shared, sharedBytes{len(o.buffer), bytes})
	o.sharedBytes += len(bytes)
}

// writeTo writes everything. A client that doesn't read is given up after the
// timeout.
func (o *outgoing) writeTo(conn net.Conn, timeout time.Duration) error {
	pieces := make(net.Buffers, 0, 2*len(o.shared)+1)
	at := 0
	for _, s := range o.shared {
		pieces = append(pieces, o.buffer[at:s.at])
		for chunk := s.bytes; len(chunk) > 0; chunk = chunk[min(len(chunk), writeChunkBytes):] {
			pieces = append(pieces, chunk[:min(len(chunk), writeChunkBytes)])
		}
		at = s.at
	}
	pieces = append(pieces, o.buffer[at:])
	for len(pieces) > 0 {
		// As many pieces as make a chunk go out in one system call.
		count, bytes := 1, len(pieces[0])
		for count < len(pieces) && bytes+len(pieces[count]) <= writeChunkBytes {
			bytes += len(pieces[count])
			count++
		}
		if err := conn.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
			return err
		}
		some := pieces[:count:count]
		if _, err := some.WriteTo(conn); err != nil {
			return err
		}
		pieces = pieces[count:]
	}
	o.buffer, o.shared, o.sharedBytes = o.buffer[:0], nil, 0
	return nil
}
