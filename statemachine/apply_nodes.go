package statemachine

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"kont/statemachine/command"
	"kont/statemachine/keys"
)

// noNodes is what a store has in which no node has registered.
var noNodes = &command.Nodes{Level: 1}

func (c *change) applyRegisterNode(com *command.RegisterNode) error {
	node, before := com.Node, c.work.nodes
	if known, exists := before.Of(node.ID); exists && known.DirectoryID != node.DirectoryID {
		return fmt.Errorf("%w: node %d has its data in directory %x, not %x", command.ErrNodeIDTaken, node.ID, known.DirectoryID, node.DirectoryID)
	}
	if node.Level < before.Level {
		return fmt.Errorf("%w: node %d knows commands of level %d, the cluster is at %d", command.ErrNodeTooOld, node.ID, node.Level, before.Level)
	}
	if err := checkNode(&node); err != nil {
		return err
	}
	after := &command.Nodes{ByID: without(before.ByID, node.ID), Level: before.Level}
	if len(after.ByID) >= NodesMax {
		return limitError("nodes", len(after.ByID)+1, NodesMax)
	}
	after.ByID = append(after.ByID, node)
	slices.SortFunc(after.ByID, func(a, b command.Node) int { return cmp.Compare(a.ID, b.ID) })
	c.value = encodeNode(c.value[:0], &node)
	c.set(c.key.NodeOf(node.ID), c.value)
	c.setNodes(after)
	return nil
}

func (c *change) applyForgetNode(com *command.ForgetNode) error {
	before := c.work.nodes
	if _, exists := before.Of(com.NodeID); exists {
		c.delete(c.key.NodeOf(com.NodeID))
		c.setNodes(&command.Nodes{ByID: without(before.ByID, com.NodeID), Level: before.Level})
	}
	return nil
}

// setNodes raises the level to what all nodes know.
func (c *change) setNodes(nodes *command.Nodes) {
	if len(nodes.ByID) > 0 {
		least := slices.MinFunc(nodes.ByID, func(a, b command.Node) int { return cmp.Compare(a.Level, b.Level) })
		nodes.Level = max(nodes.Level, least.Level)
	}
	if nodes.Level != c.work.nodes.Level {
		c.value = encodeClusterLevel(c.value[:0], nodes.Level)
		c.set(c.key.ClusterLevel(), c.value)
	}
	c.work.nodes = nodes
}

// without copies a list, since readers have the one before.
func without(nodes []command.Node, id int32) []command.Node {
	return slices.DeleteFunc(slices.Clone(nodes), func(node command.Node) bool { return node.ID == id })
}

func checkNode(node *command.Node) error {
	bytes := len(node.Version) + len(node.RaftAddress) + len(node.HTTPAddress) + len(node.Rack)
	for _, listener := range node.Listeners {
		bytes += len(listener.Name) + len(listener.Host)
	}
	if bytes > NodeBytesMax {
		return limitError("bytes of what a node says of itself", bytes, NodeBytesMax)
	}
	if len(node.Listeners) > ListenersMax {
		return limitError("listeners of a node", len(node.Listeners), ListenersMax)
	}
	return nil
}

func encodeNode(dst []byte, node *command.Node) []byte {
	dst = append(dst, valueVersion)
	dst = append(dst, node.DirectoryID[:]...)
	dst = append(dst, node.StartID[:]...)
	dst = binary.AppendUvarint(dst, uint64(node.Level))
	for _, text := range []string{node.Version, node.RaftAddress, node.HTTPAddress, node.Rack} {
		dst = appendString(dst, text)
	}
	isNonvoter := byte(0)
	if node.Nonvoter {
		isNonvoter = 1
	}
	dst = append(dst, isNonvoter)
	dst = binary.AppendUvarint(dst, uint64(len(node.Listeners)))
	for _, listener := range node.Listeners {
		dst = appendString(appendString(dst, listener.Name), listener.Host)
		dst = binary.AppendVarint(dst, int64(listener.Port))
	}
	return dst
}

// decodeNode reads all but the id, which is in the key.
func decodeNode(value []byte) (command.Node, error) {
	r := readValue(value)
	var node command.Node
	copy(node.DirectoryID[:], r.bytes(uint64(len(node.DirectoryID))))
	copy(node.StartID[:], r.bytes(uint64(len(node.StartID))))
	node.Level = command.Level(r.uint())
	for _, text := range []*string{&node.Version, &node.RaftAddress, &node.HTTPAddress, &node.Rack} {
		*text = r.string()
	}
	node.Nonvoter = r.byte() == 1
	for range r.count() {
		node.Listeners = append(node.Listeners, command.NodeListener{Name: r.string(), Host: r.string(), Port: int32(r.int())})
	}
	return node, r.end("node")
}

func encodeClusterLevel(dst []byte, level command.Level) []byte {
	return binary.AppendUvarint(append(dst, valueVersion), uint64(level))
}

func decodeClusterLevel(value []byte) (command.Level, error) {
	r := readValue(value)
	level := command.Level(r.uint())
	return level, r.end("level of the cluster")
}

func (im *image) loadNode(key, value []byte) error {
	if im.nodes == noNodes {
		im.nodes = &command.Nodes{Level: noNodes.Level}
	}
	id, isNode := keys.ParseNode(key)
	if !isNode {
		level, err := decodeClusterLevel(value)
		im.nodes.Level = level
		return err
	}
	node, err := decodeNode(value)
	node.ID = id
	im.nodes.ByID = append(im.nodes.ByID, node)
	return err
}

// Nodes are the nodes that have registered. The pointer differs whenever they do; nobody may change what it leads to.
func (s *Store) Nodes() (nodes *command.Nodes) {
	s.view(func(im *image) { nodes = im.nodes })
	return nodes
}
