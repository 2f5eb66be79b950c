package kafkago

import (
	"crypto/rand"
	"fmt"
	"testing"

	"github.com/segmentio/kafka-go"
)

func testAdmin(t *testing.T) {
	feature(t, "topics: create, list, describe, delete", func(t *testing.T) {
		topic := newTopic(t)
		metadata, err := client().Metadata(t.Context(), &kafka.MetadataRequest{Topics: []string{topic}})
		if err != nil || len(metadata.Topics) != 1 || len(metadata.Topics[0].Partitions) != partitions {
			t.Fatal(err, metadata)
		}
	})
	feature(t, "topics: more partitions", func(t *testing.T) {
		topic := newTopic(t)
		created, err := client().CreatePartitions(t.Context(), &kafka.CreatePartitionsRequest{Topics: []kafka.TopicPartitionsConfig{{Name: topic, Count: partitions + 2}}})
		if err != nil || created.Errors[topic] != nil {
			t.Fatal(err, created)
		}
		eventually(t, func() error {
			metadata, err := client().Metadata(t.Context(), &kafka.MetadataRequest{Topics: []string{topic}})
			if err != nil || len(metadata.Topics) != 1 || len(metadata.Topics[0].Partitions) != partitions+2 {
				return fmt.Errorf("metadata are %+v: %w", metadata, err)
			}
			return nil
		})
	})
	feature(t, "configs of topics", func(t *testing.T) {
		topic := newTopic(t)
		altered, err := client().IncrementalAlterConfigs(t.Context(), &kafka.IncrementalAlterConfigsRequest{Resources: []kafka.IncrementalAlterConfigsRequestResource{{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: topic,
			Configs: []kafka.IncrementalAlterConfigsRequestConfig{{Name: "retention.ms", Value: "3600000", ConfigOperation: kafka.ConfigOperationSet}},
		}}})
		if err != nil || altered.Resources[0].Error != nil {
			t.Fatal(err, altered)
		}
		eventually(t, func() error {
			described, err := client().DescribeConfigs(t.Context(), &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{{
				ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ConfigNames: []string{"retention.ms"},
			}}})
			if err != nil || len(described.Resources[0].ConfigEntries) != 1 || described.Resources[0].ConfigEntries[0].ConfigValue != "3600000" {
				return fmt.Errorf("configs are %+v: %w", described, err)
			}
			return nil
		})
	})
	feature(t, "transactions", func(t *testing.T) {
		// It has the requests, but no producer that makes transactions of them.
		id := "tx-" + rand.Text()
		var initialised *kafka.InitProducerIDResponse
		eventually(t, func() (err error) {
			initialised, err = client().InitProducerID(t.Context(), &kafka.InitProducerIDRequest{TransactionalID: id, TransactionTimeoutMs: 30_000})
			if err == nil {
				err = initialised.Error
			}
			return err
		})
		if initialised.Producer.ProducerID < 0 || initialised.Producer.ProducerEpoch != 0 {
			t.Errorf("producer is %+v", initialised.Producer)
		}
	})
	feature(t, "ACLs", func(t *testing.T) {
		name := "acl-" + rand.Text()
		created, err := client().CreateACLs(t.Context(), &kafka.CreateACLsRequest{ACLs: []kafka.ACLEntry{{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: name, ResourcePatternType: kafka.PatternTypeLiteral,
			Principal: "User:alice", Host: "*", Operation: kafka.ACLOperationTypeRead, PermissionType: kafka.ACLPermissionTypeAllow,
		}}})
		if err != nil || len(created.Errors) != 1 || created.Errors[0] != nil {
			t.Fatal(err, created)
		}
		eventually(t, func() error {
			described, err := client().DescribeACLs(t.Context(), &kafka.DescribeACLsRequest{Filter: kafka.ACLFilter{
				ResourceTypeFilter: kafka.ResourceTypeTopic, ResourceNameFilter: name, ResourcePatternTypeFilter: kafka.PatternTypeAny,
				Operation: kafka.ACLOperationTypeAny, PermissionType: kafka.ACLPermissionTypeAny,
			}})
			if err != nil || described.Error != nil || len(described.Resources) != 1 || described.Resources[0].ACLs[0].Principal != "User:alice" {
				return fmt.Errorf("ACLs are %+v: %w", described, err)
			}
			return nil
		})
	})
	feature(t, "client quotas", func(t *testing.T) {
		entity := []kafka.AlterClientQuotaEntity{{EntityType: "client-id", EntityName: "client-" + rand.Text()}}
		altered, err := client().AlterClientQuotas(t.Context(), &kafka.AlterClientQuotasRequest{Entries: []kafka.AlterClientQuotaEntry{{
			Entities: entity, Ops: []kafka.AlterClientQuotaOps{{Key: "producer_byte_rate", Value: 1024}},
		}}})
		if err != nil || len(altered.Entries) != 1 || altered.Entries[0].Error != nil {
			t.Fatal(err, altered)
		}
	})
}
