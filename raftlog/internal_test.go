package raftlog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

func frameOf(texts ...string) []byte {
	var proposals []*proposal
	for _, text := range texts {
		proposals = append(proposals, &proposal{data: []byte(text)})
	}
	return encodeFrame(proposals)
}

func TestFrameComesBack(t *testing.T) {
	for _, texts := range [][]string{{""}, {"a"}, {"a", "", strings.Repeat("b", 300)}, make([]string, 1000)} {
		got, err := decodeFrame(frameOf(texts...))
		if err != nil || len(got) != len(texts) {
			t.Fatalf("%d proposals came back as %d, %v", len(texts), len(got), err)
		}
		for i, text := range texts {
			if string(got[i]) != text {
				t.Fatalf("%q came back as %q", text, got[i])
			}
		}
	}
}

// The bytes are in every log that was ever written: a change here is a new version.
func TestFrameBytesOfVersion1(t *testing.T) {
	const golden = "0108767d5702026869026b6f"
	if got := fmt.Sprintf("%x", frameOf("hi", "ko")); got != golden {
		t.Errorf("got %s, want %s", got, golden)
	}
}

func TestEveryDamageOfAFrameIsFound(t *testing.T) {
	frame := frameOf("one", "two", strings.Repeat("three", 30))
	for i := range frame {
		for bit := range 8 {
			harmed := bytes.Clone(frame)
			harmed[i] ^= 1 << bit
			if _, err := decodeFrame(harmed); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("bit %d of byte %d: %v", bit, i, err)
			}
		}
		if _, err := decodeFrame(frame[:i]); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("cut to %d bytes: %v", i, err)
		}
	}
	if _, err := decodeFrame(append(bytes.Clone(frame), 0)); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("a byte more: %v", err)
	}
}

// The checksum is repaired, so that what lies behind it is reached.
func FuzzDecodeFrame(f *testing.F) {
	f.Add(frameOf("a", "bc")[frameHeaderBytes:])
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, body []byte) {
		frame := append([]byte{frameVersion, 0, 0, 0, 0}, body...)
		putChecksum(frame)
		proposals, err := decodeFrame(frame)
		if err != nil {
			return
		}
		var again []*proposal
		for _, data := range proposals {
			again = append(again, &proposal{data: data})
		}
		got, err := decodeFrame(encodeFrame(again))
		if err != nil || len(got) != len(proposals) {
			t.Fatalf("%d proposals came back as %d, %v", len(proposals), len(got), err)
		}
	})
}

