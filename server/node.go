package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft-wal/types"

	"kont/kafkacompat"
	"kont/kafkacompat/sasl"
	"kont/raftlog"
	"kont/raftlog/link"
	"kont/scheduler"
	"kont/server/api"
	"kont/server/config"
	"kont/server/metrics"
	"kont/server/peers"
	"kont/statemachine"
	"kont/statemachine/command"
	"kont/statemachine/runner"
)

// Config is what Start needs.
type Config struct {
	config.Config
	// Logger is slog.Default() if nil.
	Logger *slog.Logger
	// Version is what the node says of itself.
	Version string
	// Engine runs the steps, jsvm if nil. Tests put another one there.
	Engine runner.Engine
	// FS is the file system below the store and of node.json, the operating system's if nil.
	// Tests make disks fail with it.
	FS vfs.FS
	// LogFiles are below the Raft log, for the same.
	LogFiles types.VFS
	// AskTimeout bounds one question to another node, askTimeout if 0. Tests have less patience with nodes that are silent.
	AskTimeout time.Duration
	// BrokerSessionTimeout is for how long the leader does not hear of a node before clients are not sent to it any more, brokerSessionTimeout if 0.
	BrokerSessionTimeout time.Duration
}

// Node is a running server.
type Node struct {
	config   Config
	logger   *slog.Logger
	identity identity
	// tokens are the rules for those of clients.
	tokens *sasl.TokenRules
	// scramSecret is what the salts of unknown users are made with.
	scramSecret []byte
	metrics     *metrics.Metrics

	// startID is another one at each start.
	startID [16]byte
	// port is where the other nodes are, nil for a node that is alone; calls and members are for it.
	port    *link.Port
	calls   *peers.Client
	members *membership
	// forwarded answers requests of the HTTP API that came to another node.
	forwarded atomic.Pointer[http.Handler]
	// kafkaForwarded answers those of Kafka clients.
	kafkaForwarded atomic.Pointer[kafkacompat.Server]

	store     *statemachine.Store
	raft      *raftlog.Node
	proposer  *proposer
	runner    *runner.Runner
	scheduler *scheduler.Scheduler
	kafka     *kafkacompat.Server
	http      *http.Server
	// httpHandler answers HTTP clients, and waits is why it refuses most of them while the node starts.
	httpHandler atomic.Pointer[http.Handler]
	waits       atomic.Pointer[string]
	cluster     *cluster
	leading     *leading
	replicas    *replicas

	// isRegistered: the cluster knows of this start.
	isRegistered atomic.Bool

	// kafkaListeners are in the order of the settings.
	kafkaListeners []kafkaListener
	httpListener   net.Listener

	// closers undo what Start did, the last one first.
	closers []func() error
	running sync.WaitGroup

	// done is closed, and err set before, when a part ended on its own without
	// which the node is of no use.
	done     chan struct{}
	doneOnce sync.Once
	err      error

	closeOnce sync.Once
	closeErr  error
}

// Start starts a node and returns once it takes requests: it leads, or follows a leader that knows of it,
// and the protocol's topics are there. If ctx ends first, or anything goes wrong, nothing
// is left of it.
func Start(ctx context.Context, c Config) (*Node, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.AskTimeout = cmp.Or(c.AskTimeout, askTimeout)
	c.BrokerSessionTimeout = cmp.Or(c.BrokerSessionTimeout, brokerSessionTimeout)
	for _, variable := range c.UnknownVariables {
		c.Logger.Warn("environment variable sets nothing: no such setting", "variable", variable.Name, "nearest", variable.Nearest)
	}
	n := &Node{config: c, logger: c.Logger, done: make(chan struct{})}
	n.members = &membership{node: n, changing: make(chan struct{}, 1)}
	n.replicas = &replicas{node: n}
	n.startID = randomID()
	err := n.start(ctx)
	if err == nil {
		err = n.awaitReady(ctx)
	}
	if err == nil {
		n.serveKafka()
		watching, stop := context.WithCancel(context.Background())
		n.onClose(func() error { stop(); return nil })
		n.running.Go(func() { n.watchSelf(watching) })
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start node in %s: %w", c.DataDir, err), n.Close())
	}
	n.logger.Info("node takes requests", "kafka", n.KafkaAddress(), "http", n.HTTPAddress(), "data", c.DataDir, "log_index", n.store.AppliedIndex())
	return n, nil
}

