package raftlog

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// identityFile says in JSON whose directory this is. It is written once.
const identityFile = "node.json"

const identityVersion = 1

type identity struct {
	Version  int    `json:"version"`
	NodeID   string `json:"node_id"`
	LogStore string `json:"log_store"`
}

// checkIdentity refuses a directory that was made by another node or with another log
// store, where raft would see an empty log or wait for votes in vain.
func checkIdentity(cfg Config) error {
	path := filepath.Join(cfg.Dir, identityFile)
	want := identity{Version: identityVersion, NodeID: cfg.NodeID, LogStore: cfg.LogStore}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return writeIdentity(path, want)
	}
	if err != nil {
		return err
	}
	var got identity
	if err := json.Unmarshal(data, &got); err != nil || got.Version < 1 || got.NodeID == "" {
		return fmt.Errorf("%w: %s does not name a node", ErrCorrupt, path)
	}
	switch {
	case got.Version > identityVersion:
		return fmt.Errorf("%s has version %d, newest known is %d; use the release that wrote it", path, got.Version, identityVersion)
	case got.NodeID != want.NodeID:
		return fmt.Errorf("%s belongs to node %q, not to %q; use that id or another directory", path, got.NodeID, want.NodeID)
	case got.LogStore != want.LogStore:
		return fmt.Errorf("%s names log store %q, not %q; a directory keeps the log store that it was made with", path, got.LogStore, want.LogStore)
	}
	return nil
}

func writeIdentity(path string, id identity) error {
	data, err := json.Marshal(id)
	if err != nil {
		return err
	}
	temporary := path + ".tmp"
	if err := writeSynced(temporary, append(data, '\n')); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func writeSynced(path string, data []byte) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}
