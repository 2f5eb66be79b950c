package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	urfave "github.com/urfave/cli/v2"

	"kont/cli/client"
	"kont/server/api"
)

func clusterCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "cluster", Category: categoryRun, Usage: "look at the nodes of a cluster and change them",
		Description: "Any node can be asked; what only the leader can do is sent on to it. A node comes into a\n" +
			"cluster by itself, when it is started with `kont serve --join` or `--peers`.",
		Action: func(c *urfave.Context) error {
			if c.Args().Present() {
				return noCommand(c.Args().First(), "cluster", c.Command.Subcommands)
			}
			return urfave.ShowSubcommandHelp(c)
		},
		Subcommands: []*urfave.Command{
			clusterStatusCommand(p), clusterWaitReadyCommand(p), clusterAddCommand(p), clusterRemoveCommand(p), clusterTransferCommand(p), clusterSnapshotCommand(p), clusterCertsCommand(p),
		},
	}
}

func clusterStatusCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "status", Usage: "list the nodes, and how each is", Flags: httpFlags(),
		Action: func(c *urfave.Context) error {
			if err := wantArgs(c, 0, 0); err != nil {
				return err
			}
			server, err := newClient(c, p)
			if err != nil {
				return err
			}
			cluster, err := server.Cluster(c.Context)
			if err != nil {
				return err
			}
			return newPrinter(c, p).document(cluster, func(w io.Writer) { printCluster(w, cluster) })
		},
	}
}

func printCluster(w io.Writer, cluster api.Cluster) {
	fmt.Fprintf(w, "cluster %s, %s, commands of level %d\n", cluster.ID, plural(len(cluster.Nodes), "node"), cluster.Level)
	if cluster.LeaderID == 0 {
		fmt.Fprintln(w, "no node leads; this is what the node knows that was asked")
	}
	rows := [][]string{{"NODE", "STATE", "VOTES", "BEHIND", "RAFT", "KAFKA", "HTTP", "VERSION"}}
	for _, node := range cluster.Nodes {
		state, votes, behind := node.State, "no", "?"
		if node.NotReady && (state == api.NodeLeads || state == api.NodeFollows) {
			state += ", not ready"
		}
		if node.IsVoter {
			votes = "yes"
		}
		if node.State != api.NodeUnreachable {
			behind = strconv.FormatUint(cluster.AppliedIndex-min(cluster.AppliedIndex, node.AppliedIndex), 10)
		}
		var kafka []string
		for _, address := range node.Kafka {
			kafka = append(kafka, address)
		}
		rows = append(rows, []string{fmt.Sprint(node.ID), state, votes, behind, node.RaftAddress, strings.Join(slices.Sorted(slices.Values(kafka)), " "), node.HTTPAddress, node.Version})
	}
	table(w, rows)
	for _, node := range cluster.Nodes {
		if node.Problem != "" {
			fmt.Fprintf(w, "node %d: %s\n", node.ID, printable(node.Problem))
		}
	}
}

func clusterWaitReadyCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "wait-ready", Usage: "wait until one node leads, all others follow it and vote, but for those that shall not, and all are ready",
		Flags: append(httpFlags(),
			&urfave.IntFlag{Name: "nodes", Usage: "there must be `N` of them at least", Value: 1},
			&urfave.DurationFlag{Name: "timeout", Usage: "give up after `DURATION`", Value: time.Minute},
		),
		Action: func(c *urfave.Context) error {
			if err := wantArgs(c, 0, 0); err != nil {
				return err
			}
			if c.Int("nodes") < 1 {
				return usagef("a cluster has one node at least", `--nodes can't be "%d"`, c.Int("nodes"))
			}
			server, err := newClient(c, p)
			if err != nil {
				return err
			}
			cluster, err := awaitCluster(c.Context, server, c.Int("nodes"), c.Duration("timeout"))
			if err != nil {
				return err
			}
			return newPrinter(c, p).line(cluster, fmt.Sprintf("node %d leads, %s", cluster.LeaderID, plural(len(cluster.Nodes), "node")))
		},
	}
}

