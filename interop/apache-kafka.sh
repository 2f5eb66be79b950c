#!/usr/bin/env bash
# Apache Kafka from Maven Central: its jars, its command-line tools, and a broker in KRaft mode.
#
#	interop/apache-kafka.sh                       starts a broker, prints its address, runs until interrupted
#	interop/apache-kafka.sh --bootstrap-file F    the same, and the address goes to a file
#	interop/apache-kafka.sh COMMAND...            starts a broker, runs the command with --bootstrap HOST:PORT appended, stops it:
#	                                              interop/apache-kafka.sh interop/sarama.sh shows that what is claimed holds there
#
# KAFKA_SETTINGS has more settings of the broker, NAME=VALUE with spaces between.
#
# Sourced after lib.sh it gives functions:
#
#	kafka_jars                     fetches the jars once; sets kafka_classpath
#	kafka_class CLASS ARGUMENT...  runs a main class of them; KAFKA_HEAP_OPTS and KAFKA_JVM_OPTS are for the JVM
#	kafka_spawn CLASS ARGUMENT...  the same in the background: $! is the JVM's own process
#	kafka_start DIR [NAME=VALUE…]  formats DIR and starts a broker on loopback with these settings over its own;
#	                               sets kafka_bootstrap and kafka_pid; DIR/server.log has what it wrote
#	                               (kafka_listeners and kafka_protocols: more listeners, NAME://HOST:PORT,…, and what they speak, NAME:PROTOCOL,…)
#	kafka_stop                     stops it and waits until it is gone
#
# A broker on a DIR that has been formatted goes on with what is there, on its ports.

[[ ${BASH_SOURCE[0]} != "$0" ]] || . "$(dirname "$0")/lib.sh"

kafka_version=4.3.1
kafka_pid='' kafka_listeners='' kafka_protocols=''

kafka_jars() {
	local jars=$cache/apache-kafka-$kafka_version said
	command -v java >/dev/null && command -v mvn >/dev/null || install default-jdk-headless maven
	if [[ ! -e $jars/installed ]]; then
		# Maven writes its errors to standard output.
		said=$(mvn --quiet --batch-mode --file "$here/apache-kafka/pom.xml" "-Dkafka.version=$kafka_version" \
			dependency:copy-dependencies "-DoutputDirectory=$jars") || fail "mvn cannot fetch Apache Kafka $kafka_version: $said"
		touch "$jars/installed"
	fi
	kafka_classpath="$jars/*"
}

kafka_class() {
	# Small heaps and one collector thread unless something else is said: many of these run beside a server on few cores.
	# shellcheck disable=SC2086
	${kafka_exec:-} java ${KAFKA_HEAP_OPTS:--Xmx512m} ${KAFKA_JVM_OPTS:--XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto} \
		"-Dlog4j2.configurationFile=$here/apache-kafka/log4j2.properties" -cp "$kafka_classpath" "$@"
}

# Without exec the process would be a shell, and the JVM would outlive its end.
kafka_spawn() { kafka_exec=exec kafka_class "$@" 0<&0 & }

# free_port: one below the ephemeral range on which nobody listens. A broker in KRaft mode must be told its ports beforehand.
free_port() {
	local port
	while :; do
		port=$((10000 + RANDOM % 20000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo "$port"
}

# The settings that config/server.properties of the distribution has, for one node that is broker and controller.
kafka_properties() {
	local dir=$1 port=$2 controller=$3
	cat <<-PROPERTIES
		process.roles=broker,controller
		node.id=1
		controller.quorum.voters=1@127.0.0.1:$controller
		listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller${kafka_listeners:+,$kafka_listeners}
		advertised.listeners=PLAINTEXT://127.0.0.1:$port${kafka_listeners:+,$kafka_listeners}
		listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT${kafka_protocols:+,$kafka_protocols}
		inter.broker.listener.name=PLAINTEXT
		controller.listener.names=CONTROLLER
		log.dirs=$dir/logs
		num.network.threads=3
		num.io.threads=8
		num.partitions=1
		offsets.topic.replication.factor=1
		transaction.state.log.replication.factor=1
		transaction.state.log.min.isr=1
		share.coordinator.state.topic.replication.factor=1
		share.coordinator.state.topic.min.isr=1
	PROPERTIES
}

kafka_start() {
	local dir=$1 try deadline setting
	shift
	mkdir -p "$dir"
	for try in 1 2 3; do
		if [[ ! -e $dir/server.properties ]]; then
			rm -rf "$dir/logs"
			kafka_properties "$dir" "$(free_port)" "$(free_port)" >"$dir/server.properties"
			# The last of two settings of a name is the one in force.
			for setting in "$@"; do
				printf '%s\n' "$setting" >>"$dir/server.properties"
			done
			kafka_class kafka.tools.StorageTool format --cluster-id "$(kafka_class kafka.tools.StorageTool random-uuid)" \
				--config "$dir/server.properties" >"$dir/format.log" 2>&1 || { tail "$dir/format.log" >&2 && fail 'Apache Kafka cannot format its directory'; }
		fi
		kafka_bootstrap=$(sed -n 's/^advertised.listeners=PLAINTEXT:\/\/\([^,]*\).*/\1/p' "$dir/server.properties" | tail -1)
		[[ ! -e $dir/server.log ]] || mv "$dir/server.log" "$dir/server.log.before"
		# No subshell between: kafka_pid is the JVM's own, for who measures it or kills it. The heap is that of kafka-server-start.
		# shellcheck disable=SC2086
		KAFKA_LOG_LEVEL=${KAFKA_LOG_LEVEL:-INFO} java ${KAFKA_HEAP_OPTS:--Xmx1G -Xms1G} \
			${KAFKA_JVM_OPTS:--server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 -XX:+ExplicitGCInvokesConcurrent} \
			"-Dlog4j2.configurationFile=$here/apache-kafka/log4j2.properties" -cp "$kafka_classpath" \
			kafka.Kafka "$dir/server.properties" >"$dir/server.log" 2>&1 &
		kafka_pid=$!
		deadline=$((SECONDS + 90))
		while kill -0 "$kafka_pid" 2>/dev/null && ((SECONDS < deadline)); do
			if grep -q 'Kafka Server started' "$dir/server.log"; then
				return
			fi
			sleep 0.2
		done
		kafka_stop
		# Somebody else may have taken a port in between.
		grep -q 'Address already in use' "$dir/server.log" || break
		rm -f "$dir/server.properties" "$dir/server.log"
	done
	tail -20 "$dir/server.log" >&2
	fail 'Apache Kafka does not start'
}

kafka_stop() {
	[[ -n $kafka_pid ]] || return 0
	kill "$kafka_pid" 2>/dev/null || true
	wait "$kafka_pid" 2>/dev/null || true
	kafka_pid=''
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	address_file=''
	if [[ ${1:-} == --bootstrap-file ]]; then
		address_file=${2:?--bootstrap-file needs a file} && shift 2
	fi
	kafka_jars
	work=$(mktemp -d)
	trap 'kafka_stop; rm -rf "$work"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	# shellcheck disable=SC2086
	kafka_start "$work" ${KAFKA_SETTINGS:-}
	echo "Apache Kafka $kafka_version: Kafka on $kafka_bootstrap, process $kafka_pid"
	[[ -z $address_file ]] || echo "$kafka_bootstrap" >"$address_file"
	if (($#)); then
		"$@" --bootstrap "$kafka_bootstrap"
	else
		wait "$kafka_pid"
	fi
fi
