package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"kont/cli/child"
	"kont/cli/client"
	"kont/server/api"
)

// stage is where a demo plays: a node, and a Kafka client that writes for the
// outside world and prints every record that passes, its own and the workflow's.
type stage struct {
	node   *child.Node
	files  fs.FS // the demo's
	out    io.Writer
	isJSON bool
	began  time.Time
	kafka  *kgo.Client

	mu sync.Mutex // guards what follows
	// resumeTopics are those of the applications that play.
	resumeTopics map[string]bool
	// columns are the widths of the columns that have one.
	columns struct{ topic, key int }
	// records has all that passed, in the order seen.
	records []*kgo.Record
	// sent are the records of the outside world.
	sent        map[place]bool
	sentPrinted int
	// grown is closed and replaced when records has grown.
	grown chan struct{}
	err   error
	ended chan struct{}
}

// keyColumnMin and keyColumnMax bound the width of the keys' column.
const (
	keyColumnMin = 12
	keyColumnMax = 24
)

// place is where a record is.
type place struct {
	topic     string
	partition int32
	offset    int64
}

func placeOf(record *kgo.Record) place {
	return place{record.Topic, record.Partition, record.Offset}
}

// openStage connects to the Kafka listener of a node that runs, and reads the
// topics of the application that is deployed on resumeTopic, from their beginning,
// until ctx is done.
func openStage(ctx context.Context, node *child.Node, files fs.FS, resumeTopic string, app workflow, out printer) (*stage, error) {
	s := &stage{
		node: node, files: files, out: out.out, isJSON: out.isJSON, began: time.Now(),
		resumeTopics: map[string]bool{}, sent: map[place]bool{}, grown: make(chan struct{}), ended: make(chan struct{}),
	}
	s.columns.key = keyColumnMin
	topics := append(s.enterLocked(resumeTopic, app), api.TopicResult, api.TopicError)
	var err error
	s.kafka, err = kafkaTo(ctx, node.KafkaAddress(), kgo.ConsumeTopics(topics...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(time.Second))
	if err != nil {
		return nil, err
	}
	go s.read(ctx)
	return s, nil
}

// schedulerSuffix is what the server appends to the name of a resume topic, but for
// the default one, to name its scheduler topic.
const schedulerSuffix = "-scheduler"

// enterLocked notes that an application plays, and gives its topics.
func (s *stage) enterLocked(resumeTopic string, app workflow) []string {
	scheduler := api.TopicScheduler
	if resumeTopic != defaultResumeTopic {
		scheduler = resumeTopic + schedulerSuffix
	}
	s.resumeTopics[resumeTopic] = true
	topics := append([]string{resumeTopic, scheduler}, app.topics...)
	for _, topic := range append(topics, api.TopicResult) {
		s.columns.topic = max(s.columns.topic, len(topic))
	}
	return topics
}

// close returns when nothing reads any more; ctx has to be done.
func (s *stage) close() {
	<-s.ended
	s.kafka.Close()
}

func (s *stage) read(ctx context.Context) {
	defer close(s.ended)
	for {
		fetches := s.kafka.PollFetches(ctx)
		if ctx.Err() != nil {
			return
		}
		s.mu.Lock()
		if err := fetchesErr(fetches); err != nil && s.err == nil {
			s.err = err
		}
		fetched := fetches.Records()
		// Records of several partitions come as they like; people read by time, and
		// within a step from its cause to its end.
		slices.SortStableFunc(fetched, func(a, b *kgo.Record) int {
			return cmp.Or(a.Timestamp.Compare(b.Timestamp), cmp.Compare(s.rankLocked(a.Topic), s.rankLocked(b.Topic)))
		})
		for _, record := range fetched {
			s.records = append(s.records, record)
			s.printLocked(record)
		}
		close(s.grown)
		s.grown = make(chan struct{})
		s.mu.Unlock()
	}
}

// rankLocked orders the records of one step.
func (s *stage) rankLocked(topic string) int {
	switch {
	case s.resumeTopics[topic]:
		return 0
	case s.resumeTopics[strings.TrimSuffix(topic, schedulerSuffix)], topic == api.TopicScheduler:
		return 2
	case topic == api.TopicResult, topic == api.TopicError:
		return 3
	default:
		return 1
	}
}

// Send writes a record as the outside world and waits for its acknowledgement.
func (s *stage) Send(ctx context.Context, topic, key, value string) error {
	record := &kgo.Record{Topic: topic, Key: []byte(key), Value: []byte(value)}
	// The reader prints the record when it comes back, and has to know whose it
	// is by then; so it waits here.
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := produceOne(ctx, s.kafka, record); err != nil {
		return err
	}
	s.sent[placeOf(record)] = true
	return nil
}

// Await returns the value of the first record of topic that matches, waiting for
// it if it has not passed yet.
func (s *stage) Await(ctx context.Context, topic, key string, matches func(value string) bool) (value string, err error) {
	seen := 0
	err = s.wait(ctx, "a record of "+topic+" with key "+key, func() bool {
		for ; seen < len(s.records); seen++ {
			record := s.records[seen]
			if value = string(record.Value); record.Topic == topic && string(record.Key) == key && (matches == nil || matches(value)) {
				return true
			}
		}
		return false
	})
	return value, err
}

// wait returns when isThere, which is called with mu held, finds that what is there.
func (s *stage) wait(ctx context.Context, what string, isThere func() bool) error {
	for {
		s.mu.Lock()
		found, grown, err := isThere(), s.grown, s.err
		s.mu.Unlock()
		if found || err != nil {
			return err
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, context.Cause(ctx))
		}
	}
}

