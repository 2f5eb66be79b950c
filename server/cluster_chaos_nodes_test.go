//go:build unix

package server_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"kont/server/api"
	"kont/server/config"
)

// chaosBallast is a topic of records that nobody reads; chaosSegmentsBytes is what more than fills the segment of a wal, whose entries are
// there for followers even if they are trimmed.
const (
	chaosBallast       = "chaos-ballast"
	chaosSegmentsBytes = 20 << 20
)

// loseData is a node whose disk is another one when it comes back. All must be well before, for the others have to have what it had, and after:
// until it has everything it counts as one that is away.
func (c *chaosCluster) loseData(victim *chaosServer) string {
	c.t.Helper()
	c.awaitAll("a fault before the loss of a node's data")
	victim.kill()
	c.forget(victim)
	c.sleep(1, 1000)
	c.again(victim)
	c.awaitAll("the loss of a node's data")
	return "lost data"
}

func (c *chaosCluster) forget(s *chaosServer) {
	c.t.Helper()
	if err := os.RemoveAll(s.dir); err != nil {
		c.t.Fatal(err)
	}
}

// removeAndJoin takes a node out of the cluster. It stops by itself, and comes back as a new one.
func (c *chaosCluster) removeAndJoin(victim *chaosServer) string {
	c.t.Helper()
	c.awaitAll("a fault before the removal of a node")
	id := slices.Index(c.servers, victim) + 1
	other := c.servers[id%len(c.servers)]
	answer := ""
	if !chaosEventually(func() bool {
		var status int
		status, answer = c.ask(http.MethodDelete, other, fmt.Sprintf("/api/v1/cluster/node?id=%d", id))
		if status == http.StatusConflict { // it leads
			c.ask(http.MethodPost, victim, "/api/v1/cluster/transfer-leader")
		}
		return status == http.StatusOK || status == http.StatusNotFound
	}) {
		c.t.Fatalf("%v later node %d is not removed: %s", chaosPatience, id, answer)
	}
	ended := make(chan struct{})
	go func() {
		victim.command.Wait() //nolint:errcheck // it ends, and says why in its log
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		c.t.Errorf("node %d runs a minute after it was removed", id)
		victim.command.Process.Kill()
		<-ended
	}
	victim.command = nil
	c.forget(victim)
	c.again(victim)
	c.awaitAll("the return of a node that was removed")
	return "removal"
}

// leaveFarBehind keeps a node away until the log begins after what it has.
func (c *chaosCluster) leaveFarBehind(victim *chaosServer) string {
	c.t.Helper()
	c.awaitAll("a fault before a node was left behind")
	victim.kill()
	if c.ballast == nil {
		c.ballast = newChaosClient(c.t, c.kafkaAddresses(), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.AllowAutoTopicCreation())
	}
	value := make([]byte, 256<<10)
	had, written, least := uint64(0), 0, 0
	if c.logStore == config.RaftLogStoreWAL {
		least = chaosSegmentsBytes
	}
	isBehind := func() bool {
		leader := c.leader()
		if leader == nil {
			return false
		}
		var status api.Status
		if c.get(leader, "/api/v1/status", &status) != nil {
			return false
		}
		const underWay = 100 // entries that it had and that were not applied yet
		if had == 0 {
			had = status.Stats.AppliedIndex + underWay
		}
		return written >= least && status.Stats.LogFirstIndex > had
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	for !isBehind() {
		if written >= least {
			c.sleep(20, 100) // the others' entries count as well
		}
		for range 4 {
			c.ballast.Produce(ctx, &kgo.Record{Topic: chaosBallast, Value: value}, nil)
			written += len(value)
		}
		if err := c.ballast.Flush(ctx); err != nil {
			c.t.Fatalf("write until node %d is behind: %v after %d bytes", slices.Index(c.servers, victim)+1, err, written)
		}
	}
	c.again(victim)
	c.awaitAll("a node was left far behind")
	// The leader answers what is asked of the API, and each node for itself what is measured.
	status, metrics := c.ask(http.MethodGet, victim, "/metrics")
	if status != http.StatusOK {
		c.t.Errorf("metrics of a node that is well: %d: %s", status, metrics)
	}
	if !strings.Contains(metrics, "\nkont_snapshots_received_total 0\n") {
		c.snapshots++
	}
	return "far behind"
}

// makeDiskStuck lets a node's disk hang, and half of the times that it led until another one leads.
func (c *chaosCluster) makeDiskStuck(victim *chaosServer, disk *chaosDisk) string {
	c.t.Helper()
	wantsOther := c.leader() == victim && c.random.IntN(2) == 0
	if err := disk.hold(); err != nil {
		c.t.Error(err)
	}
	if !wantsOther {
		c.sleep(100, 6000)
	} else if !chaosEventually(func() bool { leader := c.leader(); return leader != nil && leader != victim }) {
		c.t.Errorf("node %d leads, and its disk has not written for %v", slices.Index(c.servers, victim)+1, chaosPatience)
	}
	if err := disk.release(); err != nil {
		c.t.Error(err)
	}
	return "stuck disk"
}

// ask sends a request without a body, and returns status and answer, or 0 and the error.
func (c *chaosCluster) ask(method string, s *chaosServer, path string) (status int, answer string) {
	request, err := http.NewRequestWithContext(c.t.Context(), method, "http://"+s.httpAddress+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	response, err := (&http.Client{Timeout: 10 * time.Second}).Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(body)
}
