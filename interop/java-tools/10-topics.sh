# Topics and their records: what every team uses first.

feature 'topics: create, list, describe, delete'
tool kafka-topics --create --topic orders --partitions 3 --config retention.ms=3600000
says 'Created topic orders'
tool kafka-topics --create --topic orders
says 'TopicExistsException'
tool kafka-topics --create --topic orders --if-not-exists
succeeds
tool kafka-topics --list
says '^orders$'
tool kafka-topics --describe --topic orders
says 'Topic: orders.*TopicId: [A-Za-z0-9_-]{22}.*PartitionCount: 3.*ReplicationFactor: 1.*retention.ms=3600000'
counts 3 'Topic: orders.*Partition: [012].*Leader: [0-9]+.*Isr: [0-9]+'
tool kafka-topics --create --topic 'wrong name'
says 'InvalidTopicException|is illegal'
tool kafka-topics --create --topic passing
tool kafka-topics --delete --topic passing
succeeds
tool kafka-topics --list
says_not '^passing$'
tool kafka-topics --describe --topic passing
says "Topic 'passing' does not exist"

feature 'topics: more partitions'
tool kafka-topics --create --topic growing
tool kafka-topics --alter --topic growing --partitions 4
succeeds
tool kafka-topics --describe --topic growing
says 'PartitionCount: 4'
tool kafka-topics --alter --topic growing --partitions 2
says 'would not be an increase|InvalidPartitionsException'

feature 'produce and consume'
input=$(printf 'a:1\nb:2\nc:3')
tool kafka-console-producer --topic orders --reader-property parse.key=true --reader-property key.separator=:
succeeds
tool kafka-console-consumer --topic orders --from-beginning --max-messages 3 --timeout-ms 30000 \
	--formatter-property print.key=true --formatter-property key.separator==
says '^a=1$' '^b=2$' '^c=3$' 'Processed a total of 3 messages'

feature 'headers and timestamps'
input=$(printf 'from:test,n:1|k|with headers')
tool kafka-console-producer --topic growing --reader-property parse.headers=true --reader-property parse.key=true \
	--reader-property 'headers.delimiter=|' --reader-property 'key.separator=|'
tool kafka-console-consumer --topic growing --from-beginning --max-messages 1 --timeout-ms 30000 --formatter-property print.headers=true \
	--formatter-property print.timestamp=true --formatter-property print.offset=true --formatter-property print.partition=true
says 'CreateTime:[0-9]{13}.*Partition:[0-3].*Offset:0.*from:test,n:1.*with headers'

for codec in gzip snappy lz4 zstd; do
	feature "codec $codec"
	input="sent with $codec"
	tool kafka-console-producer --topic growing --compression-codec "$codec"
	succeeds
	says_not 'ERROR|Exception'
done
for codec in gzip snappy lz4 zstd; do
	feature "codec $codec"
	[[ $codec != gzip ]] || tool kafka-console-consumer --topic growing --from-beginning --max-messages 5 --timeout-ms 30000
	says "^sent with $codec$"
done

feature 'offsets by time and position'
tool kafka-get-offsets --topic orders
says '^orders:0:[0-9]+$'
total=$(awk -F: '/^orders:/ { n += $3 } END { print n }' <<<"$said")
[[ $total == 3 ]] || broken "the ends of orders sum to $total, want 3"
tool kafka-get-offsets --topic orders --time -2
counts 3 '^orders:[012]:0$'
tool kafka-get-offsets --topic orders --time -3
says '^orders:[012]:[0-9]+$'
tool kafka-get-offsets --topic orders --time 1000
says '^orders:[012]:0$'

feature 'delete records'
partition=$(awk -F: '/^orders:/ && $3 > 0 { print $2; exit }' <<<"$(kafka_class ${classes[kafka-get-offsets]} --bootstrap-server "$bootstrap" --topic orders)")
printf '{"version":1,"partitions":[{"topic":"orders","partition":%s,"offset":1}]}' "$partition" >"$work/delete.json"
tool kafka-delete-records --offset-json-file "$work/delete.json"
says "partition: orders-$partition.*low_watermark: 1"
tool kafka-get-offsets --topic orders --time -2
says "^orders:$partition:1$"
