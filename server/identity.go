package server

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// identityVersion is the newest version of node.json that this release knows.
const identityVersion = 1

// identity is what a node's directory says of itself, in node.json.
type identity struct {
	Version int `json:"version"`
	// ClusterID names the cluster to Kafka clients over its whole life: 22
	// characters, as Kafka's own (org.apache.kafka.common.Uuid).
	ClusterID string `json:"cluster_id"`
}

// loadIdentity reads node.json, or writes it at the first start.
func loadIdentity(dir string) (identity, error) {
	path := filepath.Join(dir, "node.json")
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeIdentity(path)
	}
	if err != nil {
		return identity{}, err
	}
	var id identity
	if err := json.Unmarshal(data, &id); err != nil {
		return identity{}, fmt.Errorf("%s is damaged: %w", path, err)
	}
	if id.Version < 1 || id.Version > identityVersion {
		return identity{}, fmt.Errorf("%s has version %d, newest known is %d", path, id.Version, identityVersion)
	}
	if id.ClusterID == "" {
		return identity{}, fmt.Errorf("%s is damaged: no cluster id", path)
	}
	return id, nil
}

// makeIdentity writes the file beside its place and moves it there, so that it is
// there as a whole or not at all.
func makeIdentity(path string) (identity, error) {
	var random [16]byte
	rand.Read(random[:])
	id := identity{Version: identityVersion, ClusterID: base64.RawURLEncoding.EncodeToString(random[:])}
	data, err := json.Marshal(id)
	if err != nil {
		return identity{}, err
	}
	file, err := os.Create(path + ".tmp")
	if err != nil {
		return identity{}, err
	}
	_, err = file.Write(append(data, '\n'))
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return identity{}, errors.Join(err, os.RemoveAll(file.Name()))
	}
	return id, nil
}

func syncDir(dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
