package statemachine

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// valueVersion begins every stored value but the batches, which have their own
// magic byte. See docs/formats.md.
const valueVersion = 1

// errMalformed: a value that no release wrote. Checksums held, so it is a bug or
// a store from the future.
var errMalformed = errors.New("malformed value")

// Values are written by appending varints, unsigned where a number can't be
// negative, and strings with their length before them.

func appendString[S string | []byte](dst []byte, s S) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

func appendStrings(dst []byte, list []string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	for _, s := range list {
		dst = appendString(dst, s)
	}
	return dst
}

// valueReader reads a value. After the first field that isn't there it is bad and
// gives zeros, so that errors are looked at once, at the end.
type valueReader struct {
	data []byte
	bad  bool
}

// readValue begins to read and checks the version.
func readValue(data []byte) *valueReader {
	r, _ := readVersions(data, valueVersion)
	return r
}

// readVersions begins to read a value of any version up to the newest one.
func readVersions(data []byte, newest byte) (r *valueReader, version byte) {
	r = &valueReader{data: data}
	if version = r.byte(); version < 1 || version > newest {
		r.bad = true
	}
	return r, version
}

func (r *valueReader) byte() byte {
	if r.bad || len(r.data) == 0 {
		r.bad = true
		return 0
	}
	b := r.data[0]
	r.data = r.data[1:]
	return b
}

func (r *valueReader) uint() uint64 {
	if r.bad {
		return 0
	}
	v, n := binary.Uvarint(r.data)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *valueReader) int() int64 {
	if r.bad {
		return 0
	}
	v, n := binary.Varint(r.data)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.data = r.data[n:]
	return v
}

// bytes reads as many bytes as it is told. They alias the value.
func (r *valueReader) bytes(n uint64) []byte {
	if r.bad || n > uint64(len(r.data)) {
		r.bad = true
		return nil
	}
	b := r.data[:n:n]
	r.data = r.data[n:]
	return b
}

// rest reads everything that is left. It aliases the value.
func (r *valueReader) rest() []byte {
	b := r.data
	r.data = nil
	return b
}

func (r *valueReader) string() string { return string(r.bytes(r.uint())) }

// count reads a number of things that take at least a byte each.
func (r *valueReader) count() int {
	n := r.uint()
	if n > uint64(len(r.data)) {
		r.bad = true
		return 0
	}
	return int(n)
}

func (r *valueReader) strings() []string {
	n := r.count()
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = r.string()
	}
	return list
}

// end says what was read, if it was not all of it or not there.
func (r *valueReader) end(what string) error {
	if r.bad {
		return fmt.Errorf("%s: %w: version unknown or cut short", what, errMalformed)
	}
	if len(r.data) > 0 {
		return fmt.Errorf("%s: %w: %d bytes left over", what, errMalformed, len(r.data))
	}
	return nil
}
