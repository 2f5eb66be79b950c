package kafkacompat_test

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat"
	"kont/kafkacompat/kafkacompattest"
	"kont/kafkacompat/sasl"
	"kont/statemachine"
	"kont/statemachine/command"
)

// A fuzzWorld is a server with the state machine behind it, which has one of each thing
// that a request may be about, all of them named x. It is not bound to one test, so that
// many inputs can use it: what they do to it others find.
type fuzzWorld struct {
	log       *storeLog
	server    *kafkacompat.Server
	addresses [fuzzListeners]string
	served    chan error
	// panicked is the last panic, in a handler, that cost its connection only.
	panicked atomic.Pointer[string]
	inputs   int
}

// Where a frame of a fuzzWorld is sent to.
const (
	fuzzOpen          = iota // whoever comes is known
	fuzzBeforeLogin          // nobody has logged in
	fuzzInExchange           // a mechanism was chosen
	fuzzInBareMessage        // the same; what comes has no request around it
	fuzzListeners
)

// fuzzInputsMax is how many inputs a world takes. Then it is made anew, because what has
// to be looked through grows with what inputs have made.
const fuzzInputsMax = 500

// How the authorizer of a fuzzWorld stands.
const (
	fuzzAllowed      = iota // there is none
	fuzzDenied              // nobody may anything
	fuzzPartlyDenied        // x may be written and read, and the cluster described
	fuzzAuthorizers
)

func newFuzzWorld(t testing.TB, authorizer int) *fuzzWorld {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	store, err := statemachine.Open("/data", statemachine.Options{FS: vfs.NewMem()})
	must(err)
	w := &fuzzWorld{log: &storeLog{Store: store}, served: make(chan error, fuzzListeners)}
	w.server, err = kafkacompat.New(kafkacompat.Config{
		Log: w.log, Cluster: kafkacompattest.NewCluster("127.0.0.1", 9092), Logger: slog.New(w), AutoCreateTopics: true,
		FailedAuthenticationDelay: 1, Authorizer: kafkacompat.AuthorizerConfig{IsOn: authorizer != fuzzAllowed},
	})
	must(err)
	for i := range w.addresses {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		must(err)
		w.addresses[i] = listener.Addr().String()
		how := kafkacompat.Listener{Name: "test"}
		if i != fuzzOpen {
			how.SASL = []sasl.Mechanism{sasl.Plain(w.log, scramSecret), sasl.Scram(command.ScramSHA256, w.log, scramSecret),
				sasl.OAuthBearer(&sasl.TokenRules{AllowUnsigned: true})}
		}
		go func() { w.served <- w.server.Serve(listener, how) }()
	}
	propose := func(c command.Command) {
		t.Helper()
		_, err := w.log.Propose(context.Background(), c)
		must(err)
	}
	propose(command.CreateTopics{Topics: []command.Topic{{Name: "x", Partitions: 3, ID: command.TopicID{1}}}})
	credential, err := sasl.NewCredential(command.ScramUser{User: "x", Mechanism: command.ScramSHA256}, "x", sasl.IterationsMin)
	must(err)
	propose(command.AlterScramCredentials{Upserts: []command.ScramCredential{credential}})
	if authorizer == fuzzPartlyDenied {
		for kind, operations := range map[kmsg.ACLResourceType][]kmsg.ACLOperation{
			kmsg.ACLResourceTypeTopic:           {kmsg.ACLOperationRead, kmsg.ACLOperationWrite},
			kmsg.ACLResourceTypeGroup:           {kmsg.ACLOperationRead},
			kmsg.ACLResourceTypeTransactionalId: {kmsg.ACLOperationWrite},
			kmsg.ACLResourceTypeCluster:         {kmsg.ACLOperationDescribe},
		} {
			name := "x"
			if kind == kmsg.ACLResourceTypeCluster {
				name = "kafka-cluster"
			}
			for _, operation := range operations {
				propose(command.CreateACLs{ACLs: []command.ACL{{ResourceType: int8(kind), Pattern: int8(kmsg.ACLResourcePatternTypeLiteral),
					Name: name, Principal: "User:*", Host: "*", Operation: int8(operation), Permission: int8(kmsg.ACLPermissionTypeAllow)}}})
			}
		}
	}
	// What has a request of its own is made by it, where it may be.
	init := kmsg.NewPtrInitProducerIDRequest()
	init.Version, init.TransactionalID, init.TransactionTimeoutMillis = 4, kmsg.StringPtr("x"), 60_000
	join := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	join.Version, join.Group, join.MemberID, join.RebalanceTimeoutMillis, join.SubscribedTopicNames = 1, "x", "x", 60_000, []string{"x"}
	join.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	for _, request := range []kmsg.Request{produceRequest(-1, 9, "x", oneBatch("x")), offsetCommitOf("y"), init, join} {
		w.exchange(t, fuzzOpen, frame(1, request), request)
	}
	return w
}

