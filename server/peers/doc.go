// Package peers is what the nodes of a cluster ask each other, beside the messages of
// Raft: who is there, to be taken in, and to answer what only the leader can. It is HTTP
// over connections of package link, so who may ask is settled before the first request.
//
// It refuses to know how a cluster is formed, which is the server's; and it keeps nothing.
package peers
