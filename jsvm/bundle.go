package jsvm

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/dop251/goja"
	"github.com/klauspost/compress/zstd"

	"kont/jsvm/bundle"
	"kont/jsvm/continuation"
)

// bundleVersion is the first byte of an encoded bundle.
const bundleVersion = 1

// bundleBytesMax bounds what DecodeBundle unpacks.
const bundleBytesMax = 256 << 20

// ErrBundle is wrapped when bytes are no bundle that this build can read.
var ErrBundle = errors.New("malformed bundle")

// Bundle is a compiled workflow. It is immutable and safe for concurrent use.
type Bundle struct {
	script, sourceMap []byte
	entry, export     string
	modules           []bundle.Module
	topics            []string
	dictionary        *continuation.Dictionary

	encoded []byte // Encode's answer
	hash    [32]byte

	inputs   []string
	warnings []Diagnostic
	program  *goja.Program
	layout   *layout

	outlining sync.Once // of outlined
	outlined  outlined
}

// Hash names the bundle: SHA-256 of its contents.
func (b *Bundle) Hash() [32]byte { return b.hash }

// OutputTopics are the topics that the workflow declares, sorted.
func (b *Bundle) OutputTopics() []string { return append([]string(nil), b.topics...) }

// Entry is the path of the entry file in the project.
func (b *Bundle) Entry() string { return b.entry }

// Source is the author's text of a module, or false.
func (b *Bundle) Source(file string) (string, bool) {
	for _, m := range b.modules {
		if m.Path == file {
			return m.Text, true
		}
	}
	return "", false
}

// Encode returns the bytes that a deployment stores.
func (b *Bundle) Encode() []byte { return append([]byte(nil), b.encoded...) }

var (
	packer   = sync.OnceValue(func() *zstd.Encoder { e, _ := zstd.NewWriter(nil); return e })
	unpacker = sync.OnceValue(func() *zstd.Decoder {
		d, _ := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(bundleBytesMax))
		return d
	})
)

// seal computes what Encode and Hash return. The hash is of the plain contents, so it does
// not change with the compression library.
func (b *Bundle) seal() {
	var w bundleWriter
	w.bytes(b.script)
	w.bytes(b.sourceMap)
	w.string(b.entry)
	w.string(b.export)
	w.uint(len(b.modules))
	for _, m := range b.modules {
		w.string(m.Path)
		w.string(m.Text)
		own := 0
		if m.Own {
			own = 1
		}
		w.uint(own)
	}
	w.uint(len(b.topics))
	for _, t := range b.topics {
		w.string(t)
	}
	w.uint(len(b.dictionary.Strings))
	for _, s := range b.dictionary.Strings {
		w.string(s)
	}
	w.uint(len(b.dictionary.Functions))
	for _, f := range b.dictionary.Functions {
		w.string(f.Key)
		w.data = binary.LittleEndian.AppendUint64(w.data, f.Fingerprint)
	}
	w.uint(len(b.dictionary.Shapes))
	for _, s := range b.dictionary.Shapes {
		w.string(s.Class)
		w.string(s.Private)
		w.uint(len(s.Keys))
		for _, k := range s.Keys {
			w.string(k)
		}
	}
	b.hash = sha256.Sum256(w.data)
	b.encoded = packer().EncodeAll(w.data, []byte{bundleVersion})
}

// DecodeBundle reads what Encode returned, also in an earlier release, and compiles it.
func DecodeBundle(data []byte) (*Bundle, error) {
	if len(data) == 0 {
		return nil, fmt.Errorf("%w: no bytes", ErrBundle)
	}
	if data[0] != bundleVersion {
		return nil, fmt.Errorf("%w: version %d, newest known is %d", ErrBundle, data[0], bundleVersion)
	}
	plain, err := unpacker().DecodeAll(data[1:], nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBundle, err)
	}
	r := bundleReader{data: plain}
	b := &Bundle{encoded: append([]byte(nil), data...), hash: sha256.Sum256(plain), dictionary: &continuation.Dictionary{}}
	b.script, b.sourceMap = r.bytes(), r.bytes()
	b.entry, b.export = r.string(), r.string()
	for range r.count() {
		b.modules = append(b.modules, bundle.Module{Path: r.string(), Text: r.string(), Own: r.uint() == 1})
	}
	for range r.count() {
		b.topics = append(b.topics, r.string())
	}
	for range r.count() {
		b.dictionary.Strings = append(b.dictionary.Strings, r.string())
	}
	for range r.count() {
		b.dictionary.Functions = append(b.dictionary.Functions, continuation.Function{Key: r.string(), Fingerprint: r.word()})
	}
	for range r.count() {
		s := continuation.DictionaryShape{Class: r.string(), Private: r.string()}
		for range r.count() {
			s.Keys = append(s.Keys, r.string())
		}
		b.dictionary.Shapes = append(b.dictionary.Shapes, s)
	}
	if r.failed || len(r.data) != 0 {
		return nil, fmt.Errorf("%w: cut short or too long", ErrBundle)
	}
	if err := b.compile(); err != nil {
		return nil, fmt.Errorf("compile bundle %x: %w", b.hash[:4], err)
	}
	return b, nil
}

type bundleWriter struct{ data []byte }

func (w *bundleWriter) uint(n int)      { w.data = binary.AppendUvarint(w.data, uint64(n)) }
func (w *bundleWriter) bytes(b []byte)  { w.uint(len(b)); w.data = append(w.data, b...) }
func (w *bundleWriter) string(s string) { w.uint(len(s)); w.data = append(w.data, s...) }

type bundleReader struct {
	data   []byte
	failed bool
}

func (r *bundleReader) fail() { r.failed, r.data = true, nil }

func (r *bundleReader) uint() uint64 {
	n, size := binary.Uvarint(r.data)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.data = r.data[size:]
	return n
}

// count is a number of things of at least one byte each.
func (r *bundleReader) count() int {
	n := r.uint()
	if n > uint64(len(r.data)) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *bundleReader) bytes() []byte {
	n := r.count()
	b := r.data[:n:n]
	r.data = r.data[n:]
	return b
}

func (r *bundleReader) string() string { return string(r.bytes()) }

func (r *bundleReader) word() uint64 {
	if len(r.data) < 8 {
		r.fail()
		return 0
	}
	n := binary.LittleEndian.Uint64(r.data)
	r.data = r.data[8:]
	return n
}
