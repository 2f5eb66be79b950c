#!/usr/bin/env bash
# Holds the conversations of kafkacompat's differential tests with Apache Kafka, and records its answers in kafkacompat/testdata/apache-kafka.
# The tests compare the listener's answers with these from then on; git diff shows what another version of Apache Kafka answers otherwise.
#
#	interop/differential.sh
#	interop/differential.sh -run Groups     arguments are for go test
. "$(dirname "$0")/lib.sh"
. "$here/apache-kafka.sh"

kafka_jars
work=$(mktemp -d)
trap 'kafka_stop; rm -rf "$work"' EXIT
# A second of rest between assignments (KIP-1263) would let time decide what a member is told.
KAFKA_HEAP_OPTS=${KAFKA_HEAP_OPTS:--Xmx512m} kafka_start "$work" group.consumer.assignment.interval.ms=0 group.consumer.min.assignment.interval.ms=0
cd "$here/.."
KONT_DIFFERENTIAL_BOOTSTRAP=$kafka_bootstrap go test ./kafkacompat -count=1 -run 'AnotherImplementation|AsByABroker' "$@"
