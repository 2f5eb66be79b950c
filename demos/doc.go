// Package demos holds workflows to read, to run and to copy from: one folder a demo, with its index.ts, index.test.ts and README.md.
//
// A demo is played by a function that acts as the outside world: it sends the records that services and people would send, and waits for the records that
// the workflow writes. `kont demo NAME` gives it a node and a Kafka client as its Stage; the tests give it one in memory with virtual time, so what is
// shown to people is what is tested. Refs are read from the records, which carry them, as a real service would.
//
// The package imports nothing of the server and stores nothing.
package demos
