package kafkacompat

import (
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
)

// ListConfigResources lists what has configurations (KIP-1142): topics, nodes and groups. There are no client metrics.
//
// Versions: 0 asks for client metrics only, 1 for the types that it names, or for all.
func init() {
	register(api{
		key: 74, versionMin: 0, versionMax: 1,
		requestBytesMax: requestBytesSmall,
		isBulk:          func(kmsg.Request) bool { return true },
		shape:           wire.MustShape("[]i8@1+"),
	}, listConfigResources)
}

func listConfigResources(c *call, request *kmsg.ListConfigResourcesRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.ListConfigResourcesResponse](request)
	const all = kmsg.ConfigResourceTypeClientMetrics
	kinds := []kmsg.ConfigResourceType{all}
	if request.Version >= 1 {
		kinds = kinds[:0]
		for _, kind := range request.ResourceTypes {
			kinds = append(kinds, kmsg.ConfigResourceType(kind))
		}
		if len(kinds) == 0 {
			kinds = append(kinds, configResourceTypes...)
		}
	}
	add := func(kind kmsg.ConfigResourceType, name string) {
		resource := kmsg.NewListConfigResourcesResponseConfigResource()
		resource.Type, resource.Name = int8(kind), name
		response.ConfigResources = append(response.ConfigResources, resource)
	}
	for _, kind := range kinds {
		if !slices.Contains(configResourceTypes, kind) {
			c.logger.Debug("list config resources", "type", kind)
			response.ErrorCode, response.ConfigResources = kerr.UnsupportedVersion.Code, nil
			return response, nil
		}
		switch kind {
		case kmsg.ConfigResourceTypeTopic:
			for _, topic := range c.log().Topics() {
				add(kind, topic.Name)
			}
		case kmsg.ConfigResourceTypeGroupConfig:
			for _, group := range slices.Sorted(maps.Keys(c.log().GroupConfigs().ByGroup)) {
				add(kind, group)
			}
		case kmsg.ConfigResourceTypeBroker, kmsg.ConfigResourceTypeBrokerLogger:
			for _, broker := range c.cluster().Brokers(c.listener) {
				add(kind, fmt.Sprint(broker.NodeID))
			}
		}
	}
	return response, nil
}

// configResourceTypes are the types that a client may list.
var configResourceTypes = []kmsg.ConfigResourceType{
	kmsg.ConfigResourceTypeTopic, kmsg.ConfigResourceTypeBroker, kmsg.ConfigResourceTypeBrokerLogger, kmsg.ConfigResourceTypeClientMetrics, kmsg.ConfigResourceTypeGroupConfig,
}
