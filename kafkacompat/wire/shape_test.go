package wire

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"
)

func TestShapeGoesOverEveryKindOfField(t *testing.T) {
	shape := MustShape("tag1{ i32 i64 }@1+ i16 ns@1+ [ s []i32 nb ]@0+ []s ?{ i16 s } ?{ s }@0+")
	old := []byte{
		0, 7,
		0, 0, 0, 1, // one element
		0, 1, 'x',
		0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2,
		0xff, 0xff, 0xff, 0xff, // null bytes
		0, 0, 0, 1, 0, 1, 'y',
		1, 0, 9, 0, 1, 'z', 0xff,
	}
	flexible := []byte{
		0, 7,
		0, // null string
		2, 2, 'x', 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0,
		2, 2, 'y',
		1, 0, 9, 2, 'z', 0, 0xff,
		1, 1, 13, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0,
	}
	for _, c := range []struct {
		name       string
		body       []byte
		version    int16
		isFlexible bool
	}{{"old", old, 0, false}, {"flexible", flexible, 1, true}} {
		t.Run(c.name, func(t *testing.T) {
			rest, err := shape.Check(c.body, c.version, c.isFlexible)
			if rest != 0 || err != nil {
				t.Errorf("whole body: %d bytes are left, error %v", rest, err)
			}
			rest, err = shape.Check(append(c.body[:len(c.body):len(c.body)], 9, 9), c.version, c.isFlexible)
			if rest != 2 || err != nil {
				t.Errorf("body and two bytes: %d bytes are left, error %v", rest, err)
			}
			for length := range c.body {
				if _, err := shape.Check(c.body[:length], c.version, c.isFlexible); !errors.Is(err, ErrMalformed) {
					t.Errorf("body cut to %d of %d bytes: error %v", length, len(c.body), err)
				}
			}
		})
	}
}

// Each of these few bytes would keep a decoder that believes them busy for long,
// or take gigabytes.
func TestHostileLengthsAreRefusedAtOnce(t *testing.T) {
	varint := func(n uint64) []byte { return binary.AppendUvarint(nil, n) }
	for _, c := range []struct {
		name       string
		shape      string
		body       []byte
		isFlexible bool
	}{
		{"two billion array elements", "[ s ]", []byte{0x7f, 0xff, 0xff, 0xff, 1, 2, 3}, false},
		{"two billion compact elements", "[ s ]", varint(1<<31 - 1), true},
		{"four billion tagged fields", "i8", append([]byte{1}, varint(1<<32-1)...), true},
		{"two billion tagged fields", "i8", append([]byte{1}, varint(1<<31-1)...), true},
		{"tagged fields inside of a known tagged field", "tag0{ i32 i64 }",
			append([]byte{1, 0, 17, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1}, varint(1<<31-1)...), true},
		{"a varint without end", "s", []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, true},
		{"a null string that must not be", "s", []byte{0xff, 0xff}, false},
		{"bytes past the end", "b", []byte{0x7f, 0xff, 0xff, 0xff}, false},
		{"more elements than anyone needs", "[]i8", append([]byte{0, 0x04, 0, 0}, make([]byte, 1<<18)...), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			start := time.Now()
			_, err := MustShape(c.shape).Check(c.body, 0, c.isFlexible)
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("error %v, want ErrMalformed", err)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestShapeCheckAllocatesNothing(t *testing.T) {
	shape := MustShape("ns i16 [ s [ i32 nb ] ]")
	body := []byte{0xff, 0xff, 0, 1, 0, 0, 0, 1, 0, 1, 'x', 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 'v'}
	if n := testing.AllocsPerRun(100, func() {
		if _, err := shape.Check(body, 0, false); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestMistakesInANotationPanic(t *testing.T) {
	for _, notation := range []string{"x", "[ s", "s ]", "s@x", "tagx{ s }", "s@1-y"} {
		t.Run(notation, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			MustShape(notation)
		})
	}
}
