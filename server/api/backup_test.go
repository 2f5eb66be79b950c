package api_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"kont/server/api"
	"kont/server/api/apitest"
)

func TestBackupThatFailsIsCutShort(t *testing.T) {
	node := &apitest.Node{BackupValue: make([]byte, 1<<20)}
	server := httptest.NewServer(api.New(node, api.Options{Log: slog.New(slog.DiscardHandler)}))
	defer server.Close()
	query := ""
	get := func() (status int, index string, size int, err error) {
		response, err := http.Get(server.URL + "/api/v1/backup" + query)
		if err != nil {
			return 0, "", 0, err
		}
		defer response.Body.Close()
		data, err := io.ReadAll(response.Body)
		return response.StatusCode, response.Header.Get(api.HeaderLogIndex), len(data), err
	}
	if status, index, size, err := get(); status != http.StatusOK || index != "7" || size != 1<<20 || err != nil {
		t.Errorf("status %d, index %s, %d bytes, %v", status, index, size, err)
	}
	query = "?of=node"
	if _, index, _, err := get(); index != "6" || err != nil {
		t.Errorf("of the node: index %s, %v", index, err)
	}
	node.BackupErr = errors.New("disk on fire")
	if _, _, size, err := get(); err == nil {
		t.Errorf("%d bytes of a backup that failed look like all of it", size)
	}
	node.Err = errors.New("no disk")
	if status, _, _, err := get(); status != http.StatusInternalServerError || err != nil {
		t.Errorf("one that doesn't begin: status %d, %v", status, err)
	}
}
