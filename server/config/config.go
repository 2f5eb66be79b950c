package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"kont/kafkacompat/principal"
	"kont/statemachine"
)

// Config is all that a node can be told. The zero value is not valid; start from
// Default.
type Config struct {
	// DataDir holds everything that the node stores; it is made if missing.
	DataDir string

	// KafkaListen and HTTPListen are host:port; port 0 takes a free one. KafkaListen is
	// not listened on if there are Listeners.
	KafkaListen string
	HTTPListen  string
	// KafkaAdvertise is the host:port that metadata gives to Kafka clients; empty
	// for the address listened on.
	KafkaAdvertise string
	// Listeners are where Kafka clients connect to, each with its own settings.
	Listeners []Listener
	// ScramUsers is a file of lines NAME:PASSWORD: the first users. It is read when
	// nobody has a credential.
	ScramUsers string
	// OAuth is which tokens the mechanism oauthbearer takes.
	OAuth OAuth
	// Authorizer asks ACLs what a Kafka client may do; without it everybody may do
	// everything. SuperUsers, principals such as User:admin, may do everything.
	Authorizer bool
	SuperUsers []string
	// AllowIfNoACL lets everybody do with a resource what they like as long as no ACL
	// is about it.
	AllowIfNoACL bool
	// HTTPHosts are names that the Host header may have besides IP addresses and
	// localhost.
	HTTPHosts []string
	// Insecure is the consent to listen, without authentication, where other machines
	// can reach, and to let passwords cross the network.
	Insecure bool
	// HTTPProfiles serves /debug/pprof.
	HTTPProfiles bool

	// Cluster is who the node is among others.
	Cluster Cluster
	// RaftLogStore is RaftLogStoreWAL or RaftLogStoreBoltDB.
	RaftLogStore string
	// RaftLogSnapshotBytes is by how much the Raft log grows until it is trimmed, and RaftLogTrailingBytes is how much is left of it then, at
	// most, for followers that lag. One that lacks more gets the state.
	RaftLogSnapshotBytes, RaftLogTrailingBytes int64
	// RaftLogStallMax: a leader whose disk takes longer for a write of the Raft log leaves leadership to another node; 0 is never.
	RaftLogStallMax time.Duration
	// AutoCreateTopics makes topics that Kafka clients ask for and that are not there, if the client agrees (auto.create.topics.enable).
	AutoCreateTopics bool
	// TopicPartitions is how many partitions a topic gets that a Kafka client has made without saying how many, or by
	// asking for it (num.partitions).
	TopicPartitions int32
	// ResumePartitions is how many partitions a resume topic is made with.
	ResumePartitions int32
	// TransactionTimeoutMax bounds what a transactional producer may choose (transaction.max.timeout.ms).
	TransactionTimeoutMax time.Duration
	// OffsetsRetention is how long the offsets of a consumer group are kept after its
	// last member has gone, or after the commit if it never had one; 0 for ever.
	OffsetsRetention time.Duration
	// GroupInitialRebalanceDelay is how long the first member of an empty group waits
	// for others.
	GroupInitialRebalanceDelay time.Duration
	// GroupSessionTimeoutMin and GroupSessionTimeoutMax bound what members of the
	// classic protocol may choose.
	GroupSessionTimeoutMin time.Duration
	GroupSessionTimeoutMax time.Duration
	// GroupConsumerSessionTimeout and GroupConsumerHeartbeatInterval are what members
	// of the new protocol are told.
	GroupConsumerSessionTimeout    time.Duration
	GroupConsumerHeartbeatInterval time.Duration
	// GroupMembersMax bounds the members of one group.
	GroupMembersMax int

	// StoreCacheBytes bounds the block cache of the store.
	StoreCacheBytes int64
	// MemorySlackBytes is how much memory garbage may take beyond what is in use; 0
	// leaves the garbage collector as it is, as do GOGC and GOMEMLIMIT in the
	// environment.
	MemorySlackBytes int64

	// StepWorkers is how many steps run at a time; 0 for one a core.
	StepWorkers int
	// StepTimeout bounds the wall time of one step.
	StepTimeout time.Duration
	// ContinuationBytesMax, OutputsMax and OutputBytesMax bound what one step may
	// leave behind: its continuation, its output records, their keys and values.
	ContinuationBytesMax int
	OutputsMax           int
	OutputBytesMax       int
	// RequestBytesMax bounds one Kafka request and one HTTP body.
	RequestBytesMax int
	// ConnectionsMax bounds the Kafka connections open at a time.
	ConnectionsMax int
	// ConnectionsPerAddressMax bounds those of one address; 0 leaves that to
	// ConnectionsMax.
	ConnectionsPerAddressMax int

	LogLevel slog.Level
	// LogFormat is LogFormatText or LogFormatJSON.
	LogFormat string
	// ShutdownTimeout is how long a node that was asked to stop may finish what it
	// has begun.
	ShutdownTimeout time.Duration

	// UnknownVariables are what Load found in the environment that is no setting. The
	// node warns of each.
	UnknownVariables []UnknownVariable
}

