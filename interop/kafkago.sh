#!/usr/bin/env bash
# Runs segmentio's kafka-go, at the version of its own module, against a listener.
. "$(dirname "$0")/lib.sh"
parse_arguments "$@"

cd "$here/kafkago"
features_of kafka-go go test -v -count 1 -timeout 10m . -args -bootstrap "$bootstrap"
