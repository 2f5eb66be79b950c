package server

import (
	"context"
	"crypto/tls"
	"crypto/x509/pkix"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/server/certificates/certificatestest"
	"kont/server/config"
)

func listeners(t *testing.T, urls ...string) []config.Listener {
	t.Helper()
	var all []config.Listener
	for _, url := range urls {
		l, err := config.ParseListener(url)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	return all
}

// clientTo is a client of one of the node's listeners.
func clientTo(t *testing.T, n *Node, listener int, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(n.kafkaListeners[listener].Addr().String()), kgo.ProducerLinger(0)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// A client that came through one listener is never sent to another, whose address it
// may not reach and whose security it has no settings for.
func TestListenersNameThemselves(t *testing.T) {
	authority := certificatestest.New(t)
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	authority.Issue(pkix.Name{CommonName: "kont"}, cert, key)
	c := testConfig(t.TempDir())
	c.KafkaListen = config.Default().KafkaListen
	c.Listeners = listeners(t, "kafka://127.0.0.1:0?name=internal",
		fmt.Sprintf("kafka+tls://127.0.0.1:0?name=secure&cert=%s&key=%s&client-ca=%s&client-auth=required", cert, key, authority.File),
		"kafka://127.0.0.1:0?name=public&advertised=kont.example:19092")
	n := startNode(t, c)

	all := n.KafkaListeners()
	for i, name := range []string{"internal", "secure", "public"} {
		if len(all) != 3 || all[name] != n.kafkaListeners[i].Addr().String() {
			t.Errorf("listener %s is not at %v in %v", name, n.kafkaListeners[i].Addr(), all)
		}
	}
	tlsClient := kgo.DialTLSConfig(authority.Client(pkix.Name{CommonName: "alice"}))
	for i, options := range [][]kgo.Opt{nil, {tlsClient}, nil} {
		client := clientTo(t, n, i, options...)
		want := n.kafkaListeners[i].Addr().String()
		if i == 2 {
			want = "kont.example:19092"
		}
		for name, found := range addressesTold(t, client) {
			if found != want {
				t.Errorf("listener %d: %s names %s, want %s", i, name, found, want)
			}
		}
		if i == 2 {
			continue // nobody is at that address
		}
		if err := client.ProduceSync(testContext(t), &kgo.Record{Topic: "workflow-result", Value: []byte("x")}).FirstErr(); err != nil {
			t.Errorf("listener %d: %v", i, err)
		}
	}
	for name, config := range map[string]*tls.Config{"without a certificate": authority.Client(pkix.Name{}), "of a stranger": certificatestest.New(t).Client(pkix.Name{CommonName: "alice"})} {
		stranger := clientTo(t, n, 1, kgo.DialTLSConfig(config), kgo.RequestRetries(0))
		if err := stranger.Ping(testContext(t)); err == nil {
			t.Errorf("a client %s gets in", name)
		}
	}
}

// addressesTold is who the requests that name brokers name.
func addressesTold(t *testing.T, client *kgo.Client) map[string]string {
	t.Helper()
	ctx, seed := testContext(t), client.SeedBrokers()[0]
	ask := func(request kmsg.Request) kmsg.Response {
		response, err := seed.Request(ctx, request)
		if err != nil {
			t.Fatal(err)
		}
		return response
	}
	metadata := ask(kmsg.NewPtrMetadataRequest()).(*kmsg.MetadataResponse)
	cluster := ask(kmsg.NewPtrDescribeClusterRequest()).(*kmsg.DescribeClusterResponse)
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.CoordinatorKey, find.CoordinatorKeys = "g", []string{"g"}
	found := ask(find).(*kmsg.FindCoordinatorResponse)
	told := map[string]string{
		"Metadata":        fmt.Sprintf("%s:%d", metadata.Brokers[0].Host, metadata.Brokers[0].Port),
		"DescribeCluster": fmt.Sprintf("%s:%d", cluster.Brokers[0].Host, cluster.Brokers[0].Port),
	}
	for _, coordinator := range found.Coordinators {
		told["FindCoordinator"] = fmt.Sprintf("%s:%d", coordinator.Host, coordinator.Port)
	}
	return told
}

// What is wrong with files is known before anything is written.
func TestListenerWithoutItsFilesDoesNotStart(t *testing.T) {
	c := testConfig(filepath.Join(t.TempDir(), "data"))
	c.KafkaListen = config.Default().KafkaListen
	c.Listeners = listeners(t, "kafka+tls://127.0.0.1:0?cert=nowhere.crt&key=nowhere.key")
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	if n, err := Start(ctx, c); err == nil || !strings.Contains(err.Error(), "nowhere.crt") {
		t.Errorf("error %v", err)
		if n != nil {
			n.Close()
		}
	}
	if _, err := os.Stat(c.DataDir); err == nil {
		t.Error("the data directory was made")
	}
}