func awaitCluster(ctx context.Context, server *client.Client, nodes int, timeout time.Duration) (api.Cluster, error) {
	waiting, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cluster, err := server.AwaitCluster(waiting, nodes)
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case err != nil:
		err = failf("look at it with `kont cluster status`, and at the nodes' logs", "the cluster is not ready after %s: %w", timeout, err)
	}
	return cluster, err
}

func clusterAddCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "add", ArgsUsage: "NODE", Usage: "give a node of the cluster a vote, or take it",
		Description: "It is for nodes that came in with `kont serve --non-voter`; all others get their vote by\n" +
			"themselves when they have caught up. What is said here holds over restarts of the node, whatever its flags.",
		Flags: append(httpFlags(), &urfave.BoolFlag{Name: "non-voter", Usage: "it keeps all data and has no vote from now on"}),
		Action: func(c *urfave.Context) error {
			id, server, err := nodeArgument(c, p, 1)
			if err != nil {
				return err
			}
			query := url.Values{"id": {id}}
			if c.Bool("non-voter") {
				query.Set("non_voter", "true")
			}
			var answer struct {
				NodeID  json.Number `json:"node_id"`
				IsVoter bool        `json:"is_voter"`
			}
			if err := server.Call(c.Context, http.MethodPost, "/api/v1/cluster/node", query, nil, &answer); err != nil {
				return err
			}
			answer.NodeID = json.Number(id)
			text := "node " + id + " votes"
			switch {
			case c.Bool("non-voter"):
				text = "node " + id + " has no vote"
			case !answer.IsVoter:
				text = "node " + id + " gets its vote when it has caught up"
			}
			return newPrinter(c, p).line(answer, text)
		},
	}
}

func clusterRemoveCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "remove", ArgsUsage: "NODE", Usage: "take a node out of the cluster for good", Flags: httpFlags(),
		Description: "The node stops by itself when it hears of it. To bring it in again, empty its data directory.",
		Action: func(c *urfave.Context) error {
			id, server, err := nodeArgument(c, p, 1)
			if err != nil {
				return err
			}
			if err := server.Call(c.Context, http.MethodDelete, "/api/v1/cluster/node", url.Values{"id": {id}}, nil, nil); err != nil {
				return err
			}
			return newPrinter(c, p).line(map[string]string{"removed": id}, "node "+id+" is removed")
		},
	}
}

func clusterTransferCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "transfer-leader", ArgsUsage: "[NODE]", Usage: "let another node lead, the one that has most if none is named", Flags: httpFlags(),
		Action: func(c *urfave.Context) error {
			to, server, err := nodeArgument(c, p, 0)
			if err != nil {
				return err
			}
			var answer struct {
				LeaderID int32 `json:"leader_id"`
			}
			query := url.Values{}
			if to != "" {
				query.Set("to", to)
			}
			if err := server.Call(c.Context, http.MethodPost, "/api/v1/cluster/transfer-leader", query, nil, &answer); err != nil {
				return err
			}
			return newPrinter(c, p).line(answer, fmt.Sprintf("node %d leads", answer.LeaderID))
		},
	}
}

func clusterSnapshotCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "snapshot", Usage: "make the state of the node that is asked durable, and trim its Raft log", Flags: httpFlags(),
		Action: func(c *urfave.Context) error {
			if err := wantArgs(c, 0, 0); err != nil {
				return err
			}
			server, err := newClient(c, p)
			if err != nil {
				return err
			}
			if err := server.Call(c.Context, http.MethodPost, "/api/v1/cluster/snapshot", nil, nil, nil); err != nil {
				return err
			}
			return newPrinter(c, p).line(map[string]bool{"snapshot": true}, "snapshot taken")
		},
	}
}

// nodeArgument is the number of a node, which may be missing if least is 0, and whom to ask.
func nodeArgument(c *urfave.Context, p Process, least int) (id string, server *client.Client, err error) {
	if err := wantArgs(c, least, 1); err != nil {
		return "", nil, err
	}
	if id = c.Args().First(); id != "" {
		if n, err := strconv.ParseInt(id, 10, 32); err != nil || n < 1 {
			return "", nil, usagef("see `kont cluster status`", "%q is no number of a node", id)
		}
	}
	server, err = newClient(c, p)
	return id, server, err
}