// start builds the parts in order. Ports come first: that one is taken should be
// known before anything is written.
func (n *Node) start(ctx context.Context) error {
	n.metrics = metrics.New(n)
	release := tuneMemory(n.config.MemorySlackBytes)
	n.onClose(func() error { release(); return nil })
	for _, step := range []func() error{
		n.checkFirstUsers, n.readTokenKeys, n.listen, n.answerHTTP, n.openDir, n.openStore, n.answerNodes,
		func() error { return n.enterCluster(ctx) }, n.openLog, n.makeKafka, n.makeExecutors, n.serve,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// onClose adds what undoes a step of start.
func (n *Node) onClose(undo func() error) { n.closers = append(n.closers, undo) }

func (n *Node) listen() (err error) {
	if err := n.listenForKafka(); err != nil {
		return err
	}
	if err := n.listenForNodes(); err != nil {
		return err
	}
	if n.httpListener, err = net.Listen("tcp", n.config.HTTPListen); err != nil {
		return fmt.Errorf("listen for HTTP clients: %w; choose another address with --http-listen", err)
	}
	n.onClose(ignoreClosed(n.httpListener))
	return nil
}

// ignoreClosed closes a listener that its server may have closed already.
func ignoreClosed(c io.Closer) func() error {
	return func() error {
		if err := c.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	}
}

func (n *Node) openDir() error {
	files := n.config.files()
	if err := makeDir(files, n.config.DataDir); err != nil {
		return err
	}
	lock, err := lockDir(files, n.config.DataDir)
	if err != nil {
		return err
	}
	n.onClose(lock.Close)
	if err := checkRestored(files, n.config.DataDir); err != nil {
		return err
	}
	if err := checkIdentityIsThere(files, n.config.DataDir); err != nil {
		return err
	}
	if err := checkSpace(n.config.DataDir); err != nil {
		return fmt.Errorf("%w; free some space on that disk, or make the directory writable", err)
	}
	cluster := n.config.Cluster
	if n.identity, err = loadIdentity(files, n.config.DataDir, cluster.NodeID, len(cluster.Peers)+len(cluster.Join) == 0); err != nil {
		return err
	}
	n.members.setIdentity(n.identity)
	if err := n.checkLogIsThere(); err != nil {
		return err
	}
	n.scramSecret, err = loadScramSecret(n.config.DataDir)
	return err
}

func (n *Node) openStore() (err error) {
	n.store, err = statemachine.Open(filepath.Join(n.config.DataDir, "store"), statemachine.Options{
		CacheBytes: n.config.StoreCacheBytes,
		FS:         n.config.FS,
		Logger:     n.logger,
	})
	if err != nil {
		return err
	}
	n.onClose(n.store.Close)
	return nil
}

func (n *Node) openLog() (err error) {
	log := raftlog.Config{
		NodeID:    peers.NameOf(n.identity.NodeID),
		Dir:       filepath.Join(n.config.DataDir, "raft"),
		Port:      n.port,
		Bootstrap: n.identity.IsFounder,
		LogStore:  n.config.RaftLogStore,
		Logger:    n.logger,
		WALFiles:  n.config.LogFiles,

		SnapshotBytes: uint64(n.config.RaftLogSnapshotBytes),
		TrailingBytes: uint64(n.config.RaftLogTrailingBytes),
	}
	if log.LogStallMax = n.config.RaftLogStallMax; log.LogStallMax == 0 {
		log.LogStallMax = -1
	}
	if n.identity.IsFounder {
		log.FirstMembers = n.firstMembers()
	}
	if n.raft, err = raftlog.Open(log, applier{n.store}); err != nil {
		return err
	}
	n.onClose(n.raft.Close)
	if err := errors.Join(n.checkReachable(), n.noteJoin()); err != nil {
		return err
	}
	n.members.setLog(n.raft)
	n.running.Go(n.failWithStore)
	level := func() command.Level { return n.store.Nodes().Level }
	n.proposer = &proposer{log: n.raft, level: level, spread: n.spread, observe: n.metrics.ObserveProposal}
	return nil
}

// failWithStore leaves leadership when the store fails, which it may do without an entry to apply.
func (n *Node) failWithStore() {
	select {
	case <-n.store.Failed():
		n.raft.Fail(n.store.Err())
	case <-n.raft.Stopped():
	}
}

// makeKafka makes the listener, which does nothing before serve. The executors ask it
// about its groups.
func (n *Node) makeKafka() (err error) {
	if n.cluster, err = newCluster(n, n.kafkaListeners); err != nil {
		return err
	}
	forward := n.forwardKafka
	if n.port == nil {
		forward = nil
	}
	n.kafka, err = kafkacompat.New(kafkacompat.Config{
		Forward:          forward,
		Log:              storeForKafka{n.store, n.proposer},
		Cluster:          n.cluster,
		Logger:           n.logger,
		AutoCreateTopics: n.config.AutoCreateTopics,
		TopicPartitions:  n.config.TopicPartitions,
		RequestBytesMax:  n.config.RequestBytesMax,
		ConnectionsMax:   n.config.ConnectionsMax,

		ConnectionsPerAddressMax: n.config.ConnectionsPerAddressMax,
		TransactionTimeoutMax:    n.config.TransactionTimeoutMax,
		Groups: kafkacompat.GroupConfig{
			SessionTimeoutMin:         n.config.GroupSessionTimeoutMin,
			SessionTimeoutMax:         n.config.GroupSessionTimeoutMax,
			InitialRebalanceDelay:     n.config.GroupInitialRebalanceDelay,
			MembersMax:                n.config.GroupMembersMax,
			ConsumerSessionTimeout:    n.config.GroupConsumerSessionTimeout,
			ConsumerHeartbeatInterval: n.config.GroupConsumerHeartbeatInterval,
		},
		Authorizer: kafkacompat.AuthorizerConfig{
			IsOn: n.config.Authorizer, SuperUsers: n.config.SuperUsers, AllowIfNoACL: n.config.AllowIfNoACL,
		},
		Observe: func(o kafkacompat.Observation) {
			n.metrics.ObserveRequest(o.API, o.Code, o.Duration)
		},
	})
	return err
}

// prepareToLead puts into the log what a new cluster needs.
func (n *Node) prepareToLead(ctx context.Context) error {
	if err := n.makeFirstUsers(ctx); err != nil {
		return fmt.Errorf("first users: %w", err)
	}
	return n.makeProtocolTopics(ctx)
}

// makeExecutors makes what runs on the leader, and follows leadership from now on.
func (n *Node) makeExecutors() error {
	if n.config.Engine == nil {
		n.config.Engine = newEngine(n.config.Config)
	}
	n.runner = runner.New(runner.Config{
		Store:    storeForRunner{n.store},
		Proposer: n.proposer,
		Engine:   n.config.Engine,
		Observer: runnerObserver{n.metrics},
		Logger:   n.logger,
		Workers:  n.config.StepWorkers,
	})
	n.scheduler = scheduler.New(scheduler.Config{
		Store:    n.store,
		Proposer: n.proposer,
		Observer: n.metrics,
		Logger:   n.logger,
	})
	n.leading = newLeading(n.logger, n.raft.Leadership(), n.prepareToLead,
		&promotion{node: n}, n.replicas, n.runner, n.scheduler, &retention{node: n, every: retentionEvery, offsetsEvery: offsetsEvery},
		newTransactionTimes(n), newCompaction(n))
	n.leading.start()
	n.onClose(n.leading.close)
	return nil
}

// httpOptions are those of the handlers of HTTP requests.
func (n *Node) httpOptions() api.Options {
	return api.Options{
		Hosts:         n.config.HTTPHosts,
		BodyBytesMax:  int64(n.config.RequestBytesMax),
		Metrics:       n.metrics.Handler(),
		Profiles:      n.config.HTTPProfiles,
		Log:           n.logger,
		ToLeader:      n.toLeader,
		ConfirmLeader: n.confirmLeader,
	}
}

// answerHTTP answers HTTP clients from now on, until serve by what the node waits for, which may take as long as other nodes do.
func (n *Node) answerHTTP() error {
	n.handleHTTP(api.Starting(func() string {
		if waits := n.waits.Load(); waits != nil {
			return *waits
		}
		return "the node is starting"
	}, n.httpOptions()))
	n.http = api.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*n.httpHandler.Load()).ServeHTTP(w, r) }))
	n.running.Go(func() {
		if err := n.http.Serve(n.httpListener); !errors.Is(err, http.ErrServerClosed) {
			n.fail(fmt.Errorf("serve HTTP on %s: %w", n.HTTPAddress(), err))
		}
	})
	n.onClose(n.closeHTTP)
	return nil
}

