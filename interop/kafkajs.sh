#!/usr/bin/env bash
# Runs kafkajs, from npm in a directory of its own, against a listener.
. "$(dirname "$0")/lib.sh"
parse_arguments "$@"

version=2.2.4
export KAFKAJS_DIR=$cache/kafkajs-$version
command -v npm >/dev/null || install nodejs npm
if [[ ! -e $KAFKAJS_DIR/installed ]]; then
	mkdir -p "$KAFKAJS_DIR"
	npm install --silent --no-audit --no-fund --prefix "$KAFKAJS_DIR" "kafkajs@$version"
	touch "$KAFKAJS_DIR/installed"
fi
# kafkajs logs each rebalance as an error of a heartbeat, which it is not.
features_of kafkajs node "$here/kafkajs/client.mjs" --bootstrap "$bootstrap" $saga
