package statemachine

import (
	"encoding/binary"

	"kont/statemachine/command"
	"kont/statemachine/keys"
)

// bundle is what is kept in memory of a bundle. Its number and hash stay for ever,
// since histories name them; its bytes go when nothing needs them.
type bundle struct {
	hash command.BundleHash
	// threads run it; deployments are bound to it.
	threads     uint64
	deployments uint64
	// isStored says that the bytes are there.
	//
	// Invariant: isStored == (threads+deployments > 0).
	isStored bool

	isDirty bool
}

func (b *bundle) encode(dst []byte) []byte {
	dst = append(dst, valueVersion)
	dst = append(dst, b.hash[:]...)
	dst = binary.AppendUvarint(dst, b.threads)
	return binary.AppendUvarint(dst, b.deployments)
}

func decodeBundle(value []byte) (bundle, error) {
	r := readValue(value)
	b := bundle{}
	copy(b.hash[:], r.bytes(uint64(len(b.hash))))
	b.threads = r.uint()
	b.deployments = r.uint()
	b.isStored = b.threads+b.deployments > 0
	return b, r.end("bundle")
}

// deployment is a bundle bound to a resume topic.
type deployment struct {
	app               string
	bundle            keys.BundleNumber
	outputTopics      []string
	deployedUnixMilli int64
}

func (d *deployment) encode(dst []byte) []byte {
	dst = append(dst, valueVersion)
	dst = appendString(dst, d.app)
	dst = binary.AppendUvarint(dst, uint64(d.bundle))
	dst = appendStrings(dst, d.outputTopics)
	return binary.AppendVarint(dst, d.deployedUnixMilli)
}

func decodeDeployment(value []byte) (deployment, error) {
	r := readValue(value)
	d := deployment{
		app:               r.string(),
		bundle:            keys.BundleNumber(r.uint()),
		outputTopics:      r.strings(),
		deployedUnixMilli: r.int(),
	}
	return d, r.end("deployment")
}
