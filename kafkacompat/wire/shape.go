package wire

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ElementsMax bounds the array elements and tagged fields of one request, all
// counted together. A decoded element takes at most a few hundred bytes.
const ElementsMax = 250_000

// Shape is where the lengths in a request are, for every version of it.
//
// Invariant: a Shape is read only after MustShape.
type Shape struct {
	fields []field
}

type kind uint8

const (
	kindFixed  kind = iota // size bytes
	kindString             // int16 length
	kindBytes              // int32 length
	kindArray              // of structs: elem
	kindList               // of single fields: elem, with one field
	kindStruct             // a struct that may be null: elem
	kindTag                // a tagged field that kmsg knows: elem
)

type field struct {
	kind        kind
	size        int  // of kindFixed
	nullable    bool // of kindString and kindBytes; arrays may always be null
	elem        *Shape
	tag         uint32 // of kindTag
	first, last int16  // the versions that have the field
}

// MustShape reads a shape from its notation, which lists the fields in the order
// of the wire, separated by spaces:
//
//	i8 i16 i32 i64 bool uuid     fixed sizes
//	s ns                         a string, a nullable string
//	b nb                         bytes, nullable bytes
//	[]i32 []s …                  an array of single fields
//	[ … ]                        an array of structs
//	?{ … }                       a struct that may be null
//	tag1{ … }                    the fields inside of tagged field 1
//	field@3+ field@0-12          only in these versions; after the bracket, for an array
//
// The compact forms and the empty tagged fields of flexible versions are implied.
// It panics where the notation is wrong, which any test of the request shows.
func MustShape(notation string) *Shape {
	p := shapeParser{tokens: strings.Fields(notation)}
	shape := p.fields("")
	if len(p.tokens) > 0 {
		panic(fmt.Sprintf("shape %q: %q is left", notation, p.tokens))
	}
	return shape
}

type shapeParser struct {
	tokens []string
}

func (p *shapeParser) fields(closing string) *Shape {
	shape := &Shape{}
	for len(p.tokens) > 0 {
		token := p.tokens[0]
		p.tokens = p.tokens[1:]
		if name, versions, _ := strings.Cut(token, "@"); closing != "" && name == closing {
			// The versions of the whole array wait for the caller.
			p.tokens = append([]string{versions}, p.tokens...)
			return shape
		}
		shape.fields = append(shape.fields, p.field(token))
	}
	if closing != "" {
		panic("shape: no " + closing)
	}
	return shape
}

func (p *shapeParser) field(token string) field {
	if token == "[" {
		f := field{kind: kindArray, elem: p.fields("]")}
		f.setVersions(p.versions())
		return f
	}
	if token == "?{" {
		f := field{kind: kindStruct, elem: p.fields("}")}
		f.setVersions(p.versions())
		return f
	}
	if tag, ok := strings.CutPrefix(token, "tag"); ok {
		number, err := strconv.ParseUint(strings.TrimSuffix(tag, "{"), 10, 32)
		if err != nil {
			panic("shape: " + token)
		}
		f := field{kind: kindTag, tag: uint32(number), elem: p.fields("}")}
		f.setVersions(p.versions())
		return f
	}
	name, versions, _ := strings.Cut(token, "@")
	if single, ok := strings.CutPrefix(name, "[]"); ok {
		f := field{kind: kindList, elem: &Shape{fields: []field{scalar(single)}}}
		f.setVersions(versions)
		return f
	}
	f := scalar(name)
	f.setVersions(versions)
	return f
}

func (p *shapeParser) versions() string {
	versions := p.tokens[0]
	p.tokens = p.tokens[1:]
	return versions
}

func scalar(name string) field {
	f := field{last: math.MaxInt16}
	switch name {
	case "i8", "bool":
		f.size = 1
	case "i16":
		f.size = 2
	case "i32":
		f.size = 4
	case "i64":
		f.size = 8
	case "uuid":
		f.size = 16
	case "s", "ns":
		f.kind, f.nullable = kindString, name == "ns"
	case "b", "nb":
		f.kind, f.nullable = kindBytes, name == "nb"
	default:
		panic("shape: no field " + name)
	}
	return f
}

func (f *field) setVersions(versions string) {
	f.last = math.MaxInt16
	if versions == "" {
		return
	}
	from, to, isRange := strings.Cut(strings.TrimSuffix(versions, "+"), "-")
	first, err := strconv.ParseInt(from, 10, 16)
	if err != nil {
		panic("shape: versions " + versions)
	}
	f.first = int16(first)
	if isRange {
		last, err := strconv.ParseInt(to, 10, 16)
		if err != nil {
			panic("shape: versions " + versions)
		}
		f.last = int16(last)
	}
}

// Check goes over a body along the shape. It returns how many bytes follow the
// body, which Kafka ignores, or ErrMalformed.
func (s *Shape) Check(body []byte, version int16, isFlexible bool) (rest int, err error) {
	w := walker{data: body, isFlexible: isFlexible, elementsLeft: ElementsMax}
	w.structure(s, version)
	return len(w.data), w.err
}

// A walker goes over data until the first error, after which data is empty and
// everything else does nothing.
type walker struct {
	data         []byte
	isFlexible   bool
	elementsLeft int
	err          error
}

