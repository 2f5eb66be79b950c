package raftlog

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/hashicorp/raft-wal/metadb"
	"github.com/hashicorp/raft-wal/types"
)

// The last write into a segment also writes the segment's index, which seals the file.
// After that, in the background, the wal notes the seal in its metadata and begins a new
// segment. Version 0.4.0 does not get over three accidents, which this file and
// walFiler.Open take care of:
//
//   - The process dies, or the disk fails, between the two. The file is sealed, the
//     metadata say that it is open, and every append is refused for good.
//   - The last write is torn behind the index. The write is rightly dropped, but the
//     file counts as sealed, as before.
//   - A suffix of an open segment is deleted, which a follower does whose entries were
//     never committed. The metadata say that the segment is sealed, but it has no
//     index, and none of it can be read after the next start.
//
// A segment that is sealed by the metadata and without an index there (IndexStart is 0)
// is read by way of a scan. So the repair is to seal such a file in the metadata, and
// not to trust its index.

// prepareWAL must precede wal.Open. It refuses metadata that know of no segments where
// there are some, since wal.Open would delete those, and lets an open segment whose file
// is sealed be followed by a new one.
func prepareWAL(dir string, meta types.MetaStore, files types.SegmentFiler) error {
	state, err := meta.Load(dir)
	if err != nil {
		return err
	}
	if len(state.Segments) == 0 {
		present, err := files.List()
		if err == nil && len(present) > 0 {
			err = fmt.Errorf("%w: %s lists no segment, but there are %d", ErrCorrupt, filepath.Join(dir, metadb.FileName), len(present))
		}
		return err
	}
	tail := &state.Segments[len(state.Segments)-1]
	if !tail.SealTime.IsZero() {
		return nil
	}
	writer, err := files.RecoverTail(*tail)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the wal creates it
	}
	if err != nil {
		return err
	}
	sealed, _, err := writer.Sealed()
	last := writer.LastIndex()
	if err := errors.Join(err, writer.Close()); err != nil {
		return err
	}
	switch {
	case !sealed:
		return nil
	case last == 0:
		// Its first write is the torn one. The wal creates the file anew.
		if err := files.Delete(tail.BaseIndex, tail.ID); err != nil {
			return fmt.Errorf("delete a segment without entries: %w", err)
		}
		return nil
	}
	tail.SealTime, tail.MaxIndex, tail.IndexStart = time.Now(), last, 0
	state.Segments = append(state.Segments, types.SegmentInfo{
		ID:         state.NextSegmentID,
		BaseIndex:  last + 1,
		MinIndex:   last + 1,
		Codec:      tail.Codec,
		CreateTime: time.Now(),
		SizeLimit:  tail.SizeLimit,
	})
	state.NextSegmentID++
	return meta.CommitState(state)
}
