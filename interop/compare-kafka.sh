#!/usr/bin/env bash
# Measures kont beside Apache Kafka from Maven Central, on this machine in this run, with Apache Kafka's own tools: throughput of producer and
# consumer, latency at 1000 records/s, memory. Each round starts every server anew with an empty directory, one after the other, so that
# whatever else the machine does meets all of them. Prints a line for each measurement, and medians in the end.
#
#	interop/compare-kafka.sh                 three rounds, about fifteen minutes
#	ROUNDS=1 RECORDS_MAX=200000 interop/compare-kafka.sh
#	SERVERS='kont kafka-fsync' interop/compare-kafka.sh
#	RECORDS_MAX=0 interop/compare-kafka.sh   latency and memory alone
#
# kafka-fsync writes to the disk before it answers, as kont always does (log.flush.interval.messages=1); kafka has its defaults, and leaves
# that to the operating system.
. "$(dirname "$0")/lib.sh"
. "$here/node.sh"
. "$here/apache-kafka.sh"

read -r -a servers <<<"${SERVERS:-kont kafka-fsync kafka}"
rounds=${ROUNDS:-3} records_max=${RECORDS_MAX:-1000000} seconds=${SECONDS_OF_LATENCY:-20}

kafka_jars
work=$(mktemp -d)
trap 'node_stop; kafka_stop; rm -rf "$work"' EXIT
node_build
(cd "$here/.." && go build -o "$work/latency" ./interop/latency)

measured() { printf '%s\t%s\t%s\n' "$1" "$2" "$3" | tee -a "$work/measured"; }

start() {
	rm -rf "$work/data" "$work/kafka"
	case $1 in
	kont)
		node_kafka=127.0.0.1:0 node_http=127.0.0.1:0
		node_start
		bootstrap=$node_kafka pid=$node_pid
		;;
	kafka) kafka_start "$work/kafka" && bootstrap=$kafka_bootstrap pid=$kafka_pid ;;
	kafka-fsync) kafka_start "$work/kafka" log.flush.interval.messages=1 && bootstrap=$kafka_bootstrap pid=$kafka_pid ;;
	*) fail "no server $1" ;;
	esac
}
stop() { node_stop && kafka_stop; }
mebibytes() { awk -v field="$1:" '$1 == field { printf "%d", $2 / 1024 }' "/proc/$pid/status"; }
topic() { kafka_class org.apache.kafka.tools.TopicCommand --bootstrap-server "$bootstrap" --create --topic "$1" --partitions "$2" --replication-factor 1 >/dev/null; }

# produce SERVER TOPIC PARTITIONS RECORDS SIZE, and the same for consume
produce() {
	local said
	said=$(kafka_class org.apache.kafka.tools.ProducerPerformance --topic "$2" --num-records "$4" --record-size "$5" --throughput -1 \
		--command-property "bootstrap.servers=$bootstrap" acks=all | tail -1)
	measured "$1" "produce, $5 B, $3 partitions, records/s" "$(sed -n 's/.*sent, \([0-9]*\)\.*[0-9]* records\/sec.*/\1/p' <<<"$said")"
}
consume() {
	local said
	# The last line's fields: …, records, records/s from the first poll on, time of the rebalance, time of fetching, MB/s and records/s of fetching.
	said=$(kafka_class org.apache.kafka.tools.ConsumerPerformance --bootstrap-server "$bootstrap" --topic "$2" --num-records "$4" --timeout 60000 \
		--group "perf-$2" | tail -1)
	measured "$1" "consume, $5 B, $3 partitions, records/s" "$(awk -F', *' '{ printf "%d", $NF }' <<<"$said")"
}

for ((round = 1; round <= rounds; round++)); do
	for server in "${servers[@]}"; do
		start "$server"
		for size in 100 1024; do
			((records_max)) || continue
			records=$((size == 100 ? records_max : records_max / 4))
			for partitions in 1 8; do
				name=measured-$size-$partitions
				topic "$name" "$partitions"
				# What the server's virtual machine compiles at first is not what runs for days.
				kafka_class org.apache.kafka.tools.ProducerPerformance --topic "$name" --num-records $((records / 10)) --record-size "$size" \
					--throughput -1 --command-property "bootstrap.servers=$bootstrap" acks=all >/dev/null
				produce "$server" "$name" "$partitions" "$records" "$size"
				consume "$server" "$name" "$partitions" "$records" "$size"
			done
		done
		measured "$server" 'memory at the most, under load, MiB' "$(mebibytes VmHWM)"
		topic latency 1
		while IFS=$'\t' read -r what p50 p99 p999; do
			measured "$server" "1000 records/s, $what, p50, ms" "$(sed 's/p50 \(.*\) ms/\1/' <<<"$p50")"
			measured "$server" "1000 records/s, $what, p99, ms" "$(sed 's/p99 \(.*\) ms/\1/' <<<"$p99")"
			measured "$server" "1000 records/s, $what, p99.9, ms" "$(sed 's/p99.9 \(.*\) ms/\1/' <<<"$p999")"
		done < <("$work/latency" -bootstrap "$bootstrap" -topic latency -seconds "$seconds")
		measured "$server" 'memory in the end, MiB' "$(mebibytes VmRSS)"
		stop
	done
done

echo
awk -F'\t' -v order="${servers[*]}" '
	{ if (!($2 in seen)) { seen[$2] = 1; what[++rows] = $2 }; key = $1 SUBSEP $2; value[key, ++count[key]] = $3 + 0 }
	function median(key,   n, i, j, held, sorted) {
		n = count[key]
		for (i = 1; i <= n; i++) {
			held = value[key, i]
			for (j = i - 1; j > 0 && sorted[j] > held; j--) sorted[j + 1] = sorted[j]
			sorted[j + 1] = held
		}
		return n == 0 ? "" : sorted[int((n + 1) / 2)] (n > 1 ? " (" sorted[1] "–" sorted[n] ")" : "")
	}
	END {
		servers = split(order, server, " ")
		line = "| median (least–greatest) |"; rule = "| --- |"
		for (s = 1; s <= servers; s++) { line = line " " server[s] " |"; rule = rule " --- |" }
		print line; print rule
		for (r = 1; r <= rows; r++) {
			line = "| " what[r] " |"
			for (s = 1; s <= servers; s++) line = line " " median(server[s] SUBSEP what[r]) " |"
			print line
		}
	}' "$work/measured"
