// Package link makes the connections between the nodes of a cluster.
//
// A Port is the one address at which other nodes reach this one. Each connection says
// first what it is for, from which node and cluster it comes, and which node it looks
// for; so nodes of another cluster, or with the id of another node, are noticed before
// they do harm, and told why they are refused. What then goes over the connection is
// not this package's: Raft's own messages, or whatever the server says to another.
//
// Ids are taken at their word. Who is not to be believed has to be kept out by mutual
// TLS, or by a network that only the nodes can reach.
package link
