package recordbatch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
)

func TestHeaderTakesItsBytesAndNoMore(t *testing.T) {
	whole := Append(nil, someRecords(), Options{BaseOffset: 5})
	for cut := range HeaderBytes + 2 {
		h, err := ParseHeader(whole[:cut])
		if isWhole := cut >= HeaderBytes; isWhole != (err == nil) || isWhole && h.BaseOffset != 5 || !isWhole && !errors.Is(err, ErrLength) {
			t.Errorf("%d bytes: %+v, %v", cut, h, err)
		}
	}
	for length, want := range map[uint32]error{0: ErrLength, 48: ErrLength, 49: nil, 1<<31 - 1: nil, 1 << 31: ErrLength} {
		batch := bytes.Clone(whole)
		binary.BigEndian.PutUint32(batch[atLength:], length)
		if h, err := ParseHeader(batch); !errors.Is(err, want) || err == nil && h.Bytes() != int(length)+12 {
			t.Errorf("length %d: %d bytes, %v, want %v", length, h.Bytes(), err, want)
		}
	}
}

// The length has four bytes, of which small batches fill two.
func TestSplitTakesLargeBatchesWhole(t *testing.T) {
	large := Append(nil, []Record{{Value: make([]byte, 0x1020300)}}, Options{})
	batch, rest, err := Split(append(bytes.Clone(large), 1, 2, 3))
	if err != nil || !bytes.Equal(batch, large) || !bytes.Equal(rest, []byte{1, 2, 3}) {
		t.Errorf("%d bytes of %d, %d left, %v", len(batch), len(large), len(rest), err)
	}
}

func TestBatchOfNoProducerSaysSo(t *testing.T) {
	h, err := ParseHeader(Append(nil, someRecords(), Options{}))
	if err != nil || h.ProducerID != -1 || h.ProducerEpoch != -1 || h.BaseSequence != -1 {
		t.Errorf("%+v, %v", h, err)
	}
}
