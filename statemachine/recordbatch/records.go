package recordbatch

import (
	"encoding/binary"
	"fmt"
	"iter"
)

// Record is one record of a batch. One that was read has no headers: nobody looks at them,
// and a batch has room for so many that they would fill the memory.
type Record struct {
	Offset             int64
	TimestampUnixMilli int64
	// Key and Value are nil if null.
	Key     []byte
	Value   []byte
	Headers []RecordHeader
}

// RecordHeader is a header of a record. Names may repeat.
type RecordHeader struct {
	Key   string
	Value []byte
}

// Records goes over the records of one whole batch in order. After an error,
// which comes with a zero record, it ends. The records stay valid as long as the
// batch isn't written to.
//
// It trusts neither the header nor the records; a batch that passed Validate
// gives no error.
func Records(batch []byte) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		// A buffer of its own, not from the pool: records point into it.
		h, data, err := openRecords(nil, batch)
		if err != nil {
			yield(Record{}, err)
			return
		}
		for range h.Count {
			var record readable
			if record, data, err = readRecord(data, h); err != nil {
				yield(Record{}, err)
				return
			}
			if !yield(record.Record, nil) {
				return
			}
		}
	}
}

// openRecords reads the header of a batch and what its records are, in dst if they have to
// be decompressed, which it returns also with an error.
func openRecords(dst, batch []byte) (h Header, data []byte, err error) {
	h, err = ParseHeader(batch)
	if err == nil && h.Bytes() > len(batch) {
		err = fmt.Errorf("%w: length field makes %d bytes, there are %d", ErrLength, h.Bytes(), len(batch))
	}
	if err != nil {
		return h, dst, err
	}
	if data = batch[HeaderBytes:h.Bytes()]; h.Codec() != CodecNone {
		data, err = decompress(dst, data, h.Codec())
	}
	return h, data, err
}

// FirstAtOrAfter finds the first record of a batch at or after an offset with a
// timestamp of at least unixMilli, and says whether there is one.
func FirstAtOrAfter(batch []byte, from, unixMilli int64) (offset, timestampUnixMilli int64, found bool, err error) {
	for record, err := range Records(batch) {
		if err != nil {
			return 0, 0, false, err
		}
		if record.Offset >= from && record.TimestampUnixMilli >= unixMilli {
			return record.Offset, record.TimestampUnixMilli, true, nil
		}
	}
	return 0, 0, false, nil
}

// readRecord reads the record that data begins with and returns what follows it. Nothing is
// allocated.
func readRecord(data []byte, h Header) (record readable, rest []byte, err error) {
	body, rest, err := recordBody(data)
	if err != nil {
		return record, nil, err
	}
	r := fields{data: body}
	r.byte() // attributes, unused by Kafka
	record.timestampDelta = r.varint()
	record.offsetDelta = r.varint()
	record.tail = r.data
	record.Offset = h.BaseOffset + record.offsetDelta
	record.TimestampUnixMilli = h.BaseTimestamp + record.timestampDelta
	if h.IsLogAppendTime() {
		record.TimestampUnixMilli = h.MaxTimestamp
	}
	record.Key = r.nullableBytes()
	record.Value = r.nullableBytes()
	count := r.count()
	for i := 0; i < count && !r.bad; i++ {
		r.bytes()
		r.nullableBytes()
	}
	return record, rest, r.end(record.offsetDelta)
}

// readable is a record without its headers, and where they are.
type readable struct {
	Record
	timestampDelta int64
	offsetDelta    int64
	// tail is the key, the value and the headers as they are written.
	tail []byte
}

// recordBody cuts a record, without its length, off data.
func recordBody(data []byte) (body, rest []byte, err error) {
	length, n := binary.Varint(data)
	if n <= 0 || length < 0 || length > int64(len(data)-n) {
		return nil, nil, fmt.Errorf("%w: length %d, %d bytes left", ErrRecord, length, max(len(data)-max(n, 0), 0))
	}
	return data[n : n+int(length)], data[n+int(length):], nil
}

// fields reads the fields of a record. After the first one that isn't there it is
// bad and gives zeros, so that errors are looked at once, at the end.
type fields struct {
	data []byte
	bad  bool
}

func (f *fields) byte() byte {
	if f.bad || len(f.data) == 0 {
		f.bad = true
		return 0
	}
	b := f.data[0]
	f.data = f.data[1:]
	return b
}

func (f *fields) varint() int64 {
	if f.bad {
		return 0
	}
	v, n := binary.Varint(f.data)
	if n <= 0 {
		f.bad = true
		return 0
	}
	f.data = f.data[n:]
	return v
}

// nullableBytes reads a length and as many bytes; nil for the length -1.
func (f *fields) nullableBytes() []byte {
	n := f.varint()
	if n == -1 || f.bad {
		return nil
	}
	if n < -1 || n > int64(len(f.data)) {
		f.bad = true
		return nil
	}
	b := f.data[:n:n]
	f.data = f.data[n:]
	return b
}

// bytes reads a length and as many bytes, which may not be null.
func (f *fields) bytes() []byte {
	b := f.nullableBytes()
	if b == nil {
		f.bad = true
	}
	return b
}

// count reads a number of headers. Each takes two bytes at least, so a count that
// could not be there is refused before anything is allocated for it.
func (f *fields) count() int {
	n := f.varint()
	if n < 0 || n > int64(len(f.data)/2) {
		f.bad = true
		return 0
	}
	return int(n)
}

func (f *fields) end(offsetDelta int64) error {
	if f.bad {
		return fmt.Errorf("%w: offset delta %d: a field ends outside of the record", ErrRecord, offsetDelta)
	}
	if len(f.data) > 0 {
		return fmt.Errorf("%w: offset delta %d: %d bytes after the last header", ErrRecord, offsetDelta, len(f.data))
	}
	return nil
}
