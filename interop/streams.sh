#!/usr/bin/env bash
# Runs an application on Apache Kafka's Streams library, exactly once, against a node that this starts: totals of payments, with
# a repartition topic and a changelog. The application is killed in its midst and started again, once on its state and once
# without it, so that the changelog is read; the node is killed too. In the end every update is in the output once.
#
#	interop/streams.sh                   against kont
#	interop/streams.sh --apache-kafka    against Apache Kafka itself: what is claimed here holds there
#	PAYMENTS=30000 GROUP_PROTOCOL=classic interop/streams.sh
. "$(dirname "$0")/lib.sh"
. "$here/node.sh"
. "$here/apache-kafka.sh"

payments=${PAYMENTS:-12000} protocol=${GROUP_PROTOCOL:-classic}
work=$(mktemp -d)
application=''
kill_application() {
	[[ -n $application ]] || return 0
	kill -KILL "$application" 2>/dev/null || true
	wait "$application" 2>/dev/null || true
	application=''
}
trap 'kill_application; node_stop; kafka_stop; rm -rf "$work"' EXIT

kafka_jars
mkdir "$work/classes"
javac -cp "$kafka_classpath" -d "$work/classes" "$here"/streams/*.java
kafka_classpath=$work/classes:$kafka_classpath
case ${1:-} in
--apache-kafka)
	server_start() { kafka_start "$work/kafka" group.initial.rebalance.delay.ms=0 && bootstrap=$kafka_bootstrap; }
	server_kill() { kill -KILL "$kafka_pid" && kafka_stop; }
	;;
'')
	node_build
	server_start() { node_start ${NODE_FLAGS:-} && bootstrap=$node_kafka; }
	server_kill() { node_kill; }
	;;
*) echo "usage: $0 [--apache-kafka]" >&2 && exit 2 ;;
esac

step() { printf '%4d s  %s\n' "$SECONDS" "$*"; }
world() { kafka_class Payments "$bootstrap" "$@"; }
start_application() {
	# Not by a function in the background, whose process would not be the JVM.
	java -Xmx512m -XX:+UseSerialGC "-Dlog4j2.configurationFile=$here/apache-kafka/log4j2.properties" -cp "$kafka_classpath" \
		Totals "$bootstrap" "$work/state" "$protocol" >>"$work/application.out" 2>>"$work/application.log" &
	application=$!
}
failed() {
	echo 'the application said:'
	tail -5 "$work/application.out"
	tail -25 "$work/application.log" | cut -c1-400
	node_log
	broken "$*"
	features_end || exit 1
}
trap 'failed "line $LINENO: $BASH_COMMAND"' ERR

feature_client kafka-streams
feature 'exactly-once processing'
server_start
step "server on $bootstrap"
world topics
world pay 0 $((payments / 2))
start_application
step "$((payments / 2)) payments are sent, the application starts"
world progress $((payments / 8))
kill_application
step 'the application is killed, and starts again on its state'
start_application
world progress $((payments / 4))
world pay $((payments / 2)) $((payments / 4))
kill_application
rm -rf "$work/state"
step 'the application is killed, its state removed, and starts again'
start_application
world progress $((payments / 2))
server_kill
step 'the server is killed, and starts again'
server_start
world pay $((payments * 3 / 4)) $((payments - payments * 3 / 4))
step "all $payments payments are sent"
world check "$payments"
kill -0 "$application"
feature 'repartition and changelog topics'
world internals >"$work/internals"
cat "$work/internals"
grep -qx 'totals-by-account-repartition: 3 partitions, cleanup.policy=delete' "$work/internals" || broken "$(head -1 "$work/internals")"
grep -qx 'totals-totals-changelog: 3 partitions, cleanup.policy=compact' "$work/internals" || broken "$(tail -1 "$work/internals")"
step 'done'
features_end
