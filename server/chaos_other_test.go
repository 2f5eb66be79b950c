//go:build unix && !linux

package server_test

import (
	"testing"
	"time"
)

// chaosNetwork can only be made on Linux.
type chaosNetwork struct{}

type chaosLink struct {
	isCut         bool
	lossPercent   int
	delay, jitter time.Duration
}

func newChaosNetwork(t *testing.T, _ int) *chaosNetwork {
	t.Log("no network namespaces: not Linux; links are not harmed")
	return nil
}

func (*chaosNetwork) host(int) string          { return "" }
func (*chaosNetwork) nodeHost(int) string      { return "" }
func (*chaosNetwork) enter(int) []string       { return nil }
func (*chaosNetwork) harm(int, int, chaosLink) {}

// chaosDisk can only be made on Linux.
type chaosDisk struct{}

func newChaosDisk(t *testing.T, _ string) *chaosDisk {
	t.Log("no disks that get full: not Linux")
	return nil
}

func (*chaosDisk) fill() error { return nil }
func (*chaosDisk) free() error { return nil }

func (*chaosDisk) hold() error    { return nil }
func (*chaosDisk) release() error { return nil }
