// Package wire reads Kafka request frames without trusting them.
//
// Package kmsg decodes well-formed requests. It was written for clients, which
// trust their brokers: it believes array lengths up to the number of bytes left
// and counts of tagged fields up to 2^32, so that a frame of twenty bytes can keep
// a core busy for a minute and one of a megabyte can take a gigabyte. This package
// goes over a request first, along a Shape that says where the lengths are, and
// refuses what cannot be. It allocates nothing on the way.
//
// It refuses to know what a request means, and it writes nothing.
//
// # What the caller owes
//
// A frame belongs to the caller. Check before kmsg's ReadFrom, with the same
// version.
//
// # Bytes
//
//	frame:  | size int32 | header | body |
//	header: | key int16 | version int16 | correlation id int32 | client id, int16 length, -1: null |
//	        | tagged fields |                              only if the version is flexible (KIP-482)
//
// # Invariants
//
// A body that passes Check is decoded by kmsg with at most ElementsMax array
// elements and tagged fields together, in time linear in its length.
package wire
