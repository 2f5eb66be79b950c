package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// headerBytesMin is the shortest header: key, version, correlation id and the
// length of a client id. Kafka has one request with less (ControlledShutdown v0),
// which no client sends.
const headerBytesMin = 10

// frameGrowthBytes is what is taken for a frame before any of its bytes came. A
// size field costs a stranger four bytes to send; memory follows the bytes that
// really arrive.
const frameGrowthBytes = 64 << 10

// ErrMalformed: the bytes are no request. There is nothing to answer; close the
// connection.
var ErrMalformed = errors.New("malformed request")

// ReadSize reads the size of the next frame and peeks at its key. It returns
// io.EOF if the connection ended between frames. Whether the size is allowed, the
// caller decides, before it calls ReadFrame.
func ReadSize(r *bufio.Reader) (bytes int, key int16, err error) {
	prefix, err := r.Peek(6)
	if err != nil {
		if errors.Is(err, io.EOF) && len(prefix) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return 0, 0, err
	}
	size := int32(binary.BigEndian.Uint32(prefix))
	key = int16(binary.BigEndian.Uint16(prefix[4:]))
	if size < headerBytesMin {
		return 0, key, fmt.Errorf("%w: frame of %d bytes, a header has at least %d", ErrMalformed, size, headerBytesMin)
	}
	_, err = r.Discard(4)
	return int(size), key, err
}

// ReadFrame reads a frame of the size that ReadSize returned. The memory that it
// takes is at most twice what has arrived, or 64 KiB. It asks grow before it takes
// more; an error ends the reading.
func ReadFrame(r *bufio.Reader, bytes int, grow func(bytes int) error) ([]byte, error) {
	var frame []byte
	read := 0
	for {
		size := min(bytes, max(frameGrowthBytes, 2*len(frame)))
		if err := grow(size - len(frame)); err != nil {
			return nil, fmt.Errorf("frame of %d bytes, after %d: %w", bytes, read, err)
		}
		grown := make([]byte, size)
		copy(grown, frame)
		frame = grown
		n, err := io.ReadFull(r, frame[read:])
		read += n
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, fmt.Errorf("frame of %d bytes, after %d: %w", bytes, read, err)
		}
		if read == bytes {
			return frame, nil
		}
	}
}

// Header is what stands before every request's body, up to the client id.
type Header struct {
	Key         int16
	Version     int16
	Correlation int32
	// ClientID is empty for null too.
	ClientID string
}

// ParseHeader reads a header and returns what follows the client id: tagged
// fields, if the version is flexible, and the body.
func ParseHeader(frame []byte) (h Header, rest []byte, err error) {
	if len(frame) < headerBytesMin {
		return h, nil, fmt.Errorf("%w: header of %d bytes, at least %d", ErrMalformed, len(frame), headerBytesMin)
	}
	h.Key = int16(binary.BigEndian.Uint16(frame))
	h.Version = int16(binary.BigEndian.Uint16(frame[2:]))
	h.Correlation = int32(binary.BigEndian.Uint32(frame[4:]))
	length := int(int16(binary.BigEndian.Uint16(frame[8:])))
	rest = frame[headerBytesMin:]
	if length < 0 {
		return h, rest, nil
	}
	if length > len(rest) {
		return h, nil, fmt.Errorf("%w: client id of %d bytes, %d left", ErrMalformed, length, len(rest))
	}
	h.ClientID = string(rest[:length])
	return h, rest[length:], nil
}

// SkipTags goes over the tagged fields at the start of data and returns what
// follows them.
func SkipTags(data []byte) (rest []byte, err error) {
	w := walker{data: data, elementsLeft: ElementsMax}
	w.tags(nil, 0)
	return w.data, w.err
}
