package command

// Level says which kinds of command a release knows, and what they mean. A cluster's level is what
// all its nodes know: until the last node of an older release has gone, no newer kind is proposed,
// since a node that meets a kind that it doesn't know has to stop, and no command has a meaning that
// one of them doesn't give it.
type Level uint32

// NewestLevel is that of this release. Level 1 is all kinds up to ForgetNode; a release that adds
// a kind raises it, and says in levels which.
const NewestLevel = LevelPartitionsInAll

// LevelStepsInARow is from where on a step of CommitSteps is refused if one before it, in the same command and
// of the same thread, was refused.
const LevelStepsInARow Level = 2

// LevelPartitionsInAll is from where on there is a bound for the partitions of all topics together: what would make more is
// refused with ErrLimit.
const LevelPartitionsInAll Level = 3

// LevelPrunesAsMany is from where on CommitSteps drops more of the ended threads that are too many than it has steps.
const LevelPrunesAsMany = LevelPartitionsInAll

// LevelRetriesCompacted is from where on what RetryThread has to look through is not taken for larger where the topic was compacted.
const LevelRetriesCompacted = LevelPartitionsInAll

// levels are the kinds that not all releases with nodes in clusters know.
var levels = map[Kind]Level{}

// LevelOf is the least level of a cluster in which a kind may be proposed.
func LevelOf(kind Kind) Level { return max(levels[kind], 1) }

// RegisterNode tells the cluster of a node that has started, in place of what it said
// before. Its result is nil, or ErrNodeIDTaken or ErrNodeTooOld.
type RegisterNode struct {
	Node Node `cbor:"1,keyasint"`
}

// ForgetNode takes back what a node said of itself, so that another can have its id. Its
// result is nil, also for a node that isn't there.
type ForgetNode struct {
	NodeID int32 `cbor:"1,keyasint"`
}

// Node is what a node says of itself.
type Node struct {
	// ID is its number, as the node id of a Kafka broker.
	ID int32 `cbor:"1,keyasint"`
	// DirectoryID is that of its data: a node with the same id that has lost its disk has
	// another one, and so has another node that was given the id by mistake.
	DirectoryID [16]byte `cbor:"2,keyasint"`
	// StartID differs from start to start.
	StartID [16]byte `cbor:"3,keyasint"`
	// Level is NewestLevel of its release, Version that release's name.
	Level   Level  `cbor:"4,keyasint"`
	Version string `cbor:"5,keyasint,omitempty"`
	// RaftAddress is where other nodes reach it, host:port; empty for one that is alone.
	RaftAddress string `cbor:"6,keyasint,omitempty"`
	// HTTPAddress is where people do.
	HTTPAddress string `cbor:"7,keyasint,omitempty"`
	// Listeners are where Kafka clients do.
	Listeners []NodeListener `cbor:"8,keyasint,omitempty"`
	// Nonvoter: it wants no vote.
	Nonvoter bool `cbor:"10,keyasint,omitempty"`
	// Rack is where it stands, as broker.rack (KIP-392); empty if it does not say.
	Rack string `cbor:"9,keyasint,omitempty"`
}

// NodeListener is what clients of a listener are told of a node.
type NodeListener struct {
	Name string `cbor:"1,keyasint"`
	Host string `cbor:"2,keyasint"`
	Port int32  `cbor:"3,keyasint"`
}

// Nodes are those that have registered, at a time. They are never changed: where one is, there are others.
type Nodes struct {
	// ByID are sorted.
	ByID []Node
	// Level is what all of them know. It never falls.
	Level Level
}

// Of finds a node.
func (n *Nodes) Of(id int32) (Node, bool) {
	for _, node := range n.ByID {
		if node.ID == id {
			return node, true
		}
	}
	return Node{}, false
}

func (RegisterNode) Kind() Kind { return KindRegisterNode }
func (ForgetNode) Kind() Kind   { return KindForgetNode }
