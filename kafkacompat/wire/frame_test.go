package wire

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

func frameOf(body []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

func freely(int) error { return nil }

func TestFramesComeOneAfterTheOther(t *testing.T) {
	small := bytes.Repeat([]byte{0, 3}, 10)
	large := append([]byte{0, 5}, bytes.Repeat([]byte("x"), 300_000)...)
	stream := append(frameOf(small), frameOf(large)...)
	reader := bufio.NewReader(iotest.HalfReader(bytes.NewReader(stream)))
	for _, want := range []struct {
		key  int16
		body []byte
	}{{3, small}, {5, large}} {
		size, key, err := ReadSize(reader)
		if err != nil || size != len(want.body) || key != want.key {
			t.Fatalf("size %d, key %d, error %v; want %d and %d", size, key, err, len(want.body), want.key)
		}
		body, err := ReadFrame(reader, size, freely)
		if err != nil || !bytes.Equal(body, want.body) {
			t.Fatalf("frame of %d bytes, error %v", len(body), err)
		}
	}
	if _, _, err := ReadSize(reader); err != io.EOF {
		t.Errorf("after the last frame: %v, want io.EOF", err)
	}
}

func TestEveryCutOfAFrameIsAnUnexpectedEnd(t *testing.T) {
	stream := frameOf(bytes.Repeat([]byte{0, 3}, 10))
	for length := 1; length < len(stream); length++ {
		reader := bufio.NewReader(bytes.NewReader(stream[:length]))
		size, _, err := ReadSize(reader)
		if err == nil {
			_, err = ReadFrame(reader, size, freely)
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut after %d of %d bytes: %v", length, len(stream), err)
		}
	}
}

func TestSizesThatHoldNoHeaderAreMalformed(t *testing.T) {
	for _, size := range []int32{-1, 0, 9, -1 << 31} {
		stream := binary.BigEndian.AppendUint32(nil, uint32(size))
		_, _, err := ReadSize(bufio.NewReader(bytes.NewReader(append(stream, 0, 0, 0, 0))))
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("size %d: %v", size, err)
		}
	}
}

func TestClaimedSizeTakesNoMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		_, err := ReadFrame(bufio.NewReader(strings.NewReader("abc")), 1<<30, freely)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 16<<20 {
		t.Errorf("100 frames that claim 1 GiB and hold 3 bytes took %d bytes", taken)
	}
}

func TestHeaderIsParsed(t *testing.T) {
	frame := []byte{0, 18, 0, 3, 0, 0, 0, 9, 0, 2, 'm', 'e', 7, 8}
	header, rest, err := ParseHeader(frame)
	want := Header{Key: 18, Version: 3, Correlation: 9, ClientID: "me"}
	if err != nil || header != want || !bytes.Equal(rest, []byte{7, 8}) {
		t.Errorf("%+v, rest %v, error %v", header, rest, err)
	}
	for length := range 12 {
		if _, _, err := ParseHeader(frame[:length]); !errors.Is(err, ErrMalformed) {
			t.Errorf("%d bytes: %v", length, err)
		}
	}
	if header, rest, err := ParseHeader([]byte{0, 1, 0, 2, 0, 0, 0, 3, 0xff, 0xff}); err != nil || header.ClientID != "" || len(rest) != 0 {
		t.Errorf("null client id: %+v, rest %v, error %v", header, rest, err)
	}
}
