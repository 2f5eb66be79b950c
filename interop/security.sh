#!/usr/bin/env bash
# Starts a node that asks its Kafka clients who they are, and lets clients of other makers log in: TLS, certificates of clients, PLAIN, SCRAM,
# OAUTHBEARER, wrong passwords. Fails if one of them cannot.
#
#	interop/security.sh
#
# Clients are those of run.sh, and come from where they come from there.
. "$(dirname "$0")/lib.sh"
. "$here/node.sh"
. "$here/apache-kafka.sh"

kafka_jars
confluent_kafka
kafkajs
command -v openssl >/dev/null || install openssl
work=$(mktemp -d)
trap 'node_stop; rm -rf "$work"' EXIT

# An authority, a certificate for the node, one for alice.
certificate() {
	openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -keyout "$work/$1.key" -out "$work/$1.csr" 2>/dev/null
	openssl x509 -req -in "$work/$1.csr" -CA "$work/ca.crt" -CAkey "$work/ca.key" -CAcreateserial -days 2 -copy_extensions copy -out "$work/$1.crt" 2>/dev/null
}
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=authority' -keyout "$work/ca.key" -out "$work/ca.crt" 2>/dev/null
certificate node
certificate alice
cat "$work/alice.key" "$work/alice.crt" >"$work/alice.pem"
(umask 077 && echo alice:secret >"$work/users")

node_build
tls="cert=$work/node.crt&key=$work/node.key"
# Whoever comes without a name by TLS, or is alice, may do everything, and nobody else: the name that a login gives is looked at, too.
node_listeners=("kafka+tls://127.0.0.1:0?name=TLS&$tls"
	"kafka+tls://127.0.0.1:0?name=MTLS&$tls&client-ca=$work/ca.crt&client-auth=required&principal-rules=RULE:^CN=([^,]+)\$/\$1/"
	"kafka+tls://127.0.0.1:0?name=SASL&$tls&sasl=plain,scram-sha-256,scram-sha-512,oauthbearer")
node_start --scram-users "$work/users" --oauth-unsigned --authorizer --super-users 'User:alice;User:ANONYMOUS'
listeners=("TLS=$(node_address TLS)" "MTLS=$(node_address MTLS)" "SASL=$(node_address SASL)" "DIR=$work")
failed=0

features_of confluent-kafka.security "$confluent_python" "$here/security/client.py" "${listeners[@]}" || failed=1
features_of kafkajs.security node "$here/security/client.mjs" "${listeners[@]}" || failed=1
(cd "$here/.." && features_of franz-go.security go test -v -count 1 -run TestSecurity ./interop/franzgo -args -security "${listeners[*]}") || failed=1

(cd "$here/sarama" && features_of sarama.security go test -v -count 1 -run TestSecurity . -args -security "${listeners[*]}") || failed=1
(cd "$here/kafkago" && features_of kafka-go.security go test -v -count 1 -run TestSecurity . -args -security "${listeners[*]}") || failed=1

# Apache Kafka's client, through its tools.
feature_client java.security
trusting="ssl.truststore.type=PEM
ssl.truststore.location=$work/ca.crt"
module=org.apache.kafka.common.security
sasl() {
	printf '%s\n' "$trusting" "security.protocol=${3:-SASL_SSL}" "sasl.mechanism=$1" "sasl.jaas.config=$module.$2 required username=\"alice\" password=\"${4:-secret}\";"
}
# trip LISTENER: a record there and back, with the settings of $work/client.properties.
trip() {
	local value=$RANDOM-$RANDOM said
	said=$({ kafka_class org.apache.kafka.tools.ConsoleProducer --bootstrap-server "$(node_address "$1")" --topic secure-java --command-config "$work/client.properties" <<<"$value" &&
		kafka_class org.apache.kafka.tools.consumer.ConsoleConsumer --bootstrap-server "$(node_address "$1")" --topic secure-java --from-beginning --timeout-ms 8000 \
			--command-config "$work/client.properties"; } 2>&1) || true
	grep -qx "$value" <<<"$said" || broken "the record is not read: $(tail -3 <<<"$said")"
}
feature TLS
printf '%s\n' "$trusting" security.protocol=SSL >"$work/client.properties"
trip TLS
feature 'mutual TLS'
printf '%s\n' "$trusting" security.protocol=SSL ssl.keystore.type=PEM "ssl.keystore.location=$work/alice.pem" >"$work/client.properties"
trip MTLS
feature 'SASL PLAIN'
sasl PLAIN plain.PlainLoginModule >"$work/client.properties"
trip SASL
for hash in 256 512; do
	feature "SASL SCRAM-SHA-$hash"
	sasl "SCRAM-SHA-$hash" scram.ScramLoginModule >"$work/client.properties"
	trip SASL
done
feature 'SASL OAUTHBEARER'
printf '%s\n' "$trusting" security.protocol=SASL_SSL sasl.mechanism=OAUTHBEARER \
	"sasl.jaas.config=$module.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"alice\";" >"$work/client.properties"
trip SASL
feature 'wrong passwords are refused'
sasl SCRAM-SHA-512 scram.ScramLoginModule SASL_SSL wrong >"$work/client.properties"
said=$(kafka_class org.apache.kafka.tools.TopicCommand --bootstrap-server "$(node_address SASL)" --command-config "$work/client.properties" --list 2>&1) || true
grep -q SaslAuthenticationException <<<"$said" || broken "with a wrong password: $(tail -3 <<<"$said")"
features_end || failed=1
((!failed)) || node_log
exit "$failed"