func TestSealFindsEveryChange(t *testing.T) {
	entry := raft.Log{Index: 7, Term: 3, Type: raft.LogCommand, Data: []byte("data")}
	if stored := *sealed(&entry); unseal(7, &stored) != nil || stored.Extensions != nil {
		t.Fatal("an entry does not come back")
	}
	for name, change := range map[string]func(*raft.Log){
		"term":    func(l *raft.Log) { l.Term++ },
		"type":    func(l *raft.Log) { l.Type = raft.LogNoop },
		"data":    func(l *raft.Log) { l.Data = []byte("Data") },
		"index":   func(l *raft.Log) { l.Index++ },
		"seal":    func(l *raft.Log) { l.Extensions[1]++ },
		"version": func(l *raft.Log) { l.Extensions[0]++ },
		"no seal": func(l *raft.Log) { l.Extensions = nil },
	} {
		stored := *sealed(&entry)
		change(&stored)
		if err := unseal(7, &stored); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The sizes are compared with a plain map of them.
func TestLogSizesAgreeWithAPlainList(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var sizes logSizes
		plain := map[uint64]uint64{}
		first, next := uint64(5), uint64(5)
		for range 100 {
			switch random.IntN(6) {
			case 0: // trim
				max := first + random.Uint64N(4)
				sizes.remove(1, max)
				for ; first <= max && first < next; first++ {
					delete(plain, first)
				}
			case 1: // conflict
				min := next - random.Uint64N(3)
				if min <= first {
					break
				}
				sizes.remove(min, next+5)
				for ; next > min; next-- {
					delete(plain, next-1)
				}
			default:
				n := random.IntN(100)
				sizes.add(next, n)
				plain[next] = uint64(n) + entryOverheadBytes
				next++
			}
			from := first - 1 + random.Uint64N(next-first+3)
			var wantEntries, wantBytes uint64
			for index, size := range plain {
				if index > from {
					wantEntries++
					wantBytes += size
				}
			}
			if entries, bytes := sizes.above(from); entries != wantEntries || bytes != wantBytes {
				t.Fatalf("above %d: %d entries of %d bytes, want %d of %d", from, entries, bytes, wantEntries, wantBytes)
			}
			entriesMax, bytesMax := random.Uint64N(10), random.Uint64N(500)
			want, sum := uint64(0), uint64(0)
			for index := next - 1; index >= first && want < entriesMax && sum+plain[index] <= bytesMax; index-- {
				want, sum = want+1, sum+plain[index]
			}
			if got := sizes.newest(entriesMax, bytesMax); got != want {
				t.Fatalf("newest within %d and %d bytes: %d, want %d", entriesMax, bytesMax, got, want)
			}
			if len(plain) == 0 {
				first = next
			}
		}
	}
}

func TestWrittenMarkIsKeptAndChecked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "written")
	for _, want := range []uint64{0, 1, 1 << 40} {
		mark, err := openWrittenMark(path)
		if err != nil {
			t.Fatal(err)
		}
		if want > 0 {
			if err := mark.set(want); err != nil {
				t.Fatal(err)
			}
			if err := mark.lower(want + 1); err != nil || mark.index != want {
				t.Fatalf("lowered to a higher index: %d, %v", mark.index, err)
			}
		}
		mark.file.Close()
		if mark, err = openWrittenMark(path); err != nil || mark.index != want {
			t.Fatalf("found %d, %v, want %d", mark.index, err, want)
		}
		mark.file.Close()
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		data[i] ^= 4
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := openWrittenMark(path); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), path) {
			t.Fatalf("byte %d: %v", i, err)
		}
		data[i] ^= 4
	}
}

func TestSnapshotHeaderComesBackAndIsChecked(t *testing.T) {
	for _, want := range []snapshotHeader{{}, {hasData: true, stateIndex: 9}, {stateIndex: 1 << 60}} {
		good := want.bytes()
		if got, err := readSnapshotHeader(bytes.NewReader(good)); err != nil || got != want {
			t.Fatalf("%+v came back as %+v, %v", want, got, err)
		}
		for i := range good {
			harmed := bytes.Clone(good)
			harmed[i] ^= 0x10
			if _, err := readSnapshotHeader(bytes.NewReader(harmed)); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("byte %d: %v", i, err)
			}
		}
		if _, err := readSnapshotHeader(bytes.NewReader(good[:10])); err == nil {
			t.Fatal("a cut header was accepted")
		}
	}
}

// A follower deletes entries that a new leader does not have. Everything before them must
// still be there after a restart, in the same segment or another.
func TestDeletedSuffixSparesTheRestOverARestart(t *testing.T) {
	for _, keep := range []uint64{1, 3, 11, 17, 19} {
		t.Run(fmt.Sprint("keep=", keep), func(t *testing.T) {
			cfg := Config{WALSegmentBytes: 64 << 10}
			dir := t.TempDir()
			store, _, closer, err := openWAL(dir, cfg, hclog.NewNullLogger())
			if err != nil {
				t.Fatal(err)
			}
			entry := func(index, term uint64) *raft.Log {
				return &raft.Log{Index: index, Term: term, Data: bytes.Repeat([]byte{byte(index)}, 10_000)}
			}
			for index := uint64(1); index <= 20; index++ { // several segments
				if err := store.StoreLog(entry(index, 1)); err != nil {
					t.Fatal(err)
				}
			}
			if err := store.DeleteRange(keep+1, 20); err != nil {
				t.Fatal(err)
			}
			if err := store.StoreLog(entry(keep+1, 2)); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := closer.Close(); err != nil {
					t.Fatal(err)
				}
				if store, _, closer, err = openWAL(dir, cfg, hclog.NewNullLogger()); err != nil {
					t.Fatal(err)
				}
				if last, err := store.LastIndex(); err != nil || last != keep+1 {
					t.Fatalf("the log ends at %d, %v, want %d", last, err, keep+1)
				}
				for index := uint64(1); index <= keep+1; index++ {
					var got raft.Log
					if err := store.GetLog(index, &got); err != nil {
						t.Fatal(err)
					}
					want := entry(index, 1)
					if index == keep+1 {
						want.Term = 2
					}
					if got.Index != index || got.Term != want.Term || !bytes.Equal(got.Data, want.Data) {
						t.Fatalf("entry %d came back with term %d and %d bytes", index, got.Term, len(got.Data))
					}
				}
			}
			closer.Close()
		})
	}
}

