package recordbatch

import "encoding/binary"

// Marker is the end of a transaction in a partition (KIP-98): a control batch of one
// record, which brokers write and consumers hide.
//
//	key   | version 2: 0 | type 2: 0 abort, 1 commit |
//	value | version 2: 0 | coordinator epoch 4 |
type Marker struct {
	ProducerID       int64
	ProducerEpoch    int16
	IsCommit         bool
	CoordinatorEpoch int32
	UnixMilli        int64
}

const (
	markerAbort  = 0
	markerCommit = 1
)

// AppendMarker appends the batch of a marker to dst, which may be nil, and returns it.
func AppendMarker(dst []byte, m Marker) []byte {
	key := [4]byte{3: markerAbort}
	if m.IsCommit {
		key[3] = markerCommit
	}
	var value [6]byte
	binary.BigEndian.PutUint32(value[2:], uint32(m.CoordinatorEpoch))
	return Append(dst, []Record{{TimestampUnixMilli: m.UnixMilli, Key: key[:], Value: value[:]}}, Options{
		Producer:      &Producer{ID: m.ProducerID, Epoch: m.ProducerEpoch, BaseSequence: -1},
		Transactional: true,
		Control:       true,
	})
}

// ParseMarker reads the batch of a marker, false for a batch that is none: one of
// records, or a control batch of another kind.
func ParseMarker(batch []byte) (m Marker, isMarker bool, err error) {
	h, err := ParseHeader(batch)
	if err != nil || !h.IsControl() || !h.IsTransactional() {
		return Marker{}, false, err
	}
	for record, err := range Records(batch) {
		if err != nil {
			return Marker{}, false, err
		}
		if len(record.Key) < 4 || len(record.Value) < 6 {
			return Marker{}, false, nil
		}
		kind := binary.BigEndian.Uint16(record.Key[2:])
		return Marker{
			ProducerID:       h.ProducerID,
			ProducerEpoch:    h.ProducerEpoch,
			IsCommit:         kind == markerCommit,
			CoordinatorEpoch: int32(binary.BigEndian.Uint32(record.Value[2:])),
			UnixMilli:        record.TimestampUnixMilli,
		}, kind <= markerCommit, nil
	}
	return Marker{}, false, nil
}
