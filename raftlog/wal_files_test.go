package raftlog_test

import (
	"os"
	"path/filepath"
	"sync"

	walfs "github.com/hashicorp/raft-wal/fs"
	"github.com/hashicorp/raft-wal/types"
)

// testFiles are the real files of a wal with something in between: before each
// operation that changes the disk, intercept is called. It may do the operation in part
// and fail it.
type testFiles struct {
	types.VFS
	intercept func(op fileOp) error

	mu    sync.Mutex
	files map[string]*testFile // guarded by mu; those written by this process
}

// fileOp is one operation. write does the first n bytes of it, if it is a write.
type fileOp struct {
	kind  string // create, delete, write or sync
	path  string
	bytes int
	write func(n int) error
}

func newTestFiles(intercept func(op fileOp) error) *testFiles {
	return &testFiles{VFS: walfs.New(), intercept: intercept, files: map[string]*testFile{}}
}

func (v *testFiles) Create(dir, name string, size uint64) (types.WritableFile, error) {
	path := filepath.Join(dir, name)
	if err := v.intercept(fileOp{kind: "create", path: path}); err != nil {
		return nil, err
	}
	inner, err := v.VFS.Create(dir, name, size)
	if err != nil {
		return nil, err
	}
	return v.add(path, &testFile{WritableFile: inner, files: v, path: path, new: true}), nil
}

func (v *testFiles) OpenWriter(dir, name string) (types.WritableFile, error) {
	inner, err := v.VFS.OpenWriter(dir, name)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, name)
	return v.add(path, &testFile{WritableFile: inner, files: v, path: path}), nil
}

func (v *testFiles) add(path string, file *testFile) *testFile {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.files[path] = file
	return file
}

func (v *testFiles) Delete(dir, name string) error {
	if err := v.intercept(fileOp{kind: "delete", path: filepath.Join(dir, name)}); err != nil {
		return err
	}
	return v.VFS.Delete(dir, name)
}

// loseUnsynced undoes in a copy of the directory what was not synced in the original:
// new files vanish, written ranges read as zeros.
func (v *testFiles) loseUnsynced(original, copied string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for path, file := range v.files {
		relative, err := filepath.Rel(original, path)
		if err != nil {
			return err
		}
		if err := file.loseIn(filepath.Join(copied, relative)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

type testFile struct {
	types.WritableFile
	files *testFiles
	path  string

	mu       sync.Mutex
	new      bool       // guarded by mu; never synced
	unsynced [][2]int64 // guarded by mu; offset and length
}

func (f *testFile) WriteAt(b []byte, offset int64) (int, error) {
	f.mu.Lock()
	f.unsynced = append(f.unsynced, [2]int64{offset, int64(len(b))})
	f.mu.Unlock()
	err := f.files.intercept(fileOp{kind: "write", path: f.path, bytes: len(b), write: func(n int) error {
		_, err := f.WritableFile.WriteAt(b[:n], offset)
		return err
	}})
	if err != nil {
		return 0, err
	}
	return f.WritableFile.WriteAt(b, offset)
}

func (f *testFile) Sync() error {
	if err := f.files.intercept(fileOp{kind: "sync", path: f.path}); err != nil {
		return err
	}
	if err := f.WritableFile.Sync(); err != nil {
		return err
	}
	f.mu.Lock()
	f.unsynced, f.new = nil, false
	f.mu.Unlock()
	return nil
}

func (f *testFile) loseIn(path string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.new {
		return os.Remove(path)
	}
	out, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer out.Close()
	for _, lost := range f.unsynced {
		if _, err := out.WriteAt(make([]byte, lost[1]), lost[0]); err != nil {
			return err
		}
	}
	return nil
}
