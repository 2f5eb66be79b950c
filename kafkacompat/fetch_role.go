package kafkacompat

import (
	"hash/fnv"
	"slices"
)

// A fetchRole is what a node is to a consumer that fetches.
//
// A consumer that says in which rack it stands reads from a node there (KIP-392). The leader, to which it comes first, sends it to
// one that is caught up; that node has nothing but what is committed, and so may tell the consumer of all that it has. It serves those of its own rack
// only: others know no better than that it leads, and are to look for the leader. Without a leader
// it serves nobody, for it can't know what it misses.
type fetchRole struct {
	node, leader, epoch int32
	serves              bool
	// sentTo is the node from which the consumer is to read, 0 for this one.
	sentTo int32
}

func (r fetchRole) isFollower() bool { return r.leader != r.node }

// fetchRole is what this node is now to a consumer in a rack.
func (c *call) fetchRole(rack string) fetchRole {
	role := fetchRole{node: c.cluster().NodeID()}
	role.leader, role.epoch = c.cluster().Leader()
	role.serves = role.leader == role.node
	if rack == "" || role.leader < 0 {
		return role
	}
	isNear := c.broker(role.node).Rack == rack
	switch {
	case !role.serves:
		role.serves = isNear
	case !isNear:
		role.sentTo = c.replicaIn(rack)
	}
	return role
}

// replicaIn is one of the caught-up nodes of a rack that the client can reach, for one client mostly the same; 0 for none.
func (c *call) replicaIn(rack string) int32 {
	replicas := slices.DeleteFunc(c.cluster().ReadReplicas(rack), func(id int32) bool { return c.broker(id).NodeID < 0 })
	if len(replicas) == 0 {
		return 0
	}
	slices.Sort(replicas)
	hash := fnv.New32a()
	hash.Write([]byte(c.header.ClientID)) // never fails
	hash.Write([]byte(c.address))
	return replicas[hash.Sum32()%uint32(len(replicas))]
}
