#!/usr/bin/env bash
# Runs Apache Kafka's Java client, from Maven Central, against a listener.
. "$(dirname "$0")/lib.sh"
parse_arguments "$@"

version=4.1.0
jars=$cache/java-kafka-clients-$version
command -v javac >/dev/null && command -v mvn >/dev/null || install default-jdk-headless maven
if [[ ! -e $jars/installed ]]; then
	# Maven writes its errors to standard output.
	said=$(mvn --quiet --batch-mode --file "$here/java/pom.xml" "-Dkafka.version=$version" \
		dependency:copy-dependencies "-DoutputDirectory=$jars") || fail "mvn cannot fetch kafka-clients $version: $said"
	touch "$jars/installed"
fi
classes=$(mktemp -d)
trap 'rm -rf "$classes"' EXIT
javac -cp "$jars/*" -d "$classes" "$here/java/"*.java
features_of java java -cp "$classes:$jars/*" Client --bootstrap "$bootstrap" $saga
