package kafkacompat_test

import (
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var noTopic, noGroup, noCluster, noTransaction = kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.ClusterAuthorizationFailed,
	kerr.TransactionalIDAuthorizationFailed

// denials are the codes of Kafka that say that somebody may not.
var denials = []int16{noTopic.Code, noGroup.Code, noCluster.Code, noTransaction.Code}

// firstDenials are what Kafka answers, by API key, to who may nothing at all: where more
// than one thing is needed, that which it looks at first.
var firstDenials = map[int16]*kerr.Error{
	0: noTopic, 1: noTopic, 2: noTopic, 3: noTopic, 8: noGroup, 9: noGroup, 10: noGroup, 11: noGroup, 12: noGroup, 13: noGroup, 14: noGroup,
	15: noGroup, 19: noTopic, 20: noTopic, 21: noTopic, 22: noTransaction, 23: noTopic, 24: noTransaction, 25: noTransaction, 26: noTransaction,
	28: noTransaction, 29: noCluster, 30: noCluster, 31: noCluster, 32: noTopic, 33: noTopic, 34: noCluster, 35: noCluster, 37: noTopic, 42: noGroup,
	43: noCluster, 44: noTopic, 45: noCluster, 46: noCluster, 47: noGroup, 48: noCluster, 49: noCluster, 50: noCluster, 51: noCluster, 55: noCluster,
	57: noCluster, 61: noTopic, 65: noTransaction, 68: noGroup, 69: noGroup, 74: noCluster, 75: noTopic,
}

// checkDenied wants an answer that has this error and no other.
func checkDenied(t *testing.T, what string, response kmsg.Response, want *kerr.Error) {
	t.Helper()
	isDenied := false
	for _, code := range codesIn(reflect.ValueOf(response)) {
		if code != 0 && (want == nil || code != want.Code) {
			t.Errorf("%s: answers with %v, want %v", what, kerr.ErrorForCode(code), want)
		}
		isDenied = isDenied || code != 0
	}
	if !isDenied {
		t.Errorf("%s: no denial in %+v", what, response)
	}
}

// A kind of coordinators that this version of the request has not is an invalid request, whoever asks for it.
func TestCoordinatorsOfNoKindAreInvalid(t *testing.T) {
	c := startServer(t, withAuthorizer()).dial()
	for _, kind := range []int8{2, 3, -1} {
		for version := int16(1); version <= 5; version++ {
			request := kmsg.NewPtrFindCoordinatorRequest()
			request.Version, request.CoordinatorType, request.CoordinatorKey, request.CoordinatorKeys = version, kind, "x", []string{"x"}
			response := ask[*kmsg.FindCoordinatorResponse](c, request)
			if version >= 4 {
				response.ErrorCode, response.NodeID = response.Coordinators[0].ErrorCode, response.Coordinators[0].NodeID
			}
			if response.ErrorCode != kerr.InvalidRequest.Code || response.NodeID != -1 {
				t.Errorf("kind %d in version %d: %+v", kind, version, response)
			}
		}
	}
}
