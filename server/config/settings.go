package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Setting is one thing that a node can be told, from any source.
type Setting struct {
	// Name is the flag without its dashes and the key in the file.
	Name string
	// Placeholder stands for the value in the help: DIR, ADDR. Empty for a switch,
	// whose flag needs no value.
	Placeholder string
	Usage       string
	// IsRepeated tells that the setting may be given many times: a flag each, items of
	// a list in the file, with spaces between in the environment.
	IsRepeated bool

	set func(*Config, string) error
	get func(*Config) string
}

// Env is the setting's environment variable.
func (s Setting) Env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_"))
}

// Default is the setting's default as text.
func (s Setting) Default() string {
	c := Default()
	return s.get(&c)
}

// IsSwitch tells whether the setting is on or off.
func (s Setting) IsSwitch() bool { return s.Placeholder == "" }

const envPrefix = "KONT_"

// Settings are all settings, in the order of the help.
func Settings() []Setting { return settings }

var settings = []Setting{
	text("data", "DIR", "directory that holds all that the node stores", func(c *Config) *string { return &c.DataDir }),
	text("kafka-listen", "ADDR", "host:port for Kafka clients; port 0 takes a free one", func(c *Config) *string { return &c.KafkaListen }),
	text("kafka-advertise", "ADDR", "host:port that Kafka clients are told to connect to, where it differs from the one listened on", func(c *Config) *string { return &c.KafkaAdvertise }),
	{
		Name: "listener", Placeholder: "URL", IsRepeated: true,
		Usage: "kafka://HOST:PORT or kafka+tls://HOST:PORT for Kafka clients, in place of --kafka-listen; may be repeated; " +
			"settings behind ?: " + strings.Join(listenerParameters, ", "),
		set: func(c *Config, value string) error {
			c.Listeners = nil
			var problems []error
			for _, url := range strings.Fields(value) {
				listener, err := ParseListener(url)
				for _, problem := range unwrapJoined(err) {
					problems = append(problems, fmt.Errorf("%s: %w", url, problem))
				}
				c.Listeners = append(c.Listeners, listener)
			}
			return errors.Join(problems...)
		},
		get: func(c *Config) string {
			urls := make([]string, len(c.Listeners))
			for i, listener := range c.Listeners {
				urls[i] = listener.URL
			}
			return strings.Join(urls, " ")
		},
	},
	toggle("authorizer", "let Kafka clients do only what ACLs allow", func(c *Config) *bool { return &c.Authorizer }),
	{
		Name: "super-users", Placeholder: "PRINCIPALS", Usage: "principals who may do everything, such as User:admin, separated by semicolons",
		set: func(c *Config, value string) error {
			c.SuperUsers = nil
			// Distinguished names have commas in them.
			for user := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ';' || r == '\n' }) {
				if user = strings.TrimSpace(user); user != "" {
					c.SuperUsers = append(c.SuperUsers, user)
				}
			}
			return nil
		},
		get: func(c *Config) string { return strings.Join(c.SuperUsers, ";") },
	},
	toggle("allow-everyone-if-no-acl-found", "let every Kafka client do what it likes with what no ACL is about", func(c *Config) *bool { return &c.AllowIfNoACL }),
	text("scram-users", "FILE", "the first users, lines NAME:PASSWORD; read while nobody has a password yet", func(c *Config) *string { return &c.ScramUsers }),
	text("oauth-key-set", "FILE", "JSON web key set (JWKS) that tokens of the mechanism oauthbearer are signed with; read anew when it changes", func(c *Config) *string { return &c.OAuth.KeySet }),
	toggle("oauth-unsigned", "take tokens of the mechanism oauthbearer at their word, for development", func(c *Config) *bool { return &c.OAuth.Unsigned }),
	text("oauth-issuer", "ISSUER", "what iss of a token must be", func(c *Config) *string { return &c.OAuth.Issuer }),
	list("oauth-audiences", "NAMES", "names, separated by commas, of which one must be in aud of a token", func(c *Config) *[]string { return &c.OAuth.Audiences }),
	list("oauth-scopes", "NAMES", "names, separated by commas, that must all be among the scopes of a token", func(c *Config) *[]string { return &c.OAuth.Scopes }),
	text("oauth-principal-claim", "CLAIM", "claim of a token that has the user's name", func(c *Config) *string { return &c.OAuth.PrincipalClaim }),
	text("oauth-scope-claim", "CLAIM", "claim of a token that has its scopes", func(c *Config) *string { return &c.OAuth.ScopeClaim }),
	duration("oauth-clock-skew", "how far the clock of a token's issuer may be from the node's", func(c *Config) *time.Duration { return &c.OAuth.ClockSkew }),
	text("http-listen", "ADDR", "host:port of the HTTP API", func(c *Config) *string { return &c.HTTPListen }),
	list("http-hosts", "NAMES", "host names, separated by commas, that the HTTP API answers to besides localhost and IP addresses", func(c *Config) *[]string { return &c.HTTPHosts }),
	toggle("insecure", "consent to listen where other machines can reach, and nobody has to log in: whoever reaches a port may read and write everything", func(c *Config) *bool { return &c.Insecure }),
	toggle("http-profiles", "serve CPU and heap profiles at /debug/pprof", func(c *Config) *bool { return &c.HTTPProfiles }),
	number("node-id", "N", "number of the node, which it keeps for all time", func(c *Config) *int32 { return &c.Cluster.NodeID }),
	text("raft-addr", "ADDR", "host:port for the other nodes of a cluster; empty for a node that is alone", func(c *Config) *string { return &c.Cluster.RaftAddr }),
	text("raft-advertise", "ADDR", "host:port that other nodes are told to connect to, where it differs from raft-addr", func(c *Config) *string { return &c.Cluster.RaftAdvertise }),
	{
		Name: "peers", Placeholder: "PEERS", Usage: "first nodes of a cluster with their raft-addr, 1=HOST:PORT,2=HOST:PORT,…: the same list for each of them, this one included",
		set: func(c *Config, value string) (err error) { c.Cluster.Peers, err = parsePeers(value); return err },
		get: func(c *Config) string {
			texts := make([]string, len(c.Cluster.Peers))
			for i, peer := range c.Cluster.Peers {
				texts[i] = peer.String()
			}
			return strings.Join(texts, ",")
		},
	},
	list("join", "ADDRS", "raft-addr of nodes, separated by commas, of a cluster that this one is to come into", func(c *Config) *[]string { return &c.Cluster.Join }),
	toggle("non-voter", "join as a node that has all data and no vote", func(c *Config) *bool { return &c.Cluster.Nonvoter }),
	text("rack", "NAME", "where the node stands; consumers with the same rack read from it", func(c *Config) *string { return &c.Cluster.Rack }),
	text("raft-cert", "FILE", "certificate of this node for the other ones, in PEM; read anew when it changes", func(c *Config) *string { return &c.Cluster.Certificate }),
	text("raft-key", "FILE", "key of raft-cert", func(c *Config) *string { return &c.Cluster.Key }),
	text("raft-ca", "FILE", "certificates that those of nodes must be signed by", func(c *Config) *string { return &c.Cluster.CA }),
	text("raft-log-store", "KIND", "store of the Raft log: wal or boltdb", func(c *Config) *string { return &c.RaftLogStore }),
	size("raft-log-snapshot-bytes", "the Raft log is trimmed when it has grown by that much", func(c *Config) *int64 { return &c.RaftLogSnapshotBytes }),
	size("raft-log-trailing-bytes", "most of the Raft log that is left then for followers that lag; one that lacks more gets the whole state", func(c *Config) *int64 { return &c.RaftLogTrailingBytes }),
	duration("raft-log-stall-max", "a leader whose disk takes longer for a write of the Raft log leaves leadership to another node; 0s for never", func(c *Config) *time.Duration { return &c.RaftLogStallMax }),
	toggle("auto-create-topics", "make topics that Kafka clients ask for and that are not there; on unless it is set to false", func(c *Config) *bool { return &c.AutoCreateTopics }),
	number("topic-partitions", "N", "partitions of a topic that a Kafka client has made without saying how many", func(c *Config) *int32 { return &c.TopicPartitions }),
	number("resume-partitions", "N", "partitions that a new resume topic gets", func(c *Config) *int32 { return &c.ResumePartitions }),
	duration("offsets-retention", "how long a consumer group's offsets are kept after its last member has gone; 0s for ever", func(c *Config) *time.Duration { return &c.OffsetsRetention }),
	duration("group-initial-rebalance-delay", "how long the first member of an empty consumer group waits for others, and for each that comes again", func(c *Config) *time.Duration { return &c.GroupInitialRebalanceDelay }),
	duration("group-session-timeout-min", "shortest session timeout that a member of a classic consumer group may choose", func(c *Config) *time.Duration { return &c.GroupSessionTimeoutMin }),
	duration("group-session-timeout-max", "longest session timeout that a member of a classic consumer group may choose", func(c *Config) *time.Duration { return &c.GroupSessionTimeoutMax }),
	duration("group-consumer-session-timeout", "session timeout of members of consumer groups by the new protocol (KIP-848)", func(c *Config) *time.Duration { return &c.GroupConsumerSessionTimeout }),
	duration("group-consumer-heartbeat-interval", "how often members of consumer groups by the new protocol send heartbeats", func(c *Config) *time.Duration { return &c.GroupConsumerHeartbeatInterval }),
	duration("transaction-timeout-max", "longest timeout that a transactional producer may choose", func(c *Config) *time.Duration { return &c.TransactionTimeoutMax }),
	number("group-members-max", "N", "most members of one consumer group", func(c *Config) *int { return &c.GroupMembersMax }),
	size("store-cache-bytes", "memory for the store's block cache", func(c *Config) *int64 { return &c.StoreCacheBytes }),
	size("memory-slack-bytes", "memory that garbage may take, beyond what is in use, before it is collected; 0 leaves that to GOGC", func(c *Config) *int64 { return &c.MemorySlackBytes }),
	number("step-workers", "N", "steps that run at a time; 0 for one a core", func(c *Config) *int { return &c.StepWorkers }),
	duration("step-timeout", "longest time that one step may run", func(c *Config) *time.Duration { return &c.StepTimeout }),
	size("continuation-bytes-max", "largest continuation of a thread", func(c *Config) *int { return &c.ContinuationBytesMax }),
	number("outputs-max", "N", "most records that one step may write", func(c *Config) *int { return &c.OutputsMax }),
	size("output-bytes-max", "largest sum of the records that one step may write", func(c *Config) *int { return &c.OutputBytesMax }),
	size("request-bytes-max", "largest Kafka request or HTTP body", func(c *Config) *int { return &c.RequestBytesMax }),
	number("connections-max", "N", "most Kafka connections open at a time", func(c *Config) *int { return &c.ConnectionsMax }),
	number("connections-per-address-max", "N", "most Kafka connections of one IP address, or of one /64 network of IPv6; 0 for no bound but connections-max", func(c *Config) *int { return &c.ConnectionsPerAddressMax }),
	{
		Name: "log-level", Placeholder: "LEVEL", Usage: "debug, info, warn or error",
		set: func(c *Config, value string) error {
			if err := c.LogLevel.UnmarshalText([]byte(value)); err != nil {
				return fmt.Errorf("%q is not one of debug, info, warn, error", value)
			}
			return nil
		},
		get: func(c *Config) string { return strings.ToLower(c.LogLevel.String()) },
	},
	text("log-format", "FORMAT", "text or json", func(c *Config) *string { return &c.LogFormat }),
	duration("shutdown-timeout", "how long a node that was asked to stop may finish what it has begun", func(c *Config) *time.Duration { return &c.ShutdownTimeout }),
}

