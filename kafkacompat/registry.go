package kafkacompat

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
)

// An api is one kind of request that the listener answers.
type api struct {
	key  int16
	name string
	// Versions from versionMin to versionMax are served.
	versionMin, versionMax int16
	// isAdvertisedFromZero tells clients that versions from 0 are there. See
	// Produce, the only one, for why.
	isAdvertisedFromZero bool
	// requestBytesMax bounds a request; 0 is Config.RequestBytesMax.
	requestBytesMax int
	shape           *wire.Shape
	// isAliasing says that decoded strings may alias the frame. The handler then
	// keeps none of them.
	isAliasing bool
	// isBulk, if there is one, says whether the answer to a request is large; see bulk.
	isBulk func(kmsg.Request) bool
	// serve answers one request. It is nil for Produce, which is answered in
	// runs. An error closes the connection; it is logged.
	serve func(*call, kmsg.Request) (kmsg.Response, error)
}

const (
	// requestBytesSmall bounds requests about a few names.
	requestBytesSmall = 1 << 20
	// requestBytesLarge bounds requests that go over all partitions of a client or
	// all members or groups that there are, or carry what the members of a group tell
	// each other.
	requestBytesLarge = 16 << 20
)

// apis are all registrations by key. They are made by the init functions of the
// files named for a key, and never change.
var apis [128]*api

// registerAPI puts a into the table. A mistake is a panic when the program starts.
func registerAPI(a api) {
	request := kmsg.RequestForKey(a.key)
	if request == nil || apis[a.key] != nil || a.versionMin > a.versionMax || request.MaxVersion() < a.versionMax {
		panic(fmt.Sprintf("kafkacompat: registration of key %d, versions %d to %d", a.key, a.versionMin, a.versionMax))
	}
	a.name = nameOfKey(a.key)
	apis[a.key] = &a
}

// namesOfKafka are the requests that kmsg names otherwise than Kafka's protocol does.
var namesOfKafka = map[int16]string{
	17: "SaslHandshake",
	22: "InitProducerId",
	29: "DescribeAcls",
	30: "CreateAcls",
	31: "DeleteAcls",
	36: "SaslAuthenticate",
	45: "AlterPartitionReassignments",
	50: "DescribeUserScramCredentials",
	51: "AlterUserScramCredentials",
}

// nameOfKey is what Kafka's protocol calls the request.
func nameOfKey(key int16) string {
	if name, isOther := namesOfKafka[key]; isOther {
		return name
	}
	return kmsg.NameForKey(key)
}

// register is registerAPI with a handler for requests of type Q.
func register[Q kmsg.Request](a api, serve func(*call, Q) (kmsg.Response, error)) {
	a.serve = func(c *call, request kmsg.Request) (kmsg.Response, error) {
		return serve(c, request.(Q))
	}
	registerAPI(a)
}

// apiForKey is nil for a key that is not served.
func apiForKey(key int16) *api {
	if key < 0 || int(key) >= len(apis) {
		return nil
	}
	return apis[key]
}

func (a *api) serves(version int16) bool {
	return a.versionMin <= version && version <= a.versionMax
}

// decode makes a request of the body of one. The body has no header, but the
// header's tagged fields if the version is flexible.
func (a *api) decode(body []byte, version int16) (kmsg.Request, error) {
	request := kmsg.RequestForKey(a.key)
	request.SetVersion(version)
	isFlexible := request.IsFlexible()
	var err error
	if isFlexible {
		if body, err = wire.SkipTags(body); err != nil {
			return nil, err
		}
	}
	rest, err := a.shape.Check(body, version, isFlexible)
	if err != nil {
		return nil, err
	}
	body = body[:len(body)-rest]
	if aliasing, ok := request.(interface{ UnsafeReadFrom([]byte) error }); ok && a.isAliasing {
		err = aliasing.UnsafeReadFrom(body)
	} else {
		err = request.ReadFrom(body)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", wire.ErrMalformed, err)
	}
	return request, nil
}

// responseTo is the empty response of a request, in its version.
func responseTo[R kmsg.Response](request kmsg.Request) R {
	return request.ResponseKind().(R)
}
