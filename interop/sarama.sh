#!/usr/bin/env bash
# Runs IBM's sarama, at the version of its own module, against a listener.
. "$(dirname "$0")/lib.sh"
parse_arguments "$@"

cd "$here/sarama"
features_of sarama go test -v -count 1 -timeout 10m . -args -bootstrap "$bootstrap"
