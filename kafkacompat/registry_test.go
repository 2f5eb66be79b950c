package kafkacompat

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A shape that differs from what kmsg reads would refuse good requests or let bad
// ones through. So requests full of random values are written by kmsg, in every
// version that is served, and must pass to their last byte.
func TestShapesAgreeWithTheDecoder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, a := range apis {
		if a == nil {
			continue
		}
		for version := a.versionMin; version <= a.versionMax; version++ {
			t.Run(fmt.Sprintf("%s/%d", a.name, version), func(t *testing.T) {
				for range 200 {
					request := kmsg.RequestForKey(a.key)
					request.SetVersion(version)
					fillRandomly(random, reflect.ValueOf(request).Elem())
					request.SetVersion(version)
					body := request.AppendTo(nil)
					rest, err := a.shape.Check(body, version, request.IsFlexible())
					if rest != 0 || err != nil {
						t.Fatalf("%d bytes are left, error %v, of %#v", rest, err, request)
					}
					// A shape that reads too little would still be at the end
					// if the rest were empty; one byte less must always fail.
					if len(body) > 0 {
						if _, err := a.shape.Check(body[:len(body)-1], version, request.IsFlexible()); err == nil {
							t.Fatalf("passes without its last byte: %#v", request)
						}
					}
				}
			})
		}
	}
}

func fillRandomly(random *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if tags, ok := v.Addr().Interface().(*kmsg.Tags); ok {
			for range random.IntN(3) {
				tags.Set(100+random.Uint32N(1000), make([]byte, random.IntN(5)))
			}
			return
		}
		for i := range v.NumField() {
			fillRandomly(random, v.Field(i))
		}
	case reflect.Slice:
		if random.IntN(8) == 0 {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), random.IntN(4), 4))
		for i := range v.Len() {
			fillRandomly(random, v.Index(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			fillRandomly(random, v.Index(i))
		}
	case reflect.Pointer:
		if random.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fillRandomly(random, v.Elem())
		}
	case reflect.String:
		v.SetString("abcdefgh"[:random.IntN(8)])
	case reflect.Bool:
		v.SetBool(random.IntN(2) > 0)
	case reflect.Float64:
		v.SetFloat(random.Float64())
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(random.Int64N(100))
	case reflect.Uint8:
		v.SetUint(random.Uint64N(256))
	default:
		panic("no random value for " + v.Type().String())
	}
}

func TestEveryAPISaysWhatItNeeds(t *testing.T) {
	for _, a := range apis {
		if a == nil {
			continue
		}
		if a.shape == nil {
			t.Errorf("%s has no shape", a.name)
		}
		if a.serve == nil && a.key != keyProduce {
			t.Errorf("%s has no handler", a.name)
		}
	}
}

// FuzzDecode is for panics, and for requests that take more memory or time than
// their bytes justify.
func FuzzDecode(f *testing.F) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, a := range apis {
		if a == nil {
			continue
		}
		for version := a.versionMin; version <= a.versionMax; version++ {
			request := kmsg.RequestForKey(a.key)
			request.SetVersion(version)
			fillRandomly(random, reflect.ValueOf(request).Elem())
			request.SetVersion(version)
			body := request.AppendTo(nil)
			if request.IsFlexible() {
				body = append([]byte{0}, body...)
			}
			f.Add(a.key, version, body)
		}
	}
	f.Fuzz(func(t *testing.T, key, version int16, body []byte) {
		a := apiForKey(key)
		if a == nil || !a.serves(version) {
			return
		}
		request, err := a.decode(body, version)
		if err != nil {
			return
		}
		// What was understood can be said again, and is understood the same.
		again := request.AppendTo(nil)
		if request.IsFlexible() {
			again = append([]byte{0}, again...)
		}
		second, err := a.decode(again, version)
		if err != nil {
			t.Fatalf("%s %d: %v, after it was decoded and encoded", a.name, version, err)
		}
		if first, second := request.AppendTo(nil), second.AppendTo(nil); string(first) != string(second) {
			t.Errorf("%s %d: decoded and encoded twice, it differs", a.name, version)
		}
	})
}
