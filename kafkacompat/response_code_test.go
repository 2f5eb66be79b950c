package kafkacompat

import (
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestResponseCodeIsTheFirstError(t *testing.T) {
	for _, c := range []struct {
		name     string
		response kmsg.Response
		want     int16
	}{
		{"produce without error", &kmsg.ProduceResponse{Topics: []kmsg.ProduceResponseTopic{{Partitions: make([]kmsg.ProduceResponseTopicPartition, 2)}}}, 0},
		{"produce, second partition", &kmsg.ProduceResponse{Topics: []kmsg.ProduceResponseTopic{{Partitions: []kmsg.ProduceResponseTopicPartition{{}, {ErrorCode: 3}}}}}, 3},
		{"fetch as a whole", &kmsg.FetchResponse{ErrorCode: 70}, 70},
		{"fetch, partition", &kmsg.FetchResponse{Topics: []kmsg.FetchResponseTopic{{}, {Partitions: []kmsg.FetchResponseTopicPartition{{ErrorCode: 1}, {ErrorCode: 3}}}}}, 1},
		{"metadata, topic", &kmsg.MetadataResponse{Topics: []kmsg.MetadataResponseTopic{{}, {ErrorCode: 17}}}, 17},
		{"join", &kmsg.JoinGroupResponse{ErrorCode: 25}, 25},
		{"list offsets, partition", &kmsg.ListOffsetsResponse{Topics: []kmsg.ListOffsetsResponseTopic{{Partitions: []kmsg.ListOffsetsResponseTopicPartition{{ErrorCode: 6}}}}}, 6},
		{"api versions", &kmsg.ApiVersionsResponse{ErrorCode: 35}, 35},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := responseCode(c.response); got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
		})
	}
}

// Wherever an answer of an API that we serve can hold an error, it is found.
func TestResponseCodeIsFoundInEveryAnswer(t *testing.T) {
	for _, a := range apis {
		if a == nil {
			continue
		}
		response := kmsg.ResponseForKey(a.key)
		if code := responseCode(response); code != 0 {
			t.Errorf("%s: code %d in an empty answer", a.name, code)
		}
		fillErrorCodes(reflect.ValueOf(response).Elem(), 42)
		if code := responseCode(response); code != 42 {
			t.Errorf("%s: code %d, want 42", a.name, code)
		}
	}
}

// fillErrorCodes gives every slice one element, and sets every ErrorCode in v.
func fillErrorCodes(v reflect.Value, code int64) {
	for i := range v.NumField() {
		field := v.Field(i)
		switch {
		case v.Type().Field(i).Name == "ErrorCode":
			field.SetInt(code)
		case field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.Struct:
			field.Set(reflect.MakeSlice(field.Type(), 1, 1))
			fillErrorCodes(field.Index(0), code)
		}
	}
}
