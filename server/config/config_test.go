package config

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestDefaultsAreValid(t *testing.T) {
	c, err := Load(Sources{})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c, Default()) {
		t.Fatalf("loading nothing gives %+v", c)
	}
}

func TestFlagWinsOverEnvironmentWinsOverFile(t *testing.T) {
	file := writeFile(t, "step-timeout: 1s\nlog-format: json\nresume-partitions: 4\nhttp-hosts: [kont.example, other.example]\n")
	c, err := Load(Sources{
		File:  file,
		Env:   []string{"KONT_STEP_TIMEOUT=2s", "KONT_RESUME_PARTITIONS=5", "PATH=/bin"},
		Flags: map[string]string{"step-timeout": "3s"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.StepTimeout != 3*time.Second || c.ResumePartitions != 5 || c.LogFormat != "json" {
		t.Fatalf("got step-timeout %s, resume-partitions %d, log-format %s", c.StepTimeout, c.ResumePartitions, c.LogFormat)
	}
	if got := strings.Join(c.HTTPHosts, " "); got != "kont.example other.example" {
		t.Fatalf("http-hosts %q", got)
	}
}

func TestEveryProblemIsReportedAtOnce(t *testing.T) {
	file := writeFile(t, "step-timeout: soon\nresume-partition: 3\nlog-format: [{a: 1}]\nstep-timeout: 2s\n")
	_, err := Load(Sources{
		File:  file,
		Env:   []string{"KONT_LOG_LEVEL=loud"},
		Flags: map[string]string{"kafka-listen": "nowhere", "http-listen": "0.0.0.0:8080", "resume-partitions": "0"},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		file + `:1: step-timeout: "soon" is not a duration`,
		file + `:2: resume-partition: no such setting; is it resume-partitions?`,
		file + `:3: log-format: not a list of plain values`,
		file + `:4: step-timeout: set on line 1 already`,
		`KONT_LOG_LEVEL: "loud" is not one of debug, info, warn, error`,
		`kafka-listen: "nowhere" is not host:port`,
		`http-listen: other machines can reach 0.0.0.0:8080`,
		`resume-partitions: 0 is not between 1 and 1024`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q", want)
		}
	}
	if got := len(Problems(err)); got != 8 {
		t.Errorf("%d problems, want 8:\n%v", got, err)
	}
}

// Silence about a misspelt variable is found out when its limit is missed.
func TestMisspeltVariablesAreNamedWithTheNearestSetting(t *testing.T) {
	c, err := Load(Sources{Env: []string{
		"KONT_STEP_TIMEOT=1s", "KONT_OFFSET_RETENTION=1h", "KONT_DAT=x", "KONT_WHATEVER_ELSE=1", "KONTO=1", "HOME=/",
		"KONT_LOG_LEVEL=warn", "KONT_SERVER=x", "KONT_KAFKA=x", "KONT_CONFIG=x", "KONT_UPDATE_SCRIPTS=1", "KONT_INTEROP_CACHE=x",
		"KONT_PORT=tcp://10.0.0.1:9092", "KONT_PORT_9092_TCP_ADDR=10.0.0.1", "KONT_SERVICE_HOST=10.0.0.1",
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := []UnknownVariable{
		{"KONT_DAT", "KONT_DATA"}, {"KONT_OFFSET_RETENTION", "KONT_OFFSETS_RETENTION"},
		{"KONT_STEP_TIMEOT", "KONT_STEP_TIMEOUT"}, {"KONT_WHATEVER_ELSE", ""},
	}
	if !slices.Equal(c.UnknownVariables, want) {
		t.Errorf("got %v, want %v", c.UnknownVariables, want)
	}
}

func TestTransactionTimeoutsHaveBounds(t *testing.T) {
	for _, timeout := range []time.Duration{0, -time.Second, time.Microsecond, 25 * 24 * time.Hour} {
		c := Default()
		c.TransactionTimeoutMax = timeout
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "transaction-timeout-max") {
			t.Errorf("%s: %v", timeout, err)
		}
	}
}

func TestListeningForStrangersNeedsConsent(t *testing.T) {
	for _, address := range []string{"0.0.0.0:9092", ":9092", "[::]:9092", "192.0.2.1:9092", "kont.example:9092"} {
		c := Default()
		c.KafkaListen = address
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "insecure") {
			t.Errorf("%s without consent: %v", address, err)
		}
		c.Insecure = true
		if err := c.Validate(); err != nil {
			t.Errorf("%s with consent: %v", address, err)
		}
	}
	for _, address := range []string{"127.0.0.1:0", "127.9.9.9:1", "[::1]:9092", "localhost:9092"} {
		c := Default()
		c.KafkaListen = address
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// Each setting is set to a value other than its default from each source, and
// must arrive: a row of the table that writes to another row's field is found.
func TestEverySettingArrivesFromEverySource(t *testing.T) {
	values := map[string]string{
		"data": "elsewhere", "kafka-listen": "127.0.0.1:1", "kafka-advertise": "kont.example:2", "http-listen": "127.0.0.1:3",
		"listener":   "kafka://127.0.0.1:9/?name=a kafka://127.0.0.1:8?name=b",
		"authorizer": "true", "super-users": "User:a;User:CN=b,O=c", "allow-everyone-if-no-acl-found": "true", "scram-users": "users", "oauth-key-set": "keys", "oauth-unsigned": "true", "oauth-issuer": "i", "oauth-audiences": "a,b", "oauth-scopes": "s,t",
		"oauth-principal-claim": "email", "oauth-scope-claim": "scp", "oauth-clock-skew": "5s",
		"http-hosts": "a.example,b.example", "insecure": "true", "http-profiles": "true",
		"node-id": "3", "raft-addr": "127.0.0.1:4", "raft-advertise": "kont.example:5", "peers": "1=127.0.0.1:4,2=b:5", "join": "a:4,b:5", "non-voter": "true", "rack": "r1",
		"raft-cert": "crt", "raft-key": "key", "raft-ca": "ca",
		"raft-log-store": "boltdb", "raft-log-stall-max": "3s", "raft-log-snapshot-bytes": "1MiB", "raft-log-trailing-bytes": "2MiB", "auto-create-topics": "false", "topic-partitions": "6", "resume-partitions": "9", "offsets-retention": "48h0m0s",
		"group-initial-rebalance-delay": "3s", "group-session-timeout-min": "1s", "group-session-timeout-max": "1h0m0s", "group-consumer-session-timeout": "9s",
		"group-consumer-heartbeat-interval": "2s", "group-members-max": "77", "transaction-timeout-max": "20m0s", "store-cache-bytes": "64MiB", "memory-slack-bytes": "16MiB", "step-workers": "3",
		"step-timeout": "7s", "continuation-bytes-max": "1MiB", "outputs-max": "77", "output-bytes-max": "2MiB",
		"request-bytes-max": "3MiB", "connections-max": "12", "connections-per-address-max": "4", "log-level": "warn", "log-format": "json", "shutdown-timeout": "3s",
	}
	// What some mean nothing without.
	with := map[string][]string{
		"raft-advertise": {"raft-addr"}, "peers": {"raft-addr"}, "join": {"raft-addr"}, "non-voter": {"raft-addr", "join"},
		"raft-cert": {"raft-addr", "raft-key", "raft-ca"}, "raft-key": {"raft-addr", "raft-cert", "raft-ca"}, "raft-ca": {"raft-addr", "raft-cert", "raft-key"},
		"super-users": {"authorizer"}, "allow-everyone-if-no-acl-found": {"authorizer"},
	}
	for _, setting := range Settings() {
		value, known := values[setting.Name]
		if !known {
			t.Errorf("%s: the test has no value for it", setting.Name)
			continue
		}
		for source, sources := range map[string]Sources{
			"flag": {Flags: map[string]string{setting.Name: value}},
			"env":  {Env: []string{setting.Env() + "=" + value}},
			"file": {File: writeFile(t, setting.Name+": "+value+"\n")},
		} {
			if sources.Flags == nil {
				sources.Flags = map[string]string{}
			}
			for _, other := range with[setting.Name] {
				sources.Flags[other] = values[other]
			}
			c, err := Load(sources)
			if err != nil {
				t.Errorf("%s by %s: %v", setting.Name, source, err)
				continue
			}
			for _, other := range Settings() {
				want := other.Default()
				if other.Name == setting.Name || slices.Contains(with[setting.Name], other.Name) {
					want = values[other.Name]
				}
				if got := other.get(&c); got != want {
					t.Errorf("%s by %s: %s is %q, want %q", setting.Name, source, other.Name, got, want)
				}
			}
		}
	}
}

// A step whose effects pass the limits of its settings must pass those of the log.
func TestEffectsOfAStepFitIntoTheLog(t *testing.T) {
	c := Default()
	c.ContinuationBytesMax, c.OutputBytesMax = 20*mebibyte, 20*mebibyte
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "together, and one entry of the log holds") {
		t.Errorf("20 MiB and 20 MiB: %v", err)
	}
	c.ContinuationBytesMax = 64 * mebibyte
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "continuation-bytes-max: 67108864 is not between") {
		t.Errorf("64 MiB: %v", err)
	}
}

func TestFileThatIsNoMapping(t *testing.T) {
	for name, content := range map[string]string{
		"list": "- a\n- b\n", "text": "hello", "broken": "a: [", "nested": "data: {a: b}",
	} {
		if _, err := Load(Sources{File: writeFile(t, content)}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := Load(Sources{File: filepath.Join(t.TempDir(), "missing.yaml")}); err == nil {
		t.Error("missing: no error")
	}
	if _, err := Load(Sources{File: writeFile(t, "")}); err != nil {
		t.Errorf("empty: %v", err)
	}
}

func TestBytesAreReadAsWritten(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "17": 17, "17B": 17, "3KiB": 3072, "8MiB": 8 << 20, "1GiB": 1 << 30} {
		if got, err := parseBytes(text); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "B", "-1", "8 MiB", "8mb", "1e3", "9999999999GiB"} {
		if got, err := parseBytes(text); err == nil {
			t.Errorf("%q: %d, want an error", text, got)
		}
	}
}

func writeFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kont.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAuthorizerHasItsSettings(t *testing.T) {
	c, err := Load(Sources{Flags: map[string]string{"authorizer": "true", "super-users": "User:a; User:CN=b,O=c;", "allow-everyone-if-no-acl-found": "true"}})
	if err != nil || !c.Authorizer || !c.AllowIfNoACL || !slices.Equal(c.SuperUsers, []string{"User:a", "User:CN=b,O=c"}) {
		t.Errorf("%+v, %v", c, err)
	}
	c, err = Load(Sources{File: writeFile(t, "authorizer: true\nsuper-users:\n- User:a\n- User:CN=b,O=c\n")})
	if err != nil || len(c.SuperUsers) != 2 {
		t.Errorf("%v, %v", c.SuperUsers, err)
	}
	for name, flags := range map[string]map[string]string{
		"no authorizer": {"super-users": "User:a"},
		"no effect":     {"allow-everyone-if-no-acl-found": "true"},
		"bare name":     {"authorizer": "true", "super-users": "admin"},
	} {
		if _, err := Load(Sources{Flags: flags}); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}
