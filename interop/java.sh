#!/usr/bin/env bash
# Runs Apache Kafka's Java client, from Maven Central, against a listener.
. "$(dirname "$0")/lib.sh"
parse_arguments "$@"

version=4.1.0
jars=$cache/java-kafka-clients-$version
if [[ ! -e $jars/installed ]]; then
	mvn --quiet --batch-mode --file "$here/java/pom.xml" "-Dkafka.version=$version" \
		dependency:copy-dependencies "-DoutputDirectory=$jars" >/dev/null
	touch "$jars/installed"
fi
classes=$(mktemp -d)
trap 'rm -rf "$classes"' EXIT
javac -cp "$jars/*" -d "$classes" "$here/java/Client.java"
java -cp "$classes:$jars/*" Client --bootstrap "$bootstrap" $saga
