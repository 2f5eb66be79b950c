package kafkacompat

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// nullableArrays are the arrays of our answers that may be null on the wire, and when they are. Clients take null for something else than
// an empty array, and the Java client doesn't expect it where a broker never sends it. Each has a test of its own but the first, which
// clients look at only where they asked for committed records.
var nullableArrays = map[string]string{
	"Fetch.Topics.Partitions.AbortedTransactions":                      "where committed records were not asked for",
	"CreateTopics.Topics.Configs":                                      "where the configuration may not be seen",
	"DescribeClientQuotas.Entries":                                     "beside an error",
	"DescribeTopicPartitions.Topics.Partitions.EligibleLeaderReplicas": "never",
	"DescribeTopicPartitions.Topics.Partitions.LastKnownELR":           "never",
}

// An array is nullable if nil and empty are not the same bytes. All others are never null, since kmsg writes nil as an empty one.
func TestEveryNullableArrayOfAnAnswerIsKnown(t *testing.T) {
	found := map[string]bool{}
	for key, a := range apis {
		if a == nil {
			continue
		}
		response := kmsg.ResponseForKey(int16(key))
		response.SetVersion(a.versionMax)
		walkArrays(reflect.ValueOf(response).Elem(), a.name, func(path string, array reflect.Value) {
			array.Set(reflect.Zero(array.Type()))
			null := response.AppendTo(nil)
			array.Set(reflect.MakeSlice(array.Type(), 0, 0))
			if !slices.Equal(null, response.AppendTo(nil)) {
				found[path] = true
			}
		})
	}
	for path := range found {
		if nullableArrays[path] == "" {
			t.Errorf("%s may be null: say when it is, and test it", path)
		}
	}
	for path := range nullableArrays {
		if !found[path] {
			t.Errorf("%s can't be null", path)
		}
	}
}

// walkArrays visits each array of a response, all around it having one element.
func walkArrays(v reflect.Value, path string, visit func(path string, array reflect.Value)) {
	for i := range v.NumField() {
		field, at := v.Field(i), fmt.Sprintf("%s.%s", path, v.Type().Field(i).Name)
		switch {
		case !field.CanSet() || v.Type().Field(i).Name == "UnknownTags":
		case field.Kind() == reflect.Struct:
			walkArrays(field, at, visit)
		case field.Kind() == reflect.Slice && field.Type().Elem().Kind() != reflect.Uint8:
			visit(at, field)
			if field.Type().Elem().Kind() == reflect.Struct {
				field.Set(reflect.MakeSlice(field.Type(), 1, 1))
				walkArrays(field.Index(0), at, visit)
			}
		}
	}
}
