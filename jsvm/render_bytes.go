package jsvm

import (
	"encoding/binary"
	"math"
	"strconv"

	"kont/jsvm/continuation"
)

// itemBytes are the sizes of the items of typed arrays.
var itemBytes = map[string]int{"Int8Array": 1, "Uint8Array": 1, "Uint8ClampedArray": 1, "Int16Array": 2, "Uint16Array": 2,
	"Int32Array": 4, "Uint32Array": 4, "Float32Array": 4, "Float64Array": 8, "BigInt64Array": 8, "BigUint64Array": 8}

// viewed are the bytes that a typed array or a DataView shows.
func (in *inspector) viewed(n *continuation.Node, kind string) []byte {
	birth := in.graph.Birth(n)
	if len(birth) != 3 {
		return nil
	}
	buffer := in.nodeOf(birth[0], true)
	if buffer == nil || buffer.Kind != continuation.Buffer {
		return nil
	}
	bytes := in.graph.Blobs[buffer.Number]
	from, length := countOf(birth[1]), countOf(birth[2])
	size := itemBytes[kind]
	if from < 0 || from > len(bytes) || length < 0 || size == 0 || length > (len(bytes)-from)/size {
		return nil
	}
	return bytes[from : from+length*size]
}

// countOf is a number that counts; -1 if it does not.
func countOf(v continuation.Value) int {
	switch v.Kind {
	case continuation.Int:
		return int(int64(v.N))
	case continuation.Double:
		if f := v.Float(); f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return int(f)
		}
	}
	return -1
}

// bytes shows bytes as the items of a typed array of that kind: `Uint8Array(7) [1, 2, 3, 4, 5, … 2 more]`.
func (in *inspector) bytes(name, kind string, bytes []byte) string {
	size := max(itemBytes[kind], 1)
	length := len(bytes) / size
	text := name + "(" + strconv.Itoa(length) + ") ["
	for i := range min(length, renderItemsMax) {
		if i > 0 {
			text += ", "
		}
		text += itemText(kind, bytes[i*size:(i+1)*size])
	}
	if length > renderItemsMax {
		text += ", … " + strconv.Itoa(length-renderItemsMax) + " more"
	}
	return text + "]"
}

// itemText is one item; goja keeps them as the processor does.
func itemText(kind string, item []byte) string {
	order := binary.NativeEndian
	switch kind {
	case "Int8Array":
		return strconv.Itoa(int(int8(item[0])))
	case "Int16Array":
		return strconv.Itoa(int(int16(order.Uint16(item))))
	case "Uint16Array":
		return strconv.Itoa(int(order.Uint16(item)))
	case "Int32Array":
		return strconv.Itoa(int(int32(order.Uint32(item))))
	case "Uint32Array":
		return strconv.FormatUint(uint64(order.Uint32(item)), 10)
	case "Float32Array":
		return numberText(float64(math.Float32frombits(order.Uint32(item))))
	case "Float64Array":
		return numberText(math.Float64frombits(order.Uint64(item)))
	case "BigInt64Array":
		return strconv.FormatInt(int64(order.Uint64(item)), 10) + "n"
	case "BigUint64Array":
		return strconv.FormatUint(order.Uint64(item), 10) + "n"
	}
	return strconv.Itoa(int(item[0]))
}