// Deploy compiles a file of the demo and deploys it as `kont deploy` does. Its
// records are printed from now on.
func (s *stage) Deploy(ctx context.Context, entry, resumeTopic string) error {
	app, err := compileEmbedded(ctx, s.files, entry)
	if err != nil {
		return err
	}
	server, err := client.New(s.node.HTTPAddress())
	if err != nil {
		return err
	}
	deployment, err := server.Deploy(ctx, strings.TrimSuffix(entry, path.Ext(entry)), resumeTopic, app.encoded)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kafka.AddConsumeTopics(s.enterLocked(resumeTopic, app)...)
	if !s.isJSON {
		fmt.Fprintf(s.out, "%8.3fs  %s is deployed on %s (bundle %s)\n", time.Since(s.began).Seconds(), entry, deployment.ResumeTopic, app.shortHash())
	}
	return nil
}

// Crash kills the node, when all that was sent has been printed, and starts it
// again on its data.
func (s *stage) Crash(ctx context.Context) error {
	if err := s.wait(ctx, "the records that were sent", func() bool { return s.sentPrinted == len(s.sent) }); err != nil {
		return err
	}
	process := s.node.ProcessID()
	if err := s.node.Kill(); err != nil {
		return err
	}
	killed := time.Now()
	if err := s.node.Start(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isJSON {
		fmt.Fprintf(s.out, "%8.3fs  kill -9 of process %d; process %d takes requests %d ms later\n",
			killed.Sub(s.began).Seconds(), process, s.node.ProcessID(), time.Since(killed).Milliseconds())
	}
	return nil
}

// Say prints a line for people.
func (s *stage) Say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isJSON {
		fmt.Fprintf(s.out, "\n"+format+"\n\n", args...)
	}
}

func (s *stage) printLocked(record *kgo.Record) {
	who := "kont"
	if s.sent[placeOf(record)] {
		who = "client"
		s.sentPrinted++
	}
	if s.isJSON {
		line := struct {
			From string `json:"from"`
			consumed
		}{who, consumedOf(record)}
		printer{s.out, true}.line(line, "") //nolint:errcheck // standard output has gone; there is nobody to tell
		return
	}
	value := "(null)"
	if record.Value != nil {
		value = printable(string(record.Value))
	}
	key := printable(string(record.Key))
	s.columns.key = min(max(s.columns.key, len(key)), keyColumnMax)
	fmt.Fprintf(s.out, "%8.3fs  %-6s → %-*s  %-*s  %s\n", max(0, record.Timestamp.Sub(s.began).Seconds()), who, s.columns.topic, record.Topic, s.columns.key, key, value)
}
