# Clients that show who they are: files of settings as a team has them, and what is allowed to whom.

[[ -n $secure ]] || return 0

# login MECHANISM NAME PASSWORD: prints a client's settings.
login() {
	cat <<-PROPERTIES
		security.protocol=SASL_SSL
		ssl.truststore.type=PEM
		ssl.truststore.location=$work/tls/ca.crt
		sasl.mechanism=$1
		sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="$2" password="$3";
	PROPERTIES
}
# certificate: those of one that has a certificate, User:USER-ORDERS by the listener's rule.
certificate() {
	cat <<-PROPERTIES
		security.protocol=SSL
		ssl.truststore.type=PEM
		ssl.truststore.location=$work/tls/ca.crt
		ssl.keystore.type=PEM
		ssl.keystore.location=$work/tls/orders.pem
	PROPERTIES
}
login SCRAM-SHA-256 carol wonderland >"$work/carol-256"
login SCRAM-SHA-512 carol wonderland >"$work/carol-512"
login SCRAM-SHA-512 carol guessed >"$work/carol-wrong"
certificate >"$work/orders"
grep -v keystore "$work/orders" >"$work/nobody"

feature 'TLS and SASL: SCRAM'
for mechanism in 256 512; do
	tool kafka-configs --entity-type users --entity-name carol --alter --add-config "SCRAM-SHA-$mechanism=[password=wonderland]"
	says 'Completed updating config for user carol'
done
tool kafka-topics --create --topic private
for mechanism in 256 512; do
	run kafka-topics --bootstrap-server "$secure" --command-config "$work/carol-$mechanism" --list
	succeeds
	says_not '^private$'
done
run kafka-topics --bootstrap-server "$secure" --command-config "$work/carol-wrong" --list
says 'SaslAuthenticationException: Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512'

feature 'TLS and SASL: ACLs'
input=refused
run kafka-console-producer --bootstrap-server "$secure" --command-config "$work/carol-512" --topic private
says 'TopicAuthorizationException: Not authorized to access topics: \[private\]'
run kafka-topics --bootstrap-server "$secure" --command-config "$work/carol-512" --create --topic other
says 'TopicAuthorizationException|ClusterAuthorizationException'
tool kafka-acls --add --allow-principal User:carol --producer --consumer --topic private --group readers
succeeds
input=$(seq 1 10)
run kafka-console-producer --bootstrap-server "$secure" --command-config "$work/carol-512" --topic private
succeeds
says_not 'ERROR|Exception'
run kafka-console-consumer --bootstrap-server "$secure" --command-config "$work/carol-256" --topic private --from-beginning --group readers \
	--max-messages 10 --timeout-ms 30000
says '^10$' 'Processed a total of 10 messages'
run kafka-console-consumer --bootstrap-server "$secure" --command-config "$work/carol-256" --topic private --from-beginning --group strangers \
	--max-messages 10 --timeout-ms 10000
says 'GroupAuthorizationException: Not authorized to access group: strangers'
run kafka-consumer-groups --bootstrap-server "$secure" --command-config "$work/carol-256" --describe --group readers
says '^readers +private +0 +10 +10 +0 '

feature 'TLS and SASL: re-authentication'
# Longer than two sessions.
run kafka-producer-perf-test --topic private --num-records 300 --record-size 100 --throughput 50 --print-metrics --command-config "$work/carol-512" \
	--command-property "bootstrap.servers=$secure"
says '300 records sent' 'successful-reauthentication-total:.* : [1-9]' 'failed-reauthentication-total:.* : 0'
says_not 'Exception'

feature 'mutual TLS'
run kafka-topics --bootstrap-server "$mutual" --command-config "$work/nobody" --list
says 'SslAuthenticationException|SSLHandshakeException'
input=refused
run kafka-console-producer --bootstrap-server "$mutual" --command-config "$work/orders" --topic private
says 'TopicAuthorizationException'
tool kafka-acls --add --allow-principal User:USER-ORDERS --producer --topic private
input=certified
run kafka-console-producer --bootstrap-server "$mutual" --command-config "$work/orders" --topic private
succeeds
tool kafka-get-offsets --topic private
says '^private:0:311$'