// OAuth says which tokens are good.
type OAuth struct {
	// KeySet is a JSON web key set, as a file; tokens must be signed with one of its
	// keys.
	KeySet string
	// Unsigned takes tokens at their word, for development.
	Unsigned bool
	// Issuer, if not empty, is what iss must be; one of Audiences, if there are any,
	// must be in aud; all Scopes must be in scope.
	Issuer    string
	Audiences []string
	Scopes    []string
	// PrincipalClaim has the user's name, ScopeClaim the scopes.
	PrincipalClaim string
	ScopeClaim     string
	// ClockSkew is how far the issuer's clock may be from this one.
	ClockSkew time.Duration
}

// The values of Config.RaftLogStore and Config.LogFormat.
const (
	RaftLogStoreWAL    = "wal"
	RaftLogStoreBoltDB = "boltdb"
	LogFormatText      = "text"
	LogFormatJSON      = "json"
)

const (
	kibibyte = 1 << 10
	mebibyte = 1 << 20
	gibibyte = 1 << 30

	resumePartitionsMax = 1024
	// groupMembersMax keeps a group's parts within what one command holds of them.
	groupMembersMax = 90_000
	// transactionTimeoutMax fits into the milliseconds of a request.
	transactionTimeoutMax = 24 * 24 * time.Hour
	// offsetsRetentionMax is ten years.
	offsetsRetentionMax = 87_600 * time.Hour
	// stepBytesMax is what the effects of one step may have in an entry of the
	// Raft log, of 32 MiB, with room for names and refs.
	stepBytesMax = 30 * mebibyte
)

// Default is the configuration of a node that was told nothing.
func Default() Config {
	return Config{
		DataDir:                        "kont-data",
		KafkaListen:                    "127.0.0.1:9092",
		HTTPListen:                     "127.0.0.1:8080",
		OAuth:                          OAuth{PrincipalClaim: "sub", ScopeClaim: "scope", ClockSkew: 30 * time.Second},
		Cluster:                        Cluster{NodeID: 1},
		RaftLogStore:                   RaftLogStoreWAL,
		RaftLogSnapshotBytes:           16 * mebibyte,
		RaftLogTrailingBytes:           8 * mebibyte,
		RaftLogStallMax:                1500 * time.Millisecond,
		AutoCreateTopics:               true,
		TopicPartitions:                1,
		ResumePartitions:               8,
		TransactionTimeoutMax:          15 * time.Minute,
		OffsetsRetention:               7 * 24 * time.Hour,
		GroupSessionTimeoutMin:         6 * time.Second,
		GroupSessionTimeoutMax:         30 * time.Minute,
		GroupConsumerSessionTimeout:    45 * time.Second,
		GroupConsumerHeartbeatInterval: 5 * time.Second,
		GroupMembersMax:                10_000,
		StoreCacheBytes:                16 * mebibyte,
		MemorySlackBytes:               64 * mebibyte,
		StepTimeout:                    10 * time.Second,
		ContinuationBytesMax:           8 * mebibyte,
		OutputsMax:                     10_000,
		OutputBytesMax:                 8 * mebibyte,
		RequestBytesMax:                100 * mebibyte,
		ConnectionsMax:                 10_000,
		LogLevel:                       slog.LevelInfo,
		LogFormat:                      LogFormatText,
		ShutdownTimeout:                10 * time.Second,
	}
}