func (n *Node) handleHTTP(handler http.Handler) { n.httpHandler.Store(&handler) }

// serve answers HTTP clients with all that there is from now on. A node that does not lead yet says so.
func (n *Node) serve() error {
	n.serveForwarded(n.httpOptions())
	n.handleHTTP(api.New(n, n.httpOptions()))
	n.onClose(n.kafka.Close)
	n.kafkaForwarded.Store(n.kafka)
	n.onClose(n.closeHTTP) // before any of what it asks is closed
	return nil
}

// serveKafka answers Kafka clients from now on. Those who came before were turned away, or waited: a node
// that has not applied its log yet would tell them of topics that there are not, and
// consumers would give up their partitions.
func (n *Node) serveKafka() {
	for _, listener := range n.kafkaListeners {
		listener.admit()
		n.running.Go(func() { n.serveKafkaOn(listener) })
	}
}

// closeHTTP lets requests finish for a while.
func (n *Node) closeHTTP() error {
	ctx, cancel := context.WithTimeout(context.Background(), n.config.ShutdownTimeout)
	defer cancel()
	if err := n.http.Shutdown(ctx); err != nil {
		return n.http.Close()
	}
	return nil
}

// KafkaAddress is host:port of the first Kafka listener, with the real port.
func (n *Node) KafkaAddress() string { return n.kafkaListeners[0].Addr().String() }

