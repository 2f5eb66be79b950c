package kafkacompat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Config is what a Server is made of. Log, Cluster and Logger are needed;
// everything else has a default in place of zero.
type Config struct {
	Log     Log
	Cluster Cluster
	Logger  *slog.Logger
	// Observe, if there is one, is told of every request that was answered. It
	// is called on the connection's goroutine and must not block.
	Observe func(Observation)

	// Forward, if there is one, has the leader's AnswerForwarded answer a request that came to this node. Its errors are
	// ErrNotForwarded, or mean that the leader may have done what was asked.
	Forward func(context.Context, Forwarded) (answer []byte, err error)

	// AutoCreateTopics makes topics that a client asks metadata for, if that
	// request allows it (auto.create.topics.enable).
	AutoCreateTopics bool
	// TopicPartitions is how many partitions a topic gets that nobody gave a
	// number (num.partitions). Default 1.
	TopicPartitions int32

	// RequestBytesMax bounds a Produce request (socket.request.max.bytes). Other
	// requests have smaller bounds of their own. Default 100 MiB.
	RequestBytesMax int
	// RequestMemoryBytesMax bounds the requests that are read and not yet
	// answered, on all connections together; readers wait for room. Half of it is for
	// those that stand behind another one of their connection. At least
	// RequestBytesMax. Default 256 MiB.
	RequestMemoryBytesMax int
	// ConnectionsMax bounds the connections; more are closed at once. Default
	// 4096.
	ConnectionsMax int
	// ConnectionsPerAddressMax bounds those of one address (max.connections.per.ip); all
	// addresses of a /64 network of IPv6 are one. Default ConnectionsMax.
	ConnectionsPerAddressMax int
	// UnknownConnectionsMax bounds those of them on which nobody has said yet who is
	// there, on listeners that ask. Default 1024.
	UnknownConnectionsMax int
	// UnknownConnectionsPerAddressMax bounds those of one address, so that no address
	// has all of them. Default a quarter of UnknownConnectionsMax.
	UnknownConnectionsPerAddressMax int
	// InFlightMax bounds the requests of one connection that are read and not
	// yet answered. Default 128.
	InFlightMax int
	// FetchBytesMax bounds a Fetch response, but for its first batch
	// (fetch.max.bytes). Default 16 MiB.
	FetchBytesMax int
	// FetchMemoryBytesMax bounds the Fetch responses that are read and not yet
	// sent, on all connections together; beyond it each has its first batch and
	// little more. Default 256 MiB.
	FetchMemoryBytesMax int
	// FetchSessionsMax bounds the fetch sessions that are remembered
	// (max.incremental.fetch.session.cache.slots). Default 1000.
	FetchSessionsMax int

	// BulkMemoryBytesMax bounds the answers about many topics or groups that are
	// made and not yet sent, on all connections together, but for one a core. Default 128 MiB.
	BulkMemoryBytesMax int

	// IdleTimeout closes connections on which nothing was asked
	// (connections.max.idle.ms). Default 10 minutes.
	IdleTimeout time.Duration
	// FrameTimeout is how long the rest of a request may take after its first
	// bytes. Default 30 s.
	FrameTimeout time.Duration
	// AuthenticationTimeout is how long a client may take to say who it is, on
	// listeners that ask. Default 10 s.
	AuthenticationTimeout time.Duration
	// FailedAuthenticationDelay is how long a client waits to be told that it failed
	// (connection.failed.authentication.delay.ms); where many logins of its address fail,
	// it waits up to half of AuthenticationTimeout. Default 100 ms.
	FailedAuthenticationDelay time.Duration
	// WriteTimeout is how long a client may take to accept 256 KiB of an answer.
	// Default 30 s.
	WriteTimeout time.Duration

	Groups     GroupConfig
	Authorizer AuthorizerConfig

	// TransactionTimeoutMax bounds what a transactional producer may choose
	// (transaction.max.timeout.ms). Default 15 minutes.
	TransactionTimeoutMax time.Duration
}

// GroupConfig bounds what members of consumer groups may ask for.
type GroupConfig struct {
	// SessionTimeoutMin and SessionTimeoutMax bound what a member may choose
	// (group.min.session.timeout.ms, group.max.session.timeout.ms). Defaults 6 s
	// and 30 minutes.
	SessionTimeoutMin time.Duration
	SessionTimeoutMax time.Duration
	// InitialRebalanceDelay is how long the first member of an empty group waits
	// for others (group.initial.rebalance.delay.ms). Default 0: whoever comes
	// later causes a second rebalance, and nobody waits three seconds alone.
	InitialRebalanceDelay time.Duration
	// MembersMax bounds the members of a group (group.max.size). Default 10,000.
	MembersMax int
	// ConsumerSessionTimeout and ConsumerHeartbeatInterval are what members of the
	// new protocol are told (group.consumer.session.timeout.ms,
	// group.consumer.heartbeat.interval.ms). Defaults 45 s and 5 s.
	ConsumerSessionTimeout    time.Duration
	ConsumerHeartbeatInterval time.Duration
	// EmptyRetention is how long the name and generation of a group without
	// members are remembered. Offsets are kept apart from that. Default 10
	// minutes.
	EmptyRetention time.Duration
}

// Observation is one answered request.
type Observation struct {
	// API is the request's name, such as "Produce".
	API     string
	Version int16
	// Code is the first Kafka error code in the answer, 0 if there is none.
	Code     int16
	BytesIn  int
	BytesOut int
	// Duration is the time from the whole request being there to its answer
	// being handed to the network.
	Duration time.Duration
}

