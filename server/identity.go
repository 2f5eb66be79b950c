package server

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kont/server/peers"
)

// identityVersion is the newest version of node.json that this release knows. Version 1
// was that of nodes that are alone.
const identityVersion = 2

// identity is what a node's directory says of itself, in node.json.
type identity struct {
	Version int `json:"version"`
	// ClusterID names the cluster over its whole life, also to Kafka clients: 22
	// characters, as Kafka's own (org.apache.kafka.common.Uuid). Empty while the node
	// is in none.
	ClusterID string `json:"cluster_id"`
	NodeID    int32  `json:"node_id"`
	// DirectoryID is that of the directory, as directory.id on a Kafka broker (KIP-858).
	DirectoryID peers.ID `json:"directory_id"`
	// IsFounder: the cluster begins with this node, so its log may begin here. Until it
	// is a member: a log that has gone is no beginning.
	IsFounder bool `json:"founder,omitempty"`
	// IsMember: the cluster has this node in its state.
	IsMember bool `json:"member,omitempty"`
}

const identityFile = "node.json"

// loadIdentity reads node.json, or writes it at the first start, with founds if the node is to be a cluster
// of its own.
func loadIdentity(files vfs.FS, dir string, nodeID int32, founds bool) (identity, error) {
	path := filepath.Join(dir, identityFile)
	id, err := readIdentity(files, path)
	if errors.Is(err, fs.ErrNotExist) {
		id = identity{Version: identityVersion, NodeID: nodeID, DirectoryID: randomID()}
		if founds {
			id.found()
		}
		return id, id.save(files, dir)
	}
	if err != nil {
		return identity{}, err
	}
	if id.NodeID != nodeID {
		return identity{}, fmt.Errorf("%s belongs to node %d, not to %d; start it with --node-id %d, or with another directory", path, id.NodeID, nodeID, id.NodeID)
	}
	if id.ClusterID == "" && founds {
		id.found()
		return id, id.save(files, dir)
	}
	return id, nil
}

// readIdentity reads node.json of any version.
func readIdentity(files vfs.FS, path string) (identity, error) {
	file, err := files.Open(path)
	if err != nil {
		return identity{}, err
	}
	data, err := io.ReadAll(file)
	if err := errors.Join(err, file.Close()); err != nil {
		return identity{}, err
	}
	var id identity
	if err := json.Unmarshal(data, &id); err != nil {
		return identity{}, fmt.Errorf("%s is damaged: %w", path, err)
	}
	if id.Version < 1 || id.Version > identityVersion {
		return identity{}, fmt.Errorf("%s has version %d, newest known is %d", path, id.Version, identityVersion)
	}
	if id.ClusterID == "" && (id.Version == 1 || id.IsMember) {
		return identity{}, fmt.Errorf("%s is damaged: no cluster id", path)
	}
	if id.Version == 1 {
		id.Version, id.NodeID, id.IsFounder = identityVersion, 1, true
		id.DirectoryID = derivedDirectoryID(id.ClusterID, id.NodeID)
	}
	return id, nil
}

// found makes the node the first of a new cluster.
func (id *identity) found() {
	random := randomID()
	id.ClusterID, id.IsFounder = base64.RawURLEncoding.EncodeToString(random[:]), true
}

func randomID() (id peers.ID) {
	rand.Read(id[:])
	return id
}

// save writes node.json as a whole, or not at all.
func (id *identity) save(files vfs.FS, dir string) error {
	data, err := json.Marshal(id)
	if err != nil {
		return err
	}
	return writeFile(files, filepath.Join(dir, identityFile), append(data, '\n'))
}
