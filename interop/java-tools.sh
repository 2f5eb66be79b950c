#!/usr/bin/env bash
# Runs Apache Kafka's command-line tools, from Maven Central, against a node that this starts, and compares what they print.
#
#	interop/java-tools.sh                           against kont
#	interop/java-tools.sh --bootstrap HOST:PORT     against a listener that is there, with an authoriser whose super user the client is
#	interop/java-tools.sh --apache-kafka            against Apache Kafka itself: what is claimed here holds there
#	PARTS='30*' interop/java-tools.sh               one of the files of java-tools/
. "$(dirname "$0")/lib.sh"
. "$here/node.sh"
. "$here/apache-kafka.sh"

work=$(mktemp -d)
trap 'node_stop; kafka_stop; rm -rf "$work"' EXIT
kafka_jars

# Two listeners besides the one in plain text: $secure wants a password and TLS, and a new login every two seconds, $mutual a certificate.
secure='' mutual=''
secure_files() {
	command -v openssl >/dev/null || install openssl
	mkdir "$work/tls"
	(
		cd "$work/tls"
		openssl req -x509 -newkey rsa:2048 -nodes -days 7 -subj '/CN=authority' -keyout ca.key -out ca.crt
		for name in server orders; do
			openssl req -newkey rsa:2048 -nodes -subj "/CN=$name" -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -keyout "$name.key" -out "$name.csr"
			openssl x509 -req -in "$name.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 7 -copy_extensions copy -out "$name.crt"
			cat "$name.key" "$name.crt" >"$name.pem"
		done
	) 2>"$work/openssl.log" || { tail -3 "$work/openssl.log" >&2 && fail 'openssl makes no certificates'; }
	secure=127.0.0.1:$(free_port) mutual=127.0.0.1:$(free_port)
}
principal_rules='RULE:^CN=([^,]+).*$/User-$1/U,DEFAULT'

case ${1:-} in
--bootstrap) bootstrap=${2:?--bootstrap needs HOST:PORT} ;;
--apache-kafka)
	secure_files
	kafka_listeners=SECURE://$secure,MUTUAL://$mutual kafka_protocols=SECURE:SASL_SSL,MUTUAL:SSL
	scram=org.apache.kafka.common.security.scram.ScramLoginModule
	kafka_start "$work/kafka" authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer super.users=User:ANONYMOUS \
		group.initial.rebalance.delay.ms=0 log.cleaner.backoff.ms=500 ssl.keystore.type=PEM "ssl.keystore.location=$work/tls/server.pem" \
		ssl.truststore.type=PEM "ssl.truststore.location=$work/tls/ca.crt" listener.name.mutual.ssl.client.auth=required \
		"listener.name.mutual.ssl.principal.mapping.rules=$principal_rules" listener.name.secure.sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512 \
		"listener.name.secure.scram-sha-256.sasl.jaas.config=$scram required;" "listener.name.secure.scram-sha-512.sasl.jaas.config=$scram required;" \
		listener.name.secure.scram-sha-256.connections.max.reauth.ms=2000 listener.name.secure.scram-sha-512.connections.max.reauth.ms=2000
	bootstrap=$kafka_bootstrap
	;;
'')
	node_build
	secure_files
	tls="cert=$work/tls/server.crt&key=$work/tls/server.key"
	node_listeners=('kafka://127.0.0.1:0?name=plain' "kafka+tls://$secure?name=secure&$tls&sasl=scram-sha-256,scram-sha-512&reauthenticate-after=2s"
		"kafka+tls://$mutual?name=mutual&$tls&client-ca=$work/tls/ca.crt&client-auth=required&principal-rules=$principal_rules")
	node_start ${NODE_FLAGS-$(node_authorizer)}
	bootstrap=$node_kafka
	;;
*) echo "usage: $0 [--bootstrap HOST:PORT | --apache-kafka]" >&2 && exit 2 ;;
esac

tools=org.apache.kafka.tools
declare -A classes=(
	[kafka-topics]=$tools.TopicCommand [kafka-console-producer]=$tools.ConsoleProducer
	[kafka-console-consumer]=$tools.consumer.ConsoleConsumer [kafka-consumer-groups]=$tools.consumer.group.ConsumerGroupCommand
	[kafka-groups]=$tools.GroupsCommand [kafka-configs]=kafka.admin.ConfigCommand [kafka-acls]=$tools.AclCommand
	[kafka-transactions]=$tools.TransactionsCommand [kafka-get-offsets]=$tools.GetOffsetShell
	[kafka-delete-records]=$tools.DeleteRecordsCommand [kafka-log-dirs]=$tools.LogDirsCommand
	[kafka-metadata-quorum]=$tools.MetadataQuorumCommand [kafka-features]=$tools.FeatureCommand
	[kafka-leader-election]=$tools.LeaderElectionCommand [kafka-broker-api-versions]=$tools.BrokerApiVersionsCommand
	[kafka-cluster]=$tools.ClusterTool [kafka-reassign-partitions]=$tools.reassign.ReassignPartitionsCommand
	[kafka-verifiable-producer]=$tools.VerifiableProducer [kafka-verifiable-consumer]=$tools.VerifiableConsumer
	[kafka-producer-perf-test]=$tools.ProducerPerformance [kafka-consumer-perf-test]=$tools.ConsumerPerformance
)

# run TOOL ARGUMENT...: its words, also those on standard error, become $said and its status $status. Standard input is $input.
input=''
run() {
	ran="$* < ${input:0:40}"
	status=0
	said=$(kafka_run "$@" <<<"$input" 2>&1) || status=$?
	input=''
}
kafka_run() {
	local tool=$1
	shift
	# A function cannot be given to timeout; the tool is ended by its process.
	kafka_spawn "${classes[$tool]}" "$@"
	local pid=$! deadline=$((SECONDS + ${LIMIT:-90}))
	while kill -0 "$pid" 2>/dev/null; do
		((SECONDS < deadline)) || { kill -KILL "$pid" && echo "not within ${LIMIT:-90} s"; }
		sleep 0.1
	done
	wait "$pid"
}
# tool TOOL ARGUMENT...: the same, with --bootstrap-server.
tool() {
	local name=$1
	shift
	run "$name" --bootstrap-server "$bootstrap" "$@"
}
# says REGEXP...: each is in what the tool printed.
says() {
	local wanted
	for wanted in "$@"; do
		grep -qE -e "$wanted" <<<"$said" || broken "$ran: no /$wanted/ in: $(tail -12 <<<"$said")"
	done
}
says_not() { ! grep -qE -e "$1" <<<"$said" || broken "$ran: /$1/ in: $(tail -12 <<<"$said")"; }
# counts N REGEXP: as many lines.
counts() {
	local n
	n=$(grep -cE -e "$2" <<<"$said") || true
	((n == $1)) || broken "$ran: $n lines of /$2/, want $1, in: $(tail -12 <<<"$said")"
}
succeeds() { ((status == 0)) || broken "$ran: status $status: $(tail -12 <<<"$said")"; }

feature_client kafka-tools
for part in "$here"/java-tools/${PARTS:-*}.sh; do
	. "$part"
done
features_end || { node_log && exit 1; }