// KafkaListeners has the host:port of each Kafka listener, with the real port, by its name.
func (n *Node) KafkaListeners() map[string]string {
	all := make(map[string]string, len(n.kafkaListeners))
	for _, listener := range n.kafkaListeners {
		all[listener.how.Name] = listener.Addr().String()
	}
	return all
}

// HTTPAddress is host:port of the HTTP listener, with the real port.
func (n *Node) HTTPAddress() string { return n.httpListener.Addr().String() }

// fail ends a node without which one of its parts is of no use.
func (n *Node) fail(err error) {
	n.doneOnce.Do(func() {
		n.err = err
		close(n.done)
	})
}

// Done is closed when the node has become useless on its own: a listener failed.
// A node whose disk fails is not: what it has stays readable.
func (n *Node) Done() <-chan struct{} { return n.done }

// Err is why Done is closed.
func (n *Node) Err() error {
	select {
	case <-n.done:
		return n.err
	default:
		return nil
	}
}

// handOver lets another node lead before this one stops, so that clients wait for no election.
func (n *Node) handOver() {
	if n.raft == nil || n.port == nil || !n.raft.IsLeader() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), handOverTimeout)
	defer cancel()
	members, err := n.raft.Members()
	if err != nil || !slices.ContainsFunc(members, func(m raftlog.Member) bool { return m.Voter && m.ID != peers.NameOf(n.identity.NodeID) }) {
		return
	}
	if err := n.raft.TransferLeadership(ctx, raftlog.Member{}); err != nil {
		n.logger.Warn("hand leadership over", "error", err)
	}
}

// handOverTimeout is how long a node that stops waits for another one to lead.
const handOverTimeout = 5 * time.Second

// Close stops the node and returns when nothing of it is left. Requests under way
// may finish within the configured time.
func (n *Node) Close() error {
	n.closeOnce.Do(func() {
		n.handOver()
		var problems []error
		for i := len(n.closers) - 1; i >= 0; i-- {
			problems = append(problems, n.closers[i]())
		}
		n.running.Wait()
		n.closeErr = errors.Join(problems...)
	})
	return n.closeErr
}