// orDefault is value, unless that is zero.
func orDefault[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

func (c Config) withDefaults() (Config, error) {
	c.TopicPartitions = orDefault(c.TopicPartitions, 1)
	c.RequestBytesMax = orDefault(c.RequestBytesMax, 100<<20)
	c.RequestMemoryBytesMax = orDefault(c.RequestMemoryBytesMax, max(256<<20, c.RequestBytesMax))
	c.ConnectionsMax = orDefault(c.ConnectionsMax, 4096)
	c.UnknownConnectionsMax = orDefault(c.UnknownConnectionsMax, 1024)
	c.ConnectionsPerAddressMax = orDefault(c.ConnectionsPerAddressMax, c.ConnectionsMax)
	c.UnknownConnectionsPerAddressMax = orDefault(c.UnknownConnectionsPerAddressMax, max(1, c.UnknownConnectionsMax/4))
	c.AuthenticationTimeout = orDefault(c.AuthenticationTimeout, 10*time.Second)
	c.FailedAuthenticationDelay = orDefault(c.FailedAuthenticationDelay, 100*time.Millisecond)
	c.InFlightMax = orDefault(c.InFlightMax, 128)
	c.FetchBytesMax = orDefault(c.FetchBytesMax, 16<<20)
	c.FetchMemoryBytesMax = orDefault(c.FetchMemoryBytesMax, 256<<20)
	c.BulkMemoryBytesMax = orDefault(c.BulkMemoryBytesMax, 128<<20)
	c.FetchSessionsMax = orDefault(c.FetchSessionsMax, 1000)
	c.IdleTimeout = orDefault(c.IdleTimeout, 10*time.Minute)
	c.FrameTimeout = orDefault(c.FrameTimeout, 30*time.Second)
	c.WriteTimeout = orDefault(c.WriteTimeout, 30*time.Second)
	c.Groups.SessionTimeoutMin = orDefault(c.Groups.SessionTimeoutMin, 6*time.Second)
	c.Groups.SessionTimeoutMax = orDefault(c.Groups.SessionTimeoutMax, 30*time.Minute)
	c.Groups.MembersMax = orDefault(c.Groups.MembersMax, 10_000)
	c.Groups.ConsumerSessionTimeout = orDefault(c.Groups.ConsumerSessionTimeout, 45*time.Second)
	c.Groups.ConsumerHeartbeatInterval = orDefault(c.Groups.ConsumerHeartbeatInterval, 5*time.Second)
	c.Groups.EmptyRetention = orDefault(c.Groups.EmptyRetention, 10*time.Minute)
	c.TransactionTimeoutMax = orDefault(c.TransactionTimeoutMax, 15*time.Minute)

	var problems []error
	complain := func(wrong bool, format string, arguments ...any) {
		if wrong {
			problems = append(problems, fmt.Errorf(format, arguments...))
		}
	}
	complain(c.Log == nil, "kafka listener: no log")
	complain(c.Cluster == nil, "kafka listener: no cluster")
	complain(c.Logger == nil, "kafka listener: no logger")
	complain(c.TopicPartitions < 1, "kafka listener: %d partitions by default, at least 1", c.TopicPartitions)
	complain(c.RequestBytesMax < 1<<20, "kafka listener: requests of at most %d bytes, at least %d", c.RequestBytesMax, 1<<20)
	complain(c.RequestMemoryBytesMax < c.RequestBytesMax, "kafka listener: %d bytes for all requests, one may have %d",
		c.RequestMemoryBytesMax, c.RequestBytesMax)
	complain(c.ConnectionsMax < 1, "kafka listener: %d connections, at least 1", c.ConnectionsMax)
	complain(c.UnknownConnectionsMax < 1, "kafka listener: %d connections before authentication, at least 1", c.UnknownConnectionsMax)
	complain(c.ConnectionsPerAddressMax < 1, "kafka listener: %d connections of one address, at least 1", c.ConnectionsPerAddressMax)
	complain(c.UnknownConnectionsPerAddressMax < 1, "kafka listener: %d connections of one address before authentication, at least 1", c.UnknownConnectionsPerAddressMax)
	complain(c.InFlightMax < 1, "kafka listener: %d requests in flight, at least 1", c.InFlightMax)
	complain(c.FetchBytesMax < 1, "kafka listener: fetches of at most %d bytes, at least 1", c.FetchBytesMax)
	complain(c.FetchMemoryBytesMax < 1, "kafka listener: %d bytes for all fetches, at least 1", c.FetchMemoryBytesMax)
	complain(c.BulkMemoryBytesMax < 1, "kafka listener: %d bytes for all large answers, at least 1", c.BulkMemoryBytesMax)
	complain(c.FetchSessionsMax < 1, "kafka listener: %d fetch sessions, at least 1", c.FetchSessionsMax)
	complain(c.Groups.SessionTimeoutMin > c.Groups.SessionTimeoutMax, "kafka listener: session timeouts from %s to %s",
		c.Groups.SessionTimeoutMin, c.Groups.SessionTimeoutMax)
	complain(c.Groups.ConsumerHeartbeatInterval < 0 || c.Groups.ConsumerHeartbeatInterval >= c.Groups.ConsumerSessionTimeout,
		"kafka listener: heartbeats each %s, with sessions of %s", c.Groups.ConsumerHeartbeatInterval, c.Groups.ConsumerSessionTimeout)
	return c, errors.Join(problems...)
}
