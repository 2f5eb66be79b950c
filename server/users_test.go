package server

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"kont/server/config"
)

func usersFile(t *testing.T, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// The first user comes from a file, makes others, and is deleted: the file brings
// nobody back.
func TestUsersOutliveTheNodeAndTheirFile(t *testing.T) {
	c := testConfig(t.TempDir())
	c.KafkaListen = config.Default().KafkaListen
	c.Listeners = listeners(t, "kafka://127.0.0.1:0?sasl=plain,scram-sha-256,scram-sha-512")
	c.ScramUsers = usersFile(t, "# the first\nroot:swordfish\n\ncarol:a:b\n", 0o600)
	n := startNode(t, c)
	as := func(user, password string) *kgo.Client {
		return clientTo(t, n, 0, kgo.SASL(scram.Auth{User: user, Pass: password}.AsSha512Mechanism()), kgo.RequestRetries(0))
	}
	if err := clientTo(t, n, 0, kgo.SASL(plain.Auth{User: "carol", Pass: "a:b"}.AsMechanism())).Ping(testContext(t)); err != nil {
		t.Errorf("carol, whose password has a colon: %v", err)
	}
	admin := kadm.NewClient(as("root", "swordfish"))
	// A user may be named once in a request.
	for _, mechanism := range []kadm.ScramMechanism{kadm.ScramSha512, kadm.ScramSha256} {
		results, err := admin.AlterUserSCRAMs(testContext(t), []kadm.DeleteSCRAM{{User: "carol", Mechanism: mechanism}},
			[]kadm.UpsertSCRAM{{User: "alice", Mechanism: mechanism, Iterations: 8192, Password: "wonderland"}})
		if err != nil || !results.Ok() {
			t.Fatal(results, err)
		}
	}
	for range 2 {
		for user, password := range map[string]string{"root": "swordfish", "alice": "wonderland"} {
			if err := as(user, password).Ping(testContext(t)); err != nil {
				t.Errorf("%s: %v", user, err)
			}
		}
		if err := as("carol", "a:b").Ping(testContext(t)); !errors.Is(err, kerr.SaslAuthenticationFailed) {
			t.Errorf("carol, who is deleted: %v", err)
		}
		if got := n.FailedLogins(); got == 0 {
			t.Error("nobody has counted the failed login")
		}
		secret := string(n.scramSecret)
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		n = startNode(t, c)
		if string(n.scramSecret) != secret {
			t.Error("the salts of unknown users change with a restart")
		}
	}
}

func TestUsersFileThatIsWrongStopsTheStart(t *testing.T) {
	for name, test := range map[string]struct {
		content string
		mode    os.FileMode
		want    string
	}{
		"open to others": {"root:swordfish\n", 0o644, "chmod 600"},
		"no password":    {"root\nother:\n", 0o600, ":1: not NAME:PASSWORD"},
		"twice":          {"root:swordfish\nroot:other\n", 0o600, "user root is on line 1 already"},
	} {
		c := testConfig(filepath.Join(t.TempDir(), "data"))
		c.ScramUsers = usersFile(t, test.content, test.mode)
		n, err := Start(testContext(t), c)
		if err == nil {
			n.Close()
		}
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "swordfish") {
			t.Errorf("%s: error %v, want %q and no password", name, err, test.want)
		}
		if _, err := os.Stat(c.DataDir); err == nil {
			t.Errorf("%s: the data directory was made", name)
		}
	}
}
