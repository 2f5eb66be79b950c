#!/usr/bin/env bash
# Runs confluent-kafka, from PyPI, against a listener.
. "$(dirname "$0")/lib.sh"
parse_arguments "$@"

confluent_kafka
features_of confluent-kafka "$confluent_python" "$here/confluent-kafka/client.py" --bootstrap "$bootstrap" $saga