func text(name, placeholder, usage string, field func(*Config) *string) Setting {
	return Setting{
		Name: name, Placeholder: placeholder, Usage: usage,
		set: func(c *Config, value string) error { *field(c) = value; return nil },
		get: func(c *Config) string { return *field(c) },
	}
}

func list(name, placeholder, usage string, field func(*Config) *[]string) Setting {
	return Setting{
		Name: name, Placeholder: placeholder, Usage: usage,
		set: func(c *Config, value string) error {
			*field(c) = nil
			for item := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ',' || r == '\n' }) {
				if item = strings.TrimSpace(item); item != "" {
					*field(c) = append(*field(c), item)
				}
			}
			if *field(c) == nil && strings.TrimSpace(value) != "" {
				return fmt.Errorf("%q has only separators; leave it out if there is nothing to name", value)
			}
			return nil
		},
		get: func(c *Config) string { return strings.Join(*field(c), ",") },
	}
}

func toggle(name, usage string, field func(*Config) *bool) Setting {
	return Setting{
		Name: name, Usage: usage,
		set: func(c *Config, value string) error {
			on, err := strconv.ParseBool(value)
			if err != nil {
				return fmt.Errorf("%q is neither true nor false", value)
			}
			*field(c) = on
			return nil
		},
		get: func(c *Config) string { return strconv.FormatBool(*field(c)) },
	}
}

