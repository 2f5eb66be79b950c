//go:build unix

package server_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"kont/server"
)

// chaosCare is what somebody does who takes care of a cluster: snapshots and backups of nodes, while they are harmed.
type chaosCare struct {
	t       *testing.T
	cluster *chaosCluster
	random  *rand.Rand
	stop    chan struct{}
	running sync.WaitGroup

	// What follows is the carer's own until it has ended. backups is how many came whole, and cut how many did not; newest is the file of the
	// last one, of the state at newestIndex.
	snapshots, backups, cut int
	newest                  string
	newestIndex             uint64
}

func newChaosCare(t *testing.T, c *chaosCluster, seed uint64) *chaosCare {
	care := &chaosCare{t: t, cluster: c, random: rand.New(rand.NewPCG(seed, 1<<32)), stop: make(chan struct{})}
	t.Cleanup(care.running.Wait) // its context has ended
	return care
}

func (k *chaosCare) start() {
	k.running.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-k.stop:
				return
			case <-k.t.Context().Done():
				return
			case <-time.After(time.Duration(200+k.random.IntN(2000)) * time.Millisecond): // the load, not a wait
			}
			node := k.random.IntN(len(k.cluster.servers))
			if i%5 == 4 {
				k.backUp(node)
			} else if status, _ := k.cluster.ask(http.MethodPost, k.cluster.servers[node], "/api/v1/cluster/snapshot"); status == http.StatusOK {
				k.snapshots++
			}
		}
	})
}

// backUp takes a backup. One that comes whole is good, whatever happens to the node and to the others.
func (k *chaosCare) backUp(node int) {
	index, path, err := k.fetch(node)
	if err != nil {
		k.cut++
		os.Remove(path) //nolint:errcheck // it may not be there
		return
	}
	file, err := os.Open(path)
	if err != nil {
		k.t.Error(err)
		return
	}
	defer file.Close()
	checked, err := server.CheckBackup(file)
	if err != nil || fmt.Sprint(checked) != index {
		k.t.Errorf("the backup of node %d at %s is of the state at %d: %v", node+1, index, checked, err)
		return
	}
	k.backups++
	if k.newest != "" {
		os.Remove(k.newest) //nolint:errcheck // with the directory then
	}
	k.newest, k.newestIndex = path, checked
}

func (k *chaosCare) fetch(node int) (index, path string, err error) {
	path = filepath.Join(k.cluster.dir, fmt.Sprintf("backup-%d-%d", k.backups, k.cut))
	response, err := (&http.Client{Timeout: 20 * time.Second}).Get("http://" + k.cluster.servers[node].httpAddress + "/api/v1/backup")
	if err != nil {
		return "", path, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", path, errors.New(response.Status)
	}
	file, err := os.Create(path)
	if err != nil {
		return "", path, err
	}
	_, err = io.Copy(file, response.Body)
	return response.Header.Get("Kont-Log-Index"), path, errors.Join(err, file.Close())
}

func (k *chaosCare) finish() {
	close(k.stop)
	k.running.Wait()
}

// check makes a node's data of the newest backup.
func (k *chaosCare) check(string) (none chaosCounts) {
	k.t.Helper()
	if k.backups == 0 || k.snapshots == 0 {
		k.t.Errorf("%v", k)
		return none
	}
	dir := filepath.Join(k.cluster.dir, "restored")
	binary := k.cluster.servers[0].binary
	for _, arguments := range [][]string{{"restore", k.newest, "--data", dir}, {"verify", dir}} {
		if output, err := exec.Command(binary, arguments...).CombinedOutput(); err != nil {
			k.t.Errorf("kont %v: %v: %s", arguments, err, output)
			return none
		}
	}
	return none
}

func (k *chaosCare) String() string {
	return fmt.Sprintf("%d snapshots taken, %d backups that came whole, %d that were cut; the newest of the state at %d", k.snapshots, k.backups, k.cut, k.newestIndex)
}
