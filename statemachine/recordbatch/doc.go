// Package recordbatch reads, checks and writes Kafka record batches of format 2
// (KIP-98; Kafka's documentation, "Message Format").
//
// A batch travels through kont as the bytes that the client sent: stored, fetched
// and mirrored without being decoded, its compression kept. This package is for
// the places that must look inside: checking what comes in, reading events and
// timers, finding a timestamp, and writing batches of our own.
//
// It refuses formats 0 and 1, whose records Kafka itself no longer writes, and it
// never trusts a length: every number in a batch is compared with what is really
// there before it is used, and what decompresses to more than
// DecompressedBytesMax is an error rather than a full memory.
//
// # What the caller owes
//
// Records alias the batch that they were read from, or a buffer of their own if
// it was compressed. Whoever keeps a record of an uncompressed batch keeps the
// batch, and doesn't write into it. SetBaseOffset, SetLogAppendTime and Admit write
// into the batch that they are given.
//
// # Bytes
//
// Integers are big-endian. Lengths and deltas of a record are zigzag varints.
//
//	 0  base offset            int64   not covered by the CRC
//	 8  batch length           int32   bytes that follow; not covered
//	12  partition leader epoch int32   not covered
//	16  magic                  int8    2; not covered
//	17  CRC-32C                uint32  of all from 21 on
//	21  attributes             int16   | 0-2 codec | 3 log append time | 4 transactional | 5 control |
//	                                   | 6 base timestamp is the delete horizon of tombstones |
//	23  last offset delta      int32   records - 1, until a topic is compacted
//	27  base timestamp         int64   milliseconds since 1970
//	35  max timestamp          int64
//	43  producer id            int64   -1: none
//	51  producer epoch         int16
//	53  base sequence          int32
//	57  number of records      int32
//	61  records                        compressed as a whole, if at all
//
//	record: | length | attributes int8 | timestamp delta | offset delta
//	        | key length, -1: null | key | value length, -1: null | value
//	        | number of headers | { key length | key | value length | value }... |
//
// Compressed data is a gzip stream, a raw snappy block or xerial's framing of
// snappy blocks, an LZ4 frame, or a zstd frame.
package recordbatch