// Enabled, Handle, WithAttrs and WithGroup make w the handler of its server's log, which
// listens for panics.
func (w *fuzzWorld) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelError
}

func (w *fuzzWorld) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "panicked") {
		text := r.Message
		r.Attrs(func(a slog.Attr) bool {
			text += "\n" + a.String()
			return true
		})
		w.panicked.Store(&text)
	}
	return nil
}

func (w *fuzzWorld) WithAttrs([]slog.Attr) slog.Handler { return w }
func (w *fuzzWorld) WithGroup(string) slog.Handler      { return w }

func (w *fuzzWorld) close(t testing.TB) {
	t.Helper()
	w.server.Close()
	for range w.addresses {
		if err := <-w.served; err != nil {
			t.Error(err)
		}
	}
	if n := w.log.watches.Load(); n != 0 {
		t.Errorf("%d watches are left open", n)
	}
	w.check(t)
	if err := w.log.Store.Close(); err != nil {
		t.Error(err)
	}
}

// check holds that nothing panicked, and that no command stopped the node.
func (w *fuzzWorld) check(t testing.TB) {
	t.Helper()
	if text := w.panicked.Load(); text != nil {
		t.Fatal(*text)
	}
	if err := w.log.Err(); err != nil {
		t.Fatalf("the node stopped: %v", err)
	}
}

// exchange sends a frame, and one behind it that everybody understands, and reads what
// comes until that one is answered or the connection is closed. An answer to the first
// can be read. A request that waits is left waiting.
func (w *fuzzWorld) exchange(t testing.TB, to int, raw []byte, request kmsg.Request) {
	t.Helper()
	conn, err := net.Dial("tcp", w.addresses[to])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// The end of the test does not depend on it, only how long a frame is waited for.
	conn.SetDeadline(time.Now().Add(200 * time.Millisecond))
	const ofHandshake, ofLast = 1000, 1001
	if to >= fuzzInExchange {
		handshake := kmsg.NewPtrSASLHandshakeRequest()
		handshake.Version, handshake.Mechanism = 1, "SCRAM-SHA-256"
		if to == fuzzInBareMessage {
			handshake.Version = 0
		}
		raw = append(frame(ofHandshake, handshake), raw...)
	}
	last := kmsg.NewPtrApiVersionsRequest()
	last.Version = 0
	if _, err := conn.Write(append(raw, frame(ofLast, last)...)); err != nil {
		return
	}
	for {
		var size [4]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		answered := make([]byte, binary.BigEndian.Uint32(size[:]))
		if _, err := io.ReadFull(conn, answered); err != nil || to == fuzzInBareMessage {
			return
		}
		switch int32(binary.BigEndian.Uint32(answered)) {
		case ofLast:
			return
		case ofHandshake:
			continue
		}
		response := request.ResponseKind()
		if response.Key() == 18 && response.GetVersion() > 4 {
			response.SetVersion(0) // what a version that is not served is answered in (KIP-511)
		}
		body := answered[4:]
		if response.IsFlexible() && response.Key() != 18 {
			body = body[1:]
		}
		if err := response.ReadFrom(body); err != nil {
			t.Fatalf("%s %d: answered with %x, which cannot be read: %v", kmsg.NameForKey(request.Key()), request.GetVersion(), answered, err)
		}
	}
}

// servedVersions are all keys and versions that a listener says it serves.
func servedVersions(t testing.TB, address string) (versions []kmsg.ApiVersionsResponseApiKey) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	request := kmsg.NewPtrApiVersionsRequest()
	request.Version = 0
	if _, err := conn.Write(frame(1, request)); err != nil {
		t.Fatal(err)
	}
	var size [4]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(conn, raw); err != nil {
		t.Fatal(err)
	}
	response := request.ResponseKind().(*kmsg.ApiVersionsResponse)
	if err := response.ReadFrom(raw[4:]); err != nil {
		t.Fatal(err)
	}
	return response.ApiKeys
}

