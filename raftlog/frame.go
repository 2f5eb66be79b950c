package raftlog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// frameVersion is the first byte of the data of every log entry that carries
// proposals. The layout is drawn in the package comment.
const frameVersion = 1

const frameHeaderBytes = 1 + 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encodeFrame packs proposals into the data of one log entry.
func encodeFrame(proposals []*proposal) []byte {
	size := frameHeaderBytes + binary.MaxVarintLen64
	for _, p := range proposals {
		size += binary.MaxVarintLen32 + len(p.data)
	}
	frame := make([]byte, frameHeaderBytes, size)
	frame[0] = frameVersion
	frame = binary.AppendUvarint(frame, uint64(len(proposals)))
	for _, p := range proposals {
		frame = binary.AppendUvarint(frame, uint64(len(p.data)))
		frame = append(frame, p.data...)
	}
	putChecksum(frame)
	return frame
}

func putChecksum(frame []byte) {
	binary.LittleEndian.PutUint32(frame[1:], crc32.Checksum(frame[frameHeaderBytes:], castagnoli))
}

// decodeFrame unpacks the data of a log entry. The proposals alias it.
func decodeFrame(frame []byte) ([][]byte, error) {
	if len(frame) < frameHeaderBytes {
		return nil, fmt.Errorf("%w: proposal frame of %d bytes, need %d", ErrCorrupt, len(frame), frameHeaderBytes)
	}
	if frame[0] != frameVersion {
		return nil, fmt.Errorf("%w: proposal frame version %d, newest known is %d", ErrCorrupt, frame[0], frameVersion)
	}
	body := frame[frameHeaderBytes:]
	if want, got := binary.LittleEndian.Uint32(frame[1:]), crc32.Checksum(body, castagnoli); want != got {
		return nil, fmt.Errorf("%w: proposal frame checksum %08x, want %08x", ErrCorrupt, got, want)
	}
	count, n := binary.Uvarint(body)
	// A proposal takes a byte at least, its length.
	if n <= 0 || count == 0 || count > uint64(len(body)-n) {
		return nil, fmt.Errorf("%w: proposal frame of %d bytes has a bad count", ErrCorrupt, len(frame))
	}
	body = body[n:]
	proposals := make([][]byte, 0, count)
	for range count {
		size, n := binary.Uvarint(body)
		if n <= 0 || size > uint64(len(body)-n) {
			return nil, fmt.Errorf("%w: proposal %d of %d in a frame has a bad length", ErrCorrupt, len(proposals), count)
		}
		end := n + int(size)
		proposals = append(proposals, body[n:end:end])
		body = body[end:]
	}
	if len(body) != 0 {
		return nil, fmt.Errorf("%w: %d bytes behind the last proposal of a frame", ErrCorrupt, len(body))
	}
	return proposals, nil
}
