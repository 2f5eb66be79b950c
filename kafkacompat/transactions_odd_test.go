package kafkacompat_test

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/statemachine/recordbatch"
)

// Requests about transactions that are filled with anything are answered, in every
// version, on a node that has some of the things they are about. What they do to the state
// is whatever they ask for; nothing panics, and the node takes a good transaction after it.
func TestOddRequestsAboutTransactionsAreAnswered(t *testing.T) {
	s, _ := startServerOnStore(t)
	s.createTopic("orders", 2)
	c := s.txnConn("tx")
	random := rand.New(rand.NewPCG(11, 12))
	versions := map[int16]int16{22: 5, 24: 3, 25: 4, 26: 5, 28: 5, 61: 0, 65: 0, 66: 2}
	for range 1500 {
		key := []int16{22, 24, 25, 26, 28, 61, 65, 66}[random.IntN(8)]
		request := kmsg.RequestForKey(key)
		request.SetVersion(int16(random.IntN(int(versions[key]) + 1)))
		version := request.GetVersion()
		fillOddly(random, reflect.ValueOf(request).Elem(), c)
		request.SetVersion(version)
		ask[kmsg.Response](c.rawConn, request)
		if random.IntN(5) == 0 {
			produced := c.produceRequest(int16(9+random.IntN(4)), "orders", random.Int32N(3), "v")
			if random.IntN(2) == 0 {
				produced.Topics[0].Partitions[0].Records = recordbatch.Append(nil, []recordbatch.Record{{}}, recordbatch.Options{
					Transactional: random.IntN(2) == 0,
					Producer:      &recordbatch.Producer{ID: c.producer + random.Int64N(3), Epoch: int16(random.IntN(32768)), BaseSequence: random.Int32()}})
			}
			ask[kmsg.Response](c.rawConn, produced)
		}
	}
	good := s.txnConn("good")
	requireCode(t, "add", good.add(3, "orders", 0)[0], nil)
	requireCode(t, "produce", good.produce(9, "orders", 0, "v"), nil)
	requireCode(t, "commit", good.end(3, true).ErrorCode, nil)
}

// fillOddly fills a request with values of which some mean something.
func fillOddly(random *rand.Rand, v reflect.Value, c *txnConn) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name != "Version" && name != "UnknownTags" && v.Field(i).CanSet() {
				fillOddly(random, v.Field(i), c)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), random.IntN(4), 4))
		for i := range v.Len() {
			fillOddly(random, v.Index(i), c)
		}
	case reflect.Pointer:
		if random.IntN(4) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fillOddly(random, v.Elem(), c)
		}
	case reflect.String:
		v.SetString([]string{"tx", "tx", "orders", "orders", "g", "", "\xff(", "Ongoing"}[random.IntN(8)])
	case reflect.Bool:
		v.SetBool(random.IntN(2) == 0)
	case reflect.Int64:
		v.SetInt([]int64{c.producer, c.producer, -1, 0, 1 << 62, -1 << 63}[random.IntN(6)])
	case reflect.Int32:
		v.SetInt([]int64{0, 1, -1, 60_000, 1<<31 - 1, -1 << 31}[random.IntN(6)])
	case reflect.Int16:
		v.SetInt([]int64{0, 1, 2, -1, 32766, 32767}[random.IntN(6)])
	case reflect.Int8:
		v.SetInt(random.Int64N(256) - 128)
	}
}
