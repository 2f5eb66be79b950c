//go:build unix

package server_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// chaosFault is one harm that was done.
type chaosFault struct {
	kind     string
	node     int
	isLeader bool
	from, to time.Time
}

func (f chaosFault) describe(began time.Time) string {
	of := fmt.Sprint("node ", f.node)
	if f.isLeader {
		of += ", which led"
	}
	return fmt.Sprintf("%s %.1f s, for %.1f s: %s (%s)", f.from.Format("15:04:05.000"), f.from.Sub(began).Seconds(), f.to.Sub(f.from).Seconds(), f.kind, of)
}

// report says what this was, and counts the faults, with the longest time without an acknowledgement that began at one of the leader, or ended soon after it.
func (c *chaosCluster) report(load *chaosLoad, found chaosCounts) {
	const aftermath = time.Second
	counts, longest := map[string]int{}, map[string]time.Duration{}
	for _, fault := range c.faults {
		counts[fault.kind]++
		if !fault.isLeader {
			continue
		}
		for _, pause := range load.pauses {
			if pause.to.After(fault.from) && pause.from.Before(fault.to.Add(aftermath)) {
				longest[fault.kind] = max(longest[fault.kind], pause.to.Sub(pause.from))
			}
		}
	}
	var lines []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		lines = append(lines, fmt.Sprintf("%4d × %-14s longest time without an acknowledgement when it met the leader: %v", counts[kind], kind, longest[kind].Round(time.Millisecond)))
	}
	if counts["far behind"] > 1 && c.snapshots == 0 { // once another leader may have had a longer log
		c.t.Errorf("of %d nodes that were left far behind none came back by a snapshot", counts["far behind"])
	}
	c.t.Logf("faults by kind:\n%s", strings.Join(lines, "\n"))
	c.t.Logf("figures: log store %s, %d faults, %v, longest time without an acknowledgement %v, of the leader's death %v; %d came back by a snapshot",
		c.logStore, len(c.faults), found, time.Duration(load.waitedNano.Load()).Round(time.Millisecond), max(longest["kill"], longest["kill of two"]).Round(time.Millisecond), c.snapshots)
}

// keepOrRemove leaves data and logs of a run that failed, and says where.
func (c *chaosCluster) keepOrRemove() {
	if !c.t.Failed() {
		os.RemoveAll(c.dir)
		return
	}
	for i, s := range c.servers {
		if err := os.WriteFile(filepath.Join(c.dir, fmt.Sprintf("node-%d.log", i+1)), []byte(s.output.String()), 0o644); err != nil {
			c.t.Log(err)
		}
	}
	c.t.Logf("data and logs of the nodes are in %s", c.dir)
}
