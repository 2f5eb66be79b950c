package sarama

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"os"
	"testing"

	"github.com/IBM/sarama"
)

func testAdmin(t *testing.T) {
	feature(t, "topics: create, list, describe, delete", func(t *testing.T) {
		a, topic := newTopic(t)
		isListed := func(want int32) error {
			topics, err := a.ListTopics()
			if err != nil || topics[topic].NumPartitions != want {
				return fmt.Errorf("%s is listed as %+v, want %d partitions: %w", topic, topics[topic], want, err)
			}
			return nil
		}
		eventually(t, func() error { return isListed(partitions) })
		if err := a.DeleteTopic(topic); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() error { return isListed(0) })
	})
	feature(t, "topics: more partitions", func(t *testing.T) {
		a, topic := newTopic(t)
		if err := a.CreatePartitions(topic, partitions+2, nil, false); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() error { return hasPartitions(a, topic, partitions+2) })
	})
	feature(t, "configs of topics", func(t *testing.T) {
		a, topic := newTopic(t)
		value := "3600000"
		if err := a.IncrementalAlterConfig(sarama.TopicResource, topic,
			map[string]sarama.IncrementalAlterConfigsEntry{"retention.ms": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &value}}, false); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() error {
			entries, err := a.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: topic, ConfigNames: []string{"retention.ms"}})
			if err != nil || len(entries) != 1 || entries[0].Value != value || entries[0].Source != sarama.SourceTopic {
				return fmt.Errorf("configs are %+v: %w", entries, err)
			}
			return nil
		})
	})
	feature(t, "delete records", func(t *testing.T) {
		a, topic := newTopic(t)
		c := config()
		c.Producer.Partitioner = sarama.NewManualPartitioner
		produce(t, topic, c, numbered("deleted", 10)...)
		if err := a.DeleteRecords(topic, map[int32]int64{0: 8}); err != nil {
			t.Fatal(err)
		}
		if left := consume(t, topic, 2, config()); len(left) != 2 || left[0].Offset != 8 {
			t.Errorf("%d records are left", len(left))
		}
	})
	feature(t, "ACLs", func(t *testing.T) {
		a := admin(t)
		resource := sarama.Resource{ResourceType: sarama.AclResourceTopic, ResourceName: "acl-" + rand.Text(), ResourcePatternType: sarama.AclPatternPrefixed}
		if err := a.CreateACL(resource, sarama.Acl{Principal: "User:alice", Host: "*", Operation: sarama.AclOperationRead, PermissionType: sarama.AclPermissionAllow}); err != nil {
			t.Fatal(err)
		}
		filter := sarama.AclFilter{
			ResourceType: sarama.AclResourceTopic, ResourceName: &resource.ResourceName, ResourcePatternTypeFilter: sarama.AclPatternAny,
			Operation: sarama.AclOperationAny, PermissionType: sarama.AclPermissionAny,
		}
		eventually(t, func() error {
			found, err := a.ListAcls(filter)
			if err != nil || len(found) != 1 || len(found[0].Acls) != 1 || found[0].Acls[0].Principal != "User:alice" {
				return fmt.Errorf("ACLs are %+v: %w", found, err)
			}
			return nil
		})
		deleted, err := a.DeleteACL(filter, false)
		if err != nil || len(deleted) != 1 {
			t.Fatalf("deleted ACLs are %+v, %v", deleted, err)
		}
	})
	feature(t, "SCRAM users", func(t *testing.T) {
		a := admin(t)
		user := "user-" + rand.Text()
		results, err := a.UpsertUserScramCredentials([]sarama.AlterUserScramCredentialsUpsert{{
			Name: user, Mechanism: sarama.SCRAM_MECHANISM_SHA_256, Iterations: 4096, Salt: []byte("salt of the earth"), Password: []byte("secret"),
		}})
		if err != nil || len(results) != 1 || results[0].ErrorCode != sarama.ErrNoError {
			t.Fatalf("results are %+v, %v", results, err)
		}
		eventually(t, func() error {
			described, err := a.DescribeUserScramCredentials([]string{user})
			if err != nil || len(described) != 1 || len(described[0].CredentialInfos) != 1 || described[0].CredentialInfos[0].Iterations != 4096 {
				return fmt.Errorf("credentials are %+v: %w", described, err)
			}
			return nil
		})
	})
	feature(t, "client quotas", func(t *testing.T) {
		a := admin(t)
		entity := []sarama.QuotaEntityComponent{{EntityType: sarama.QuotaEntityClientID, MatchType: sarama.QuotaMatchExact, Name: "client-" + rand.Text()}}
		if err := a.AlterClientQuotas(entity, sarama.ClientQuotasOp{Key: "producer_byte_rate", Value: 1024}, false); err != nil {
			t.Fatal(err)
		}
		filter := []sarama.QuotaFilterComponent{{EntityType: sarama.QuotaEntityClientID, MatchType: sarama.QuotaMatchExact, Match: entity[0].Name}}
		eventually(t, func() error {
			described, err := a.DescribeClientQuotas(filter, true)
			if err != nil || len(described) != 1 || described[0].Values["producer_byte_rate"] != 1024 {
				return fmt.Errorf("quotas are %+v: %w", described, err)
			}
			return nil
		})
	})
	feature(t, "cluster, features, quorum, directories", func(t *testing.T) {
		a := admin(t)
		brokers, controller, err := a.DescribeCluster()
		if want := cmp.Or(os.Getenv("NODES"), "1"); err != nil || fmt.Sprint(len(brokers)) != want {
			t.Fatalf("%s brokers are %v, %v", want, brokers, err)
		}
		directories, err := a.DescribeLogDirs([]int32{controller})
		if err != nil || len(directories[controller]) == 0 {
			t.Fatalf("directories are %+v, %v", directories, err)
		}
	})
	feature(t, "groups: list and describe", func(t *testing.T) {
		a := admin(t)
		if _, err := a.ListConsumerGroups(); err != nil {
			t.Fatal(err)
		}
		described, err := a.DescribeConsumerGroups([]string{"absent-" + rand.Text()})
		if err != nil || len(described) != 1 || described[0].State != "Dead" {
			t.Errorf("an absent group is described as %+v, %v", described, err)
		}
	})
}