// An entry fills a segment, so that a new one is begun beside, and is deleted at once: a snapshot has it, or a new leader has not.
func TestDeletionDoesNotMeetANewSegment(t *testing.T) {
	for name, keeps := range map[string]uint64{"all": 0, "the last": 1} {
		t.Run(name, func(t *testing.T) {
			dir, cfg := t.TempDir(), Config{WALSegmentBytes: 64 << 10}
			store, _, closer, err := openWAL(dir, cfg, hclog.NewNullLogger())
			if err != nil {
				t.Fatal(err)
			}
			full := bytes.Repeat([]byte("x"), 70_000)
			last := uint64(0)
			for range 100 {
				var logs []*raft.Log
				for range keeps + 1 {
					last++
					logs = append(logs, &raft.Log{Index: last, Term: 1, Data: full})
				}
				if err := store.StoreLogs(logs); err != nil {
					t.Fatalf("entry %d: %v", last, err)
				}
				if err := store.DeleteRange(last, last); err != nil {
					t.Fatal(err)
				}
				if keeps > 0 {
					last--
				}
				if got, err := store.LastIndex(); got != last*keeps || err != nil {
					t.Fatalf("the log ends at %d, %v, and not at %d", got, err, last*keeps)
				}
			}
			if err := closer.Close(); err != nil {
				t.Fatal(err)
			}
			if store, _, closer, err = openWAL(dir, cfg, hclog.NewNullLogger()); err != nil {
				t.Fatal(err)
			}
			defer closer.Close()
			if got, err := store.LastIndex(); got != last*keeps || err != nil {
				t.Errorf("after a restart the log ends at %d, %v, and not at %d", got, err, last*keeps)
			}
			if err := store.StoreLog(&raft.Log{Index: last + 1, Term: 1}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestHistogramPutsADurationIntoItsBucket(t *testing.T) {
	var h histogram
	for _, d := range []time.Duration{0, 999 * time.Nanosecond, time.Microsecond, 3 * time.Microsecond, time.Hour} {
		h.observe(d)
		got := h.read()
		for i, n := range got.Buckets {
			if n == 0 {
				continue
			}
			h.buckets[i].Store(0)
			if i < HistogramBuckets-1 && d >= HistogramBound(i) || i > 0 && d < HistogramBound(i-1) {
				t.Errorf("%v is in bucket %d, which ends at %v", d, i, HistogramBound(i))
			}
		}
	}
	if got := h.read(); got.Count != 5 || got.Sum < time.Hour {
		t.Errorf("count %d, sum %v", got.Count, got.Sum)
	}
}

func TestLibraryLogsArriveAsDebugAndWarn(t *testing.T) {
	var out bytes.Buffer
	logger := newHclog(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
	logger.Info("detail", "index", 7, "text", hclog.Fmt("%d of %d", 1, 2))
	logger.With("peer", "n2").Named("x").Error("trouble")
	logger.Warn("heartbeat timeout reached, starting election")
	for i, want := range []string{
		`level=DEBUG msg="raft: detail" log_index=7 text="1 of 2"`,
		`level=WARN msg="raft: trouble" peer=n2`,
		`level=DEBUG msg="raft: heartbeat timeout reached, starting election"`,
	} {
		if lines := strings.Split(out.String(), "\n"); !strings.Contains(lines[i], want) {
			t.Errorf("got %s, want %s", lines[i], want)
		}
	}
}

// If every node's disk is slow, one of them leads in the end all the same.
func TestEachTimeThatANodeLeavesItAllowsItsDiskTwiceAsMuch(t *testing.T) {
	s := &stalls{}
	for left, want := range []time.Duration{1, 2, 4, 8, 16, 16} {
		if got := s.allowed(time.Second); got != want*time.Second {
			t.Errorf("after it has left %d times it allows its disk %v", left, got)
		}
		s.left++
	}
}

// sizedSnapshot has other bytes than it says.
type sizedSnapshot struct {
	says, has int64
	released  int
}

func (s *sizedSnapshot) Size() (int64, error) { return s.says, nil }
func (s *sizedSnapshot) Release()             { s.released++ }
func (s *sizedSnapshot) Persist(w io.Writer) error {
	_, err := w.Write(make([]byte, s.has))
	return err
}

// A follower takes as many bytes as it was told, and what comes after them for the next request.
func TestSentSnapshotHasTheSizeThatItSays(t *testing.T) {
	for _, s := range []*sizedSnapshot{{says: 1000, has: 1000}, {says: 1000, has: 999}, {says: 1000, has: 1001}, {says: 0, has: 0}} {
		size := s.says + snapshotHeaderBytes
		sent := sendSnapshot(&dataSnapshot{Snapshot: s}, size)
		data, err := io.ReadAll(sent)
		if isRight := s.says == s.has; (err == nil) != isRight || isRight && int64(len(data)) != size || int64(len(data)) > size {
			t.Errorf("%d bytes of %d: read %d, %v", s.has, s.says, len(data), err)
		}
		if err := sent.Close(); err != nil || s.released != 1 {
			t.Errorf("close: %v, released %d times", err, s.released)
		}
	}
	// One that is not read to its end is released too.
	s := &sizedSnapshot{says: 1 << 20, has: 1 << 20}
	if err := sendSnapshot(&dataSnapshot{Snapshot: s}, 1<<20+snapshotHeaderBytes).Close(); err != nil || s.released != 1 {
		t.Errorf("close: %v, released %d times", err, s.released)
	}
}

// emptied is a state machine that loses its state with the first Restore, which fails.
type emptied struct {
	StateMachine
	index  LogIndex
	failed error
	got    []LogIndex
}

func (e *emptied) Apply(batch []Entry) []any {
	results := make([]any, 0, len(batch))
	for _, entry := range batch {
		e.index = entry.Index
		e.got = append(e.got, entry.Index)
		results = append(results, entry.Index)
	}
	return results
}

func (e *emptied) AppliedIndex() LogIndex { return e.index }

func (e *emptied) Restore(io.Reader) error {
	e.index = 0
	return e.failed
}

// A state machine may come out of a Restore that fails without a state. What comes after the state that it had is not for it.
func TestNothingIsAppliedToAStateThatARestoreHasLost(t *testing.T) {
	sm := &emptied{failed: errors.New("disk full")}
	fault := newFault()
	f := newFSM(sm, fault, &counters{})
	entry := func(index uint64) *raft.Log {
		return &raft.Log{Index: index, Type: raft.LogCommand, Data: encodeFrame([]*proposal{{data: []byte("x")}})}
	}
	f.Apply(entry(1))
	snapshot := snapshotHeader{hasData: true, stateIndex: 9}.bytes()
	if err := f.Restore(io.NopCloser(bytes.NewReader(snapshot))); !errors.Is(err, sm.failed) {
		t.Fatalf("restore: %v", err)
	}
	f.Apply(entry(2))
	if !slices.Equal(sm.got, []LogIndex{1}) {
		t.Errorf("it got entries %v, the last of them with nothing before", sm.got)
	}
	if err := fault.get(); !errors.Is(err, sm.failed) {
		t.Errorf("the node goes on, with fault %v", err)
	}
}
