// Package bench drives a server over the Kafka protocol and measures it.
//
// A scenario has many logical clients, which are entries of a slice and cost
// nothing between two records; a few Kafka connections with no linger carry the
// records of all. So the driver takes little of the cores that it shares with
// the server. Latency is of records: from before the client library was given
// the one that was sent, to after it gave the one that answers.
//
// The driver speaks public APIs only, as any client does: Kafka for records,
// HTTP to deploy and to ask for sizes. It measures a server that is there
// already, or a child process of the same executable with a data directory of
// its own on a real disk and fsync on.
//
// The first part of a run, at most two seconds, is not counted. A run that makes
// no progress for stallTime is an error, not a low figure.
package bench
