#!/usr/bin/env bash
# Builds kont, starts a node with an empty data directory on free ports, deploys
# the trip-booking saga, and runs clients of other makers against it. Prints PASS
# or FAIL for each and fails if one did.
#
#	interop/run.sh                 all of them
#	interop/run.sh kcat java       these
#	NODES=3 interop/run.sh         against a cluster
#
# Needs Go. Clients come from their registries and are kept in
# $KONT_INTEROP_CACHE, by default ~/.cache/kont-interop; kcat, and the languages of
# the others where they are missing, come from Debian.
. "$(dirname "$0")/lib.sh"
. "$here/node.sh"

clients=("$@")
((${#clients[@]})) || clients=(franzgo kcat confluent-kafka kafkajs java sarama kafkago)

work=$(mktemp -d)
trap 'node_stop; rm -rf "$work"' EXIT
node_build
node_start ${NODE_FLAGS-$(node_authorizer)}
echo "node: Kafka on $node_kafka, HTTP on $node_http"

"$kont" deploy "$here/../demos/trip-booking-saga/index.ts" --server "$node_http"

failed=0
for client in "${clients[@]}"; do
	began=$SECONDS
	if timeout 600 "$here/$client.sh" --bootstrap "$node_kafka" --saga >"$work/$client.out" 2>&1; then
		echo "PASS $client ($((SECONDS - began)) s)"
	else
		echo "FAIL $client ($((SECONDS - began)) s)"
		sed 's/^/     /' "$work/$client.out" | tail -20
		failed=1
	fi
done
((!failed)) || node_log
exit "$failed"
