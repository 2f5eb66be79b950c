// Package continuation is the stored form of a suspended thread: an object graph
// with identity, in versioned bytes.
//
// It knows no JavaScript engine. A Graph is a plain Go value that the engine's
// side walks its heap into (package jsvm, save_*.go) and builds its heap from
// (restore_*.go); people's tools read the same Graph without starting an engine.
//
// It refuses bytes that it cannot prove harmless: Unmarshal reads untrusted input,
// checks every index and count before it uses it, allocates in proportion to the
// input and within Limits, and never panics. A Graph that Unmarshal returned has only
// valid indexes. Whether the functions and names in it exist is the engine's question.
//
// The caller owes it the Dictionary that the bytes were written with. A dictionary
// belongs to a bundle and is stored with it; the header names the bundle.
//
// # Bytes, version 1
//
//	byte      format version
//	uvarint   runtime ABI version
//	16 bytes  start of the bundle's hash
//	uvarints  numbers of dictionary strings, functions, shapes
//	strings   uvarint count; each uvarint length, bytes (WTF-8)
//	functions uvarint count; each uvarint: 0 = literal (string, 8 bytes fingerprint), n = dictionary function n-1
//	symbols   uvarint count; each byte kind, string
//	shapes    uvarint count; each uvarint: n = dictionary shape n-1, 0 = literal:
//	          uvarint count<<2 | class?<<1 | attributes?, class (value), keys (value), attribute bytes
//	nodes     uvarint count; each as below
//	module    uvarint count; each string, value
//	root      value
//
// A string is an index: first the continuation's own strings, then the dictionary's.
// A value is one uvarint whose low two bits say: 0 reference to a node, 1 string, 2
// integer (zigzag), 3 something else: then four bits ValueKind and the payload above;
// a double has its eight bytes after it, little endian, bit for bit.
// A node is uvarint kind | flags<<5, the fields of its kind in the order of writeNode,
// its prototype when flagged, its own properties (shape, values) when flagged.
// Nodes stand in the order in which a breadth-first walk from the root first meets them.
//
// # Invariants
//
// Marshal of what Unmarshal returned gives a continuation that Unmarshal reads as the
// same Graph. A version byte's meaning never changes once released; golden bytes of
// each version are in the testdata of package jsvm.
package continuation
