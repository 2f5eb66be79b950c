# Settings, quotas, and what describes the cluster.

tool kafka-topics --create --topic orders --if-not-exists

feature 'configs of topics'
tool kafka-topics --create --topic set
tool kafka-configs --entity-type topics --entity-name set --alter --add-config retention.ms=60000,max.message.bytes=2000000
says 'Completed updating config for topic set'
tool kafka-configs --entity-type topics --entity-name set --describe
says 'retention.ms=60000.*DYNAMIC_TOPIC_CONFIG:retention.ms=60000' \
	'max.message.bytes=2000000.*DYNAMIC_TOPIC_CONFIG:max.message.bytes=2000000, DEFAULT_CONFIG:'
tool kafka-configs --entity-type topics --entity-name set --alter --delete-config retention.ms
succeeds
tool kafka-configs --entity-type topics --entity-name set --describe --all
says 'retention.ms=604800000' 'cleanup.policy=delete' 'message.timestamp.type=CreateTime' 'min.insync.replicas=1'
tool kafka-configs --entity-type topics --entity-name set --alter --add-config retention.ms=never
says 'InvalidConfigurationException|Invalid value'
tool kafka-configs --entity-type topics --entity-name set --alter --add-config no.such=1
says 'Unknown topic config|InvalidConfigurationException|Unknown'

feature 'configs: cleanup.policy, timestamps'
tool kafka-configs --entity-type topics --entity-name set --alter --add-config 'cleanup.policy=[compact,delete],message.timestamp.type=LogAppendTime'
says 'Completed updating'
tool kafka-configs --entity-type topics --entity-name set --describe
says 'cleanup.policy=(compact,delete|delete,compact)' 'message.timestamp.type=LogAppendTime'
input='stamped'
tool kafka-console-producer --topic set --reader-property parse.key=true --reader-property key.separator=m
tool kafka-console-consumer --topic set --from-beginning --max-messages 1 --timeout-ms 30000 --formatter-property print.timestamp=true
says 'LogAppendTime:[0-9]{13}'

feature 'configs of brokers'
tool kafka-configs --entity-type brokers --entity-name "${broker_id:=$(kafka_class ${classes[kafka-broker-api-versions]} --bootstrap-server "$bootstrap" 2>&1 | sed -n 's/.*(id: \([0-9]*\) rack.*/\1/p' | head -1)}" --describe --all
says "configs for broker $broker_id" 'sensitive=(true|false)'

feature 'configs of groups'
tool kafka-configs --entity-type groups --entity-name some --alter --add-config consumer.session.timeout.ms=50000
says 'Completed updating config for group some'
tool kafka-configs --entity-type groups --entity-name some --describe
says 'consumer.session.timeout.ms=50000'

feature 'SCRAM users'
for mechanism in 256 512; do
	tool kafka-configs --entity-type users --entity-name alice --alter --add-config "SCRAM-SHA-$mechanism=[iterations=4096,password=secret]"
	says 'Completed updating config for user alice'
done
tool kafka-configs --entity-type users --entity-name alice --alter --add-config 'SCRAM-SHA-256=[password=secret],SCRAM-SHA-512=[password=secret]'
says 'DuplicateResourceException'
tool kafka-configs --entity-type users --entity-name alice --describe
says 'SCRAM-SHA-256=iterations=4096' 'SCRAM-SHA-512=iterations='
tool kafka-configs --entity-type users --entity-name alice --alter --delete-config SCRAM-SHA-512
says 'Completed updating config for user alice'
tool kafka-configs --entity-type users --entity-name alice --describe
says_not 'SCRAM-SHA-512=iterations='

feature 'client quotas'
tool kafka-configs --entity-type users --entity-name bob --entity-type clients --entity-name app --alter \
	--add-config producer_byte_rate=1048576,consumer_byte_rate=2097152
says 'Completed updating config'
tool kafka-configs --entity-type clients --entity-default --alter --add-config consumer_byte_rate=4194304
says 'Completed updating default config'
tool kafka-configs --entity-type users --entity-name bob --entity-type clients --entity-name app --describe
says 'producer_byte_rate=1048576' 'consumer_byte_rate=2097152'
tool kafka-configs --entity-type users --entity-name bob --entity-type clients --entity-name app --alter --delete-config producer_byte_rate
succeeds
tool kafka-configs --entity-type users --entity-name bob --entity-type clients --entity-name app --describe
says_not 'producer_byte_rate'

feature 'client quotas throttle'
# What comes in ten seconds may be sent at once, by Kafka's reckoning too.
tool kafka-configs --entity-type clients --entity-name slow --alter --add-config producer_byte_rate=50000
tool kafka-topics --create --topic throttled
run kafka-producer-perf-test --topic throttled --num-records 700 --record-size 1000 --throughput -1 \
	--command-property "bootstrap.servers=$bootstrap" client.id=slow batch.size=2000 --print-metrics
says '700 records sent' 'produce-throttle-time-max:.* : [1-9][0-9]*'

feature 'ACLs'
tool kafka-acls --add --allow-principal User:alice --operation Read --operation Describe --topic orders
says 'Adding ACLs for resource' 'principal=User:alice.*operation=READ.*permissionType=ALLOW'
tool kafka-acls --add --deny-principal User:eve --operation All --topic ord --resource-pattern-type prefixed --deny-host 10.0.0.1
says 'patternType=PREFIXED' 'permissionType=DENY'
tool kafka-acls --list --topic orders --resource-pattern-type match
says 'principal=User:alice.*operation=READ' 'principal=User:eve.*host=10.0.0.1.*operation=ALL'
tool kafka-acls --list --topic orders
says_not 'User:eve'
tool kafka-acls --add --allow-principal User:alice --consumer --topic orders --group readers
says 'resourceType=GROUP, name=readers'
tool kafka-acls --remove --force --topic orders
tool kafka-acls --remove --force --topic ord --resource-pattern-type prefixed
succeeds
tool kafka-acls --list --topic orders --resource-pattern-type match
says_not 'User:(alice|eve)'

feature 'cluster, features, quorum, directories'
tool kafka-broker-api-versions
says '\(id: [0-9]+ rack: .*\) ->' 'Produce\(0\): .*usable: 1[0-9]' 'Fetch\(1\)' 'ApiVersions\(18\)'
says_not 'UNSUPPORTED.*(Produce|Fetch|Metadata)'
run kafka-cluster cluster-id --bootstrap-server "$bootstrap"
says 'Cluster ID: .+'
tool kafka-features describe
says 'Feature: metadata.version|Feature: [a-z.]+' 'SupportedMaxVersion'
tool kafka-metadata-quorum describe --status
says 'ClusterId: ' 'LeaderId: +[0-9]+' 'LeaderEpoch: +[0-9]+' 'HighWatermark: +[0-9]+' 'CurrentVoters: '
tool kafka-metadata-quorum describe --replication
says 'NodeId.*LogEndOffset' '^[0-9]+.*Leader'
tool kafka-log-dirs --describe --topic-list orders
says '"logDirs":\[\{' '"partition":"orders-0"' '"error":null'

feature 'elections and reassignment'
tool kafka-leader-election --election-type preferred --topic orders --partition 0
says 'Valid replica already elected|Successfully completed leader election|ELECTION_NOT_NEEDED'
tool kafka-reassign-partitions --list
says 'No partition reassignments found'
