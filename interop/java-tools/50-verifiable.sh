# What Apache Kafka's own system tests drive a cluster with, and its measuring tools.

feature 'verifiable producer and consumer'
tool kafka-topics --create --topic verified --partitions 3
tool kafka-verifiable-producer --topic verified --max-messages 1000 --throughput -1 --acks -1
says '"name":"startup_complete"' '"name":"tool_data".*"acked":1000' '"name":"shutdown_complete"'
counts 1000 '"name":"producer_send_success"'
tool kafka-verifiable-consumer --topic verified --group-id verifiers --group-protocol classic --max-messages 1000 --reset-policy earliest --enable-autocommit
says '"name":"partitions_assigned"'
consumed=$(grep -oE '"name":"records_consumed","count":[0-9]+' <<<"$said" | awk -F: '{ n += $NF } END { print n + 0 }')
[[ $consumed == 1000 ]] || consumed=$(grep '"name":"records_consumed"' <<<"$said" | grep -oE '"count":[0-9]+' | awk -F: '{ n += $2 } END { print n + 0 }')
((consumed >= 1000)) || broken "the verifiable consumer consumed $consumed of 1000: $(tail -3 <<<"$said")"

feature 'performance tools'
tool kafka-topics --create --topic measured --partitions 2
run kafka-producer-perf-test --topic measured --num-records 20000 --record-size 100 --throughput -1 \
	--command-property "bootstrap.servers=$bootstrap" acks=all
says '20000 records sent, .*records/sec.*99th'
tool kafka-consumer-perf-test --topic measured --num-records 20000 --timeout 30000 --group perf
says 'data.consumed.in.MB' ', 20[0-9]{3}, '
