package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"kont/server/api"
)

// Cluster lists the nodes.
func (c *Client) Cluster(ctx context.Context) (cluster api.Cluster, err error) {
	err = c.Call(ctx, http.MethodGet, "/api/v1/cluster", nil, nil, &cluster)
	return cluster, err
}

const (
	// clusterAgainAfter is the pause between two looks at a cluster, and clusterLookMax bounds one: a node that can't be reached takes the one
	// that is asked a second.
	clusterAgainAfter = 100 * time.Millisecond
	clusterLookMax    = 2 * time.Second
)

// AwaitCluster waits until one node leads, all others follow it, all say that they are ready, and there are nodes of them at least. If ctx ends before, the error says what
// is missing.
func (c *Client) AwaitCluster(ctx context.Context, nodes int) (api.Cluster, error) {
	missing := fmt.Errorf("%s has not answered", c.Server())
	for {
		looking, cancel := context.WithTimeout(ctx, clusterLookMax)
		cluster, err := c.Cluster(looking)
		isLate := looking.Err() != nil
		cancel()
		switch {
		case err == nil:
			if missing = whatIsMissing(cluster, nodes); missing == nil {
				return cluster, nil
			}
		case ctx.Err() != nil:
		case isLate:
			missing = fmt.Errorf("%s has not answered for %v", c.Server(), clusterLookMax)
		default:
			missing = err
		}
		select {
		case <-time.After(clusterAgainAfter):
		case <-ctx.Done():
			return api.Cluster{}, missing
		}
	}
}

func whatIsMissing(cluster api.Cluster, nodes int) error {
	if cluster.LeaderID == 0 {
		return errors.New("no node leads")
	}
	if len(cluster.Nodes) < nodes {
		return fmt.Errorf("it has %d nodes of %d", len(cluster.Nodes), nodes)
	}
	for _, node := range cluster.Nodes {
		switch {
		case node.IsWell():
		case node.NotReady:
			return fmt.Errorf("node %d %s and is not ready: %s", node.ID, node.State, node.Problem)
		default:
			return fmt.Errorf("node %d %s", node.ID, strings.ReplaceAll(node.State, api.NodeUnreachable, "is unreachable"))
		}
	}
	return nil
}
