package kafkacompat

import (
	"reflect"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// responseCode is the first error code in an answer, in the order of the wire; 0 if
// there is none. Kafka puts them at the top, by topic, by partition or by group.
func responseCode(response kmsg.Response) int16 {
	// These two are nearly all there is, and may have many partitions.
	switch r := response.(type) {
	case *kmsg.ProduceResponse:
		for i := range r.Topics {
			for j := range r.Topics[i].Partitions {
				if code := r.Topics[i].Partitions[j].ErrorCode; code != 0 {
					return code
				}
			}
		}
		return 0
	case *kmsg.FetchResponse:
		if r.ErrorCode != 0 {
			return r.ErrorCode
		}
		for i := range r.Topics {
			for j := range r.Topics[i].Partitions {
				if code := r.Topics[i].Partitions[j].ErrorCode; code != 0 {
					return code
				}
			}
		}
		return 0
	}
	return errorCodeIn(reflect.ValueOf(response).Elem())
}

// errorCodeIn looks for fields named ErrorCode in a struct and, where its own is 0,
// in the structs of its slices.
func errorCodeIn(v reflect.Value) int16 {
	if field := v.FieldByName("ErrorCode"); field.IsValid() && field.Kind() == reflect.Int16 && field.Int() != 0 {
		return int16(field.Int())
	}
	for i := range v.NumField() {
		field := v.Field(i)
		if field.Kind() != reflect.Slice || field.Type().Elem().Kind() != reflect.Struct {
			continue
		}
		for j := range field.Len() {
			if code := errorCodeIn(field.Index(j)); code != 0 {
				return code
			}
		}
	}
	return 0
}
