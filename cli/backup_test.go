package cli

import (
	"bytes"
	"encoding/binary"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"kont/server/api"
)

// Two backups to one file each write all of their own, and one that is cut short leaves nothing.
func TestBackupsToOneFileDoNotMeet(t *testing.T) {
	whole := binary.BigEndian.AppendUint64([]byte("kontsnap\x01"), 7)
	whole = append(whole, make([]byte, 6)...) // no files
	var begun sync.WaitGroup
	begun.Add(2)
	isCut := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(api.HeaderLogIndex, "7")
		w.Write(whole[:10]) //nolint:errcheck // the client tells
		w.(http.Flusher).Flush()
		if isCut {
			panic(http.ErrAbortHandler)
		}
		begun.Done()
		begun.Wait()
		w.Write(whole[10:]) //nolint:errcheck // the client tells
	}))
	defer server.Close()
	dir := t.TempDir()
	path := filepath.Join(dir, "b.kont")
	backup := func() (code int, said string) {
		var out bytes.Buffer
		code = Main(t.Context(), Process{Args: []string{"backup", path, "--force", "--server", server.Listener.Addr().String()}, Out: &out, Err: &out})
		return code, out.String()
	}
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if code, said := backup(); code != exitOK {
				t.Errorf("backup: %s", said)
			}
		})
	}
	both.Wait()
	check := func() {
		t.Helper()
		if data, err := os.ReadFile(path); err != nil || !bytes.Equal(data, whole) {
			t.Errorf("the file has %q, %v", data, err)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("beside it are %v, %v", entries, err)
		}
	}
	check()
	isCut = true
	if code, said := backup(); code != exitFailure {
		t.Errorf("backup that is cut short: %s", said)
	}
	check()
}
