package config

import (
	"strings"
	"testing"
)

func TestClusterSettingsFitTogether(t *testing.T) {
	peers := []Peer{{1, "a:7000"}, {2, "b:7000"}}
	for _, test := range []struct {
		name    string
		cluster Cluster
		want    string
	}{
		{"alone", Cluster{NodeID: 1}, ""},
		{"alone with another number", Cluster{NodeID: 7}, ""},
		{"no number", Cluster{}, "node-id: 0"},
		{"peers of a node that is alone", Cluster{NodeID: 1, Peers: peers}, "raft-addr: empty"},
		{"one that joins and can't be reached", Cluster{NodeID: 1, Join: []string{"a:7000"}}, "raft-addr: empty"},
		{"one to be joined", Cluster{NodeID: 1, RaftAddr: "127.0.0.1:7000"}, ""},
		{"no address", Cluster{NodeID: 1, RaftAddr: "127.0.0.1"}, "raft-addr: \"127.0.0.1\" is not host:port"},
		{"strangers can reach it", Cluster{NodeID: 1, RaftAddr: "10.0.0.1:7000"}, "whoever does would be taken for a node"},
		{"strangers have no certificate", Cluster{NodeID: 1, RaftAddr: "10.0.0.1:7000", Certificate: "c", Key: "k", CA: "a"}, ""},
		{"a key without a certificate", Cluster{NodeID: 1, RaftAddr: "127.0.0.1:7000", Key: "k"}, "one is missing"},
		{"every address", Cluster{NodeID: 1, RaftAddr: "0.0.0.0:7000", Certificate: "c", Key: "k", CA: "a"}, "name a host that the other nodes can reach"},
		{"every address, and one of them", Cluster{NodeID: 1, RaftAddr: "0.0.0.0:7000", RaftAdvertise: "a:7000", Certificate: "c", Key: "k", CA: "a"}, ""},
		{"one of the first", Cluster{NodeID: 2, RaftAddr: "127.0.0.1:0", RaftAdvertise: "b:7000", Peers: peers}, ""},
		{"not among the first", Cluster{NodeID: 3, RaftAddr: "127.0.0.1:7000", Peers: peers}, "node 3, which is this one, is not among them"},
		{"elsewhere than the first", Cluster{NodeID: 2, RaftAddr: "127.0.0.1:7000", Peers: peers}, "they must be the same"},
		{"two of one number", Cluster{NodeID: 1, RaftAddr: "127.0.0.1:0", RaftAdvertise: "a:7000", Peers: []Peer{peers[0], {1, "c:7000"}}}, "has the id or the address of another"},
		{"two of one address", Cluster{NodeID: 1, RaftAddr: "127.0.0.1:0", RaftAdvertise: "a:7000", Peers: []Peer{peers[0], {3, "a:7000"}}}, "has the id or the address of another"},
		{"first and joining", Cluster{NodeID: 1, RaftAddr: "127.0.0.1:0", RaftAdvertise: "a:7000", Peers: peers, Join: []string{"b:7000"}}, "leave one out"},
		{"first without a vote", Cluster{NodeID: 1, RaftAddr: "127.0.0.1:0", RaftAdvertise: "a:7000", Peers: peers, Nonvoter: true}, "let this one join"},
		{"without a vote in its own cluster", Cluster{NodeID: 1, RaftAddr: "127.0.0.1:7000", Nonvoter: true}, "non-voter: without join"},
		{"joins itself", Cluster{NodeID: 1, RaftAddr: "127.0.0.1:7000", Join: []string{"127.0.0.1:7000"}}, "join: 127.0.0.1:7000 is this node"},
		{"joins itself by its other name", Cluster{NodeID: 1, RaftAddr: "127.0.0.1:0", RaftAdvertise: "a:7000", Join: []string{"a:7000", "a:7000"}}, "join: a:7000,a:7000 is this node"},
		{"joins itself and another", Cluster{NodeID: 1, RaftAddr: "127.0.0.1:7000", Join: []string{"127.0.0.1:7000", "b:7000"}, Nonvoter: true}, ""},
		{"joins nobody", Cluster{NodeID: 1, RaftAddr: "127.0.0.1:0", Join: []string{"b"}}, `join: "b" is not host:port`},
	} {
		c := Default()
		c.Cluster = test.cluster
		err := c.Validate()
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
		c.Insecure = true
		if err := c.Validate(); test.name == "strangers can reach it" && err != nil {
			t.Errorf("with consent: %v", err)
		}
	}
}

func TestPeersAreRead(t *testing.T) {
	for text, want := range map[string]string{"2=b:1,1=a:1": "1=a:1,2=b:1", "1=[::1]:2": "1=[::1]:2", "": ""} {
		c, err := Load(Sources{Flags: map[string]string{"peers": text, "raft-addr": "127.0.0.1:0", "raft-advertise": "a:1"}})
		setting, _ := settingByName("peers")
		if got := setting.get(&c); got != want {
			t.Errorf("%q: %q, want %q; %v", text, got, want, err)
		}
	}
	for _, text := range []string{",", " ,\n", "\n,"} {
		for _, name := range []string{"peers", "join"} {
			if _, err := Load(Sources{Flags: map[string]string{name: text, "raft-addr": "127.0.0.1:0"}}); err == nil || !strings.Contains(err.Error(), "only separators") {
				t.Errorf("%s %q: %v", name, text, err)
			}
		}
	}
	for _, text := range []string{"a:1", "1", "=a:1", "0=a:1", "x=a:1", "1="} {
		if _, err := parsePeers(text); err == nil || !strings.Contains(err.Error(), "ID=HOST:PORT") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
