package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Cluster is who a node is among others, and how it finds them.
type Cluster struct {
	// NodeID names the node for all time, to Kafka clients too. At least 1.
	NodeID int32
	// RaftAddr is the host:port for the other nodes; empty for a node that is alone.
	RaftAddr string
	// RaftAdvertise is the host:port at which others reach RaftAddr, where that differs.
	RaftAdvertise string
	// Peers are the first nodes of a cluster, this one among them: the same list for each.
	// It counts until the node is in a cluster.
	Peers []Peer
	// Join are host:port of RaftAddr of nodes that are in a cluster, for one that is to
	// come into it. They count until it has.
	Join []string
	// Nonvoter lets it have all data and no vote.
	Nonvoter bool
	// Rack is where it stands, which consumers name to read from a node near them
	// (broker.rack, KIP-392).
	Rack string
	// Certificate, Key and CA are PEM files; the nodes know each other by certificates
	// that CA has signed. All or none.
	Certificate, Key, CA string
}

// Peer is one of Cluster.Peers.
type Peer struct {
	NodeID  int32
	Address string
}

// String is ID=HOST:PORT.
func (p Peer) String() string { return fmt.Sprintf("%d=%s", p.NodeID, p.Address) }

// IsAlone tells whether other nodes can never reach this one.
func (c Cluster) IsAlone() bool { return c.RaftAddr == "" }

// HasTLS tells whether nodes show each other certificates.
func (c Cluster) HasTLS() bool { return c.Certificate != "" }

// Advertised is where other nodes reach this one, but for a port 0.
func (c Cluster) Advertised() string { return cmp.Or(c.RaftAdvertise, c.RaftAddr) }

func (c Config) validateCluster(report func(format string, args ...any)) {
	cluster := c.Cluster
	if cluster.NodeID < 1 {
		report("node-id: %d is not 1 or more", cluster.NodeID)
	}
	if files := []string{cluster.Certificate, cluster.Key, cluster.CA}; slices.Contains(files, "") && slices.ContainsFunc(files, func(f string) bool { return f != "" }) {
		report("raft-cert, raft-key and raft-ca: one is missing; `kont cluster certs` makes all three")
	}
	if cluster.IsAlone() {
		if len(cluster.Peers) > 0 || len(cluster.Join) > 0 || cluster.RaftAdvertise != "" || cluster.Nonvoter || cluster.HasTLS() {
			report("raft-addr: empty, and raft-advertise, peers, join, non-voter and raft-cert are about other nodes; say where they reach this one")
		}
		return
	}
	host, err := splitAddress(cluster.RaftAddr)
	switch {
	case err != nil:
		report("raft-addr: %w", err)
	case !isLoopback(host) && !cluster.HasTLS() && !c.Insecure:
		report("raft-addr: other machines can reach %s, and whoever does would be taken for a node; "+
			"give the nodes certificates (raft-cert, raft-key, raft-ca; `kont cluster certs` makes some), or accept it with --insecure", cluster.RaftAddr)
	}
	if cluster.RaftAdvertise != "" {
		host, err = splitAddress(cluster.RaftAdvertise)
	}
	switch {
	case err != nil && cluster.RaftAdvertise != "":
		report("raft-advertise: %w", err)
	case err == nil && isUnspecified(host):
		report("raft-advertise: %q is no address to connect to; name a host that the other nodes can reach", cluster.Advertised())
	}
	if len(cluster.Peers) > 0 && len(cluster.Join) > 0 {
		report("peers and join: a node either forms a cluster with others or joins one that is there; leave one out")
	}
	if len(cluster.Peers) > 0 && cluster.Nonvoter {
		report("peers and non-voter: the first nodes of a cluster have votes; let this one join")
	}
	if len(cluster.Peers) == 0 && len(cluster.Join) == 0 && cluster.Nonvoter {
		report("non-voter: without join a node begins a cluster, in which no other one votes; name nodes of a cluster with join, or leave it out")
	}
	isSelf := func(address string) bool { return address == cluster.Advertised() || address == cluster.RaftAddr }
	if len(cluster.Join) > 0 && !slices.ContainsFunc(cluster.Join, func(address string) bool { return !isSelf(address) }) {
		report("join: %s is this node; name the raft-addr of another one, which is in the cluster", strings.Join(cluster.Join, ","))
	}
	for _, address := range cluster.Join {
		if _, err := splitAddress(address); err != nil {
			report("join: %w", err)
		}
	}
	c.validatePeers(report)
}

func (c Config) validatePeers(report func(format string, args ...any)) {
	cluster := c.Cluster
	ids, addresses := map[int32]bool{}, map[string]bool{}
	for _, peer := range cluster.Peers {
		if _, err := splitAddress(peer.Address); err != nil {
			report("peers: %w", err)
		}
		if ids[peer.NodeID] || addresses[peer.Address] {
			report("peers: %s has the id or the address of another one", peer)
		}
		ids[peer.NodeID], addresses[peer.Address] = true, true
		if peer.NodeID == cluster.NodeID && peer.Address != cluster.Advertised() {
			report("peers: this node is %s there, and raft-addr or raft-advertise is %s; they must be the same", peer, cluster.Advertised())
		}
	}
	if len(cluster.Peers) > 0 && !ids[cluster.NodeID] {
		report("peers: node %d, which is this one, is not among them; all first nodes have the same list", cluster.NodeID)
	}
}

// parsePeers reads ID=HOST:PORT,…, and sorts it by id.
func parsePeers(value string) ([]Peer, error) {
	var peers []Peer
	for item := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ',' || r == '\n' || r == ' ' }) {
		idText, address, _ := strings.Cut(item, "=")
		id, err := strconv.ParseInt(idText, 10, 32)
		if err != nil || id < 1 || address == "" {
			return nil, fmt.Errorf("%q is not ID=HOST:PORT, such as 1=10.0.0.1:7000", item)
		}
		peers = append(peers, Peer{int32(id), address})
	}
	if peers == nil && strings.TrimSpace(value) != "" {
		return nil, fmt.Errorf("%q has only separators; leave it out if there is nothing to name", value)
	}
	slices.SortFunc(peers, func(a, b Peer) int { return cmp.Compare(a.NodeID, b.NodeID) })
	return peers, nil
}
