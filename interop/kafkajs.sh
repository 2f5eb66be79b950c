#!/usr/bin/env bash
# Runs kafkajs, from npm, against a listener.
. "$(dirname "$0")/lib.sh"
parse_arguments "$@"

kafkajs
# kafkajs logs each rebalance as an error of a heartbeat, which it is not.
features_of kafkajs node "$here/kafkajs/client.mjs" --bootstrap "$bootstrap" $saga