func (w *walker) fail(format string, arguments ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, arguments...)...)
	}
	w.data = nil
}

func (w *walker) structure(s *Shape, version int16) {
	for i := range s.fields {
		if w.err != nil {
			return
		}
		f := &s.fields[i]
		if version < f.first || version > f.last {
			continue
		}
		switch f.kind {
		case kindFixed:
			w.skip(f.size)
		case kindString, kindBytes:
			w.text(f)
		case kindArray:
			for range w.arrayLength() {
				if w.err != nil {
					return
				}
				w.structure(f.elem, version)
			}
		case kindStruct:
			if w.isPresent() {
				w.structure(f.elem, version)
			}
		case kindList:
			element := &f.elem.fields[0]
			for range w.arrayLength() {
				if w.err != nil {
					return
				}
				if element.kind == kindFixed {
					w.skip(element.size)
				} else {
					w.text(element)
				}
			}
		}
	}
	if w.isFlexible {
		w.tags(s, version)
	}
}

// isPresent reads the byte before a struct that may be null, which is -1 if it is.
func (w *walker) isPresent() bool {
	if len(w.data) < 1 {
		w.fail("a byte expected, none left")
		return false
	}
	mark := int8(w.data[0])
	w.data = w.data[1:]
	return mark != -1
}

func (w *walker) skip(bytes int) {
	if bytes > len(w.data) {
		w.fail("%d bytes expected, %d left", bytes, len(w.data))
		return
	}
	w.data = w.data[bytes:]
}

func (w *walker) text(f *field) {
	var length int
	switch {
	case w.isFlexible:
		length = int(w.uvarint()) - 1
	case f.kind == kindString:
		length = w.int16()
	default:
		length = w.int32()
	}
	if length < 0 {
		if !f.nullable {
			w.fail("null where there must be text")
		}
		return
	}
	w.skip(length)
}

// arrayLength reads the length of an array and charges its elements to the
// budget. A null array has none.
func (w *walker) arrayLength() int {
	var length int
	if w.isFlexible {
		length = int(w.uvarint()) - 1
	} else {
		length = w.int32()
	}
	// Every element has a byte at least.
	if length > len(w.data) {
		w.fail("array of %d elements, %d bytes left", length, len(w.data))
		return 0
	}
	if length > w.elementsLeft {
		w.fail("more than %d array elements", ElementsMax)
		return 0
	}
	w.elementsLeft -= max(length, 0)
	return max(length, 0)
}

// tags goes over tagged fields; into those that the shape knows too, since kmsg
// decodes them.
func (w *walker) tags(s *Shape, version int16) {
	count := int(w.uvarint())
	// Key and size take a byte each.
	if count > len(w.data)/2 {
		w.fail("%d tagged fields, %d bytes left", count, len(w.data))
		return
	}
	if count > w.elementsLeft {
		w.fail("more than %d tagged fields", ElementsMax)
		return
	}
	w.elementsLeft -= count
	for range count {
		tag, size := w.uvarint(), int(w.uvarint())
		if w.err != nil {
			return
		}
		if size > len(w.data) {
			w.fail("tagged field of %d bytes, %d left", size, len(w.data))
			return
		}
		inner, outer := w.data[:size], w.data[size:]
		if known := s.tag(tag, version); known != nil {
			w.data = inner
			w.tagged(known, version)
			if w.err != nil {
				return
			}
		}
		w.data = outer
	}
}

// tagged goes over the inside of a known tagged field: a field, or a struct with
// tagged fields of its own where there are several.
func (w *walker) tagged(s *Shape, version int16) {
	if len(s.fields) > 1 {
		w.structure(s, version)
		return
	}
	if f := &s.fields[0]; f.kind == kindFixed {
		w.skip(f.size)
	} else {
		w.text(f)
	}
}

func (s *Shape) tag(tag uint32, version int16) *Shape {
	if s == nil {
		return nil
	}
	for i := range s.fields {
		f := &s.fields[i]
		if f.kind == kindTag && f.tag == tag && version >= f.first && version <= f.last {
			return f.elem
		}
	}
	return nil
}

func (w *walker) int16() int {
	if len(w.data) < 2 {
		w.fail("2 bytes expected, %d left", len(w.data))
		return 0
	}
	n := int16(binary.BigEndian.Uint16(w.data))
	w.data = w.data[2:]
	return int(n)
}

func (w *walker) int32() int {
	if len(w.data) < 4 {
		w.fail("4 bytes expected, %d left", len(w.data))
		return 0
	}
	n := int32(binary.BigEndian.Uint32(w.data))
	w.data = w.data[4:]
	return int(n)
}

// uvarint reads up to 32 bits in up to five bytes, as Kafka does.
func (w *walker) uvarint() uint32 {
	var n uint64
	for i := range 5 {
		if i >= len(w.data) {
			w.fail("varint is cut short")
			return 0
		}
		b := w.data[i]
		n |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			if n > math.MaxInt32 {
				w.fail("varint %d, at most %d", n, math.MaxInt32)
				return 0
			}
			w.data = w.data[i+1:]
			return uint32(n)
		}
	}
	w.fail("varint of more than five bytes")
	return 0
}
