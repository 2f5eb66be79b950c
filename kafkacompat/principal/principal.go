// Package principal names the clients of the Kafka listener: what Kafka calls a
// principal, such as User:alice or User:CN=orders,O=Example.
//
// It knows no sockets. It makes names of certificates as Apache Kafka does, so that
// ACLs written for a Kafka cluster mean the same here: the distinguished name as
// Java prints it (RFC 2253), through the rules of ssl.principal.mapping.rules
// (KIP-371). It stores nothing.
package principal

import "strings"

// TypeUser is the only type of principals that there is.
const TypeUser = "User"

// Anonymous is who comes over a listener that asks nobody for a name.
const Anonymous = "User:ANONYMOUS"

// Of is the principal of a user's name.
func Of(name string) string { return TypeUser + ":" + name }

// NameOf is the user's name in a principal, and false if it is not one of a user.
func NameOf(principal string) (string, bool) { return strings.CutPrefix(principal, TypeUser+":") }