// fillLikely gives a request values that lead a handler further than any values would:
// names that are there, small numbers, batches that are good.
func fillLikely(random *rand.Rand, v reflect.Value, name string) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[kmsg.Tags]() {
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).Name != "Version" && v.Field(i).CanSet() {
				fillLikely(random, v.Field(i), v.Type().Field(i).Name)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			switch {
			case name == "Records":
				v.SetBytes(oneBatch("x"))
			case random.IntN(2) == 0:
				v.SetBytes([]byte("n,,n=x,r=rOprNGfwEbeRWgbNEkqO"))
			}
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), random.IntN(3), 3))
		for i := range v.Len() {
			fillLikely(random, v.Index(i), name)
		}
	case reflect.Array:
		v.Index(0).SetUint(random.Uint64N(2))
	case reflect.Pointer:
		if random.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fillLikely(random, v.Elem(), name)
		}
	case reflect.String:
		v.SetString([]string{"x", "x", "x", "y", "", "range", "consumer", "cleanup.policy", "compact", "User:x", "*", "1"}[random.IntN(12)])
	case reflect.Bool:
		v.SetBool(random.IntN(2) > 0)
	case reflect.Float64:
		v.SetFloat(random.Float64() * 1000)
	case reflect.Int8:
		v.SetInt(random.Int64N(6) - 1)
	case reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt([]int64{-1, -1, 0, 0, 0, 1, 2, 100}[random.IntN(8)])
		if strings.HasSuffix(name, "Millis") {
			v.SetInt(10_000)
		}
	case reflect.Uint8:
		v.SetUint(random.Uint64N(256))
	}
}

// FuzzAnswers holds that no frame makes a handler panic, stops the node or is answered
// by what cannot be read: of every request in every version that is served, with and
// without an authorizer, before, during and after login, with the state machine behind.
func FuzzAnswers(f *testing.F) {
	var worlds [fuzzAuthorizers]*fuzzWorld
	for i := range worlds {
		worlds[i] = newFuzzWorld(f, i)
	}
	f.Cleanup(func() {
		for _, w := range worlds {
			w.close(f)
		}
	})
	random := rand.New(rand.NewPCG(7, 8))
	for _, api := range servedVersions(f, worlds[0].addresses[fuzzOpen]) {
		for version := api.MinVersion; version <= api.MaxVersion; version++ {
			for authorizer := range byte(fuzzAuthorizers) {
				request := kmsg.RequestForKey(api.ApiKey)
				request.SetVersion(version)
				fillLikely(random, reflect.ValueOf(request).Elem(), "")
				if fetch, ok := request.(*kmsg.FetchRequest); ok {
					fetch.MaxWaitMillis = 1
				}
				body := request.AppendTo(nil)
				if request.IsFlexible() {
					body = append([]byte{0}, body...)
				}
				f.Add(api.ApiKey, version, authorizer, byte(fuzzOpen), body)
				if authorizer == fuzzAllowed && (api.ApiKey == 17 || api.ApiKey == 36 || version == api.MinVersion) {
					f.Add(api.ApiKey, version, authorizer, byte(fuzzBeforeLogin), body)
					f.Add(api.ApiKey, version, authorizer, byte(fuzzInExchange), body)
				}
			}
		}
	}
	f.Add(int16(36), int16(0), byte(fuzzAllowed), byte(fuzzInBareMessage), []byte("n,,n=x,r=rOprNGfwEbeRWgbNEkqO"))
	f.Fuzz(func(t *testing.T, key, version int16, authorizer, to byte, body []byte) {
		request := kmsg.RequestForKey(key)
		if request == nil || version < 0 || version > request.MaxVersion() {
			return
		}
		request.SetVersion(version)
		which := int(authorizer) % fuzzAuthorizers
		w := worlds[which]
		if w.inputs++; w.inputs > fuzzInputsMax {
			w.close(t)
			w = newFuzzWorld(t, which)
			worlds[which] = w
		}
		raw := binary.BigEndian.AppendUint16(make([]byte, 4), uint16(key))
		raw = binary.BigEndian.AppendUint16(raw, uint16(version))
		raw = append(raw, 0, 0, 0, 1, 0, 1, 'x')
		if int(to)%fuzzListeners == fuzzInBareMessage {
			raw = make([]byte, 4)
		}
		raw = append(raw, body...)
		binary.BigEndian.PutUint32(raw, uint32(len(raw)-4))
		w.exchange(t, int(to)%fuzzListeners, raw, request)
		w.check(t)
	})
}