func number[T int | int32](name, placeholder, usage string, field func(*Config) *T) Setting {
	return Setting{
		Name: name, Placeholder: placeholder, Usage: usage,
		set: func(c *Config, value string) error {
			n, err := strconv.ParseInt(value, 10, 32)
			if err != nil {
				return fmt.Errorf("%q is not a whole number", value)
			}
			*field(c) = T(n)
			return nil
		},
		get: func(c *Config) string { return strconv.FormatInt(int64(*field(c)), 10) },
	}
}

func duration(name, usage string, field func(*Config) *time.Duration) Setting {
	return Setting{
		Name: name, Placeholder: "DURATION", Usage: usage,
		set: func(c *Config, value string) error {
			d, err := time.ParseDuration(value)
			if err != nil {
				return fmt.Errorf("%q is not a duration, such as 500ms or 10s", value)
			}
			*field(c) = d
			return nil
		},
		get: func(c *Config) string { return field(c).String() },
	}
}

func size[T int | int64](name, usage string, field func(*Config) *T) Setting {
	return Setting{
		Name: name, Placeholder: "BYTES", Usage: usage,
		set: func(c *Config, value string) error {
			n, err := parseBytes(value)
			if err != nil {
				return err
			}
			*field(c) = T(n)
			return nil
		},
		get: func(c *Config) string { return formatBytes(int64(*field(c))) },
	}
}

var byteUnits = []struct {
	suffix string
	bytes  int64
}{
	{"GiB", gibibyte}, {"MiB", mebibyte}, {"KiB", kibibyte}, {"B", 1}, {"", 1},
}

// parseBytes reads a count of bytes: 8388608, 8192KiB or 8MiB.
func parseBytes(value string) (int64, error) {
	for _, unit := range byteUnits {
		digits, found := strings.CutSuffix(value, unit.suffix)
		if !found {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n < 0 || n > (1<<62)/unit.bytes {
			break
		}
		return n * unit.bytes, nil
	}
	return 0, fmt.Errorf("%q is not a size, such as 8MiB or 65536", value)
}

func formatBytes(n int64) string {
	for _, unit := range byteUnits {
		if n >= unit.bytes && n%unit.bytes == 0 {
			return strconv.FormatInt(n/unit.bytes, 10) + unit.suffix
		}
	}
	return strconv.FormatInt(n, 10)
}