// Validate returns every reason why a node cannot run with c, joined.
func (c Config) Validate() error {
	var problems []error
	report := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf(format, args...))
	}
	if c.DataDir == "" {
		report("data: empty; name a directory")
	}
	c.validateListeners(report)
	c.validateCluster(report)
	host, err := splitAddress(c.HTTPListen)
	switch {
	case err != nil:
		report("http-listen: %w", err)
	case !isLoopback(host) && !c.Insecure:
		report("http-listen: other machines can reach %s, and HTTP has no authentication yet; "+
			"listen on 127.0.0.1, or accept it with --insecure", c.HTTPListen)
	}
	for _, host := range c.HTTPHosts {
		if strings.ContainsAny(host, ":/ ") {
			report("http-hosts: %q is not a host name; leave out scheme and port", host)
		}
	}
	for _, bound := range []struct {
		name            string
		value, min, max int64
	}{
		{"topic-partitions", int64(c.TopicPartitions), 1, statemachine.PartitionsMax},
		{"resume-partitions", int64(c.ResumePartitions), 1, resumePartitionsMax},
		{"raft-log-snapshot-bytes", c.RaftLogSnapshotBytes, 64 * kibibyte, gibibyte},
		{"raft-log-trailing-bytes", c.RaftLogTrailingBytes, 64 * kibibyte, gibibyte},
		{"store-cache-bytes", c.StoreCacheBytes, mebibyte, 1 << 40},
		{"memory-slack-bytes", c.MemorySlackBytes, 0, 1 << 40},
		{"step-workers", int64(c.StepWorkers), 0, 4096},
		{"continuation-bytes-max", int64(c.ContinuationBytesMax), kibibyte, statemachine.ContinuationBytesMax},
		{"outputs-max", int64(c.OutputsMax), 1, statemachine.OutputsMax},
		{"output-bytes-max", int64(c.OutputBytesMax), kibibyte, statemachine.OutputBytesMax},
		{"request-bytes-max", int64(c.RequestBytesMax), mebibyte, gibibyte},
		{"connections-max", int64(c.ConnectionsMax), 1, 1_000_000},
		{"connections-per-address-max", int64(c.ConnectionsPerAddressMax), 0, 1_000_000},
	} {
		if bound.value < bound.min || bound.value > bound.max {
			report("%s: %d is not between %d and %d", bound.name, bound.value, bound.min, bound.max)
		}
	}
	if sum := c.ContinuationBytesMax + c.OutputBytesMax; sum > stepBytesMax {
		report("continuation-bytes-max and output-bytes-max: %d together, and one entry of the log holds %d", sum, stepBytesMax)
	}
	if c.StepTimeout < time.Millisecond || c.StepTimeout > time.Hour {
		report("step-timeout: %s is not between 1ms and 1h", c.StepTimeout)
	}
	if c.TransactionTimeoutMax < time.Millisecond || c.TransactionTimeoutMax > transactionTimeoutMax {
		report("transaction-timeout-max: %s is not between 1ms and %s", c.TransactionTimeoutMax, transactionTimeoutMax)
	}
	if c.OffsetsRetention != 0 && (c.OffsetsRetention < time.Minute || c.OffsetsRetention > offsetsRetentionMax) {
		report("offsets-retention: %s is neither 0s nor between 1m and %s", c.OffsetsRetention, offsetsRetentionMax)
	}
	if c.GroupInitialRebalanceDelay < 0 || c.GroupInitialRebalanceDelay > time.Hour {
		report("group-initial-rebalance-delay: %s is not between 0s and 1h", c.GroupInitialRebalanceDelay)
	}
	if c.GroupSessionTimeoutMin < time.Millisecond || c.GroupSessionTimeoutMin > c.GroupSessionTimeoutMax || c.GroupSessionTimeoutMax > 24*time.Hour {
		report("group-session-timeout-min and group-session-timeout-max: %s and %s are not in order between 1ms and 24h",
			c.GroupSessionTimeoutMin, c.GroupSessionTimeoutMax)
	}
	if c.GroupConsumerHeartbeatInterval < time.Millisecond || c.GroupConsumerHeartbeatInterval >= c.GroupConsumerSessionTimeout ||
		c.GroupConsumerSessionTimeout > 24*time.Hour {
		report("group-consumer-heartbeat-interval and group-consumer-session-timeout: %s and %s are not in order between 1ms and 24h",
			c.GroupConsumerHeartbeatInterval, c.GroupConsumerSessionTimeout)
	}
	if c.GroupMembersMax < 1 || c.GroupMembersMax > groupMembersMax {
		report("group-members-max: %d is not between 1 and %d", c.GroupMembersMax, groupMembersMax)
	}
	if c.ShutdownTimeout < 0 || c.ShutdownTimeout > time.Hour {
		report("shutdown-timeout: %s is not between 0s and 1h", c.ShutdownTimeout)
	}
	for _, user := range c.SuperUsers {
		if kind, name, hasColon := strings.Cut(user, ":"); !hasColon || kind != principal.TypeUser || name == "" {
			report("super-users: %q is not User:NAME", user)
		}
	}
	if !c.Authorizer && (len(c.SuperUsers) > 0 || c.AllowIfNoACL) {
		report("super-users and allow-everyone-if-no-acl-found: nothing is asked of anybody without --authorizer")
	}
	if c.OAuth.KeySet != "" && c.OAuth.Unsigned {
		report("oauth-key-set and oauth-unsigned: tokens are either signed or not; leave one out")
	}
	if c.OAuth.ClockSkew < 0 || c.OAuth.ClockSkew > time.Hour {
		report("oauth-clock-skew: %s is not between 0s and 1h", c.OAuth.ClockSkew)
	}
	if c.OAuth.PrincipalClaim == "" || c.OAuth.ScopeClaim == "" {
		report("oauth-principal-claim and oauth-scope-claim: empty; leave them out for sub and scope")
	}
	if c.RaftLogStore != RaftLogStoreWAL && c.RaftLogStore != RaftLogStoreBoltDB {
		report("raft-log-store: %q is neither %s nor %s", c.RaftLogStore, RaftLogStoreWAL, RaftLogStoreBoltDB)
	}
	if c.RaftLogStallMax != 0 && (c.RaftLogStallMax < 100*time.Millisecond || c.RaftLogStallMax > time.Hour) {
		report("raft-log-stall-max: %s is neither 0s nor between 100ms and 1h", c.RaftLogStallMax)
	}
	if c.LogFormat != LogFormatText && c.LogFormat != LogFormatJSON {
		report("log-format: %q is neither %s nor %s", c.LogFormat, LogFormatText, LogFormatJSON)
	}
	return errors.Join(problems...)
}

// splitAddress checks host:port and returns the host.
func splitAddress(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("%q is not host:port, such as 127.0.0.1:9092", address)
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return "", fmt.Errorf("%q: port %q is not between 0 and 65535", address, port)
	}
	return host, nil
}

// isLoopback tells whether only this machine can reach host. A name other than
// localhost is not looked up: what it means may change after the check.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	return net.ParseIP(host).IsLoopback()
}
