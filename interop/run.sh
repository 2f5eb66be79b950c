#!/usr/bin/env bash
# Builds kont, starts a node with an empty data directory on free ports, deploys
# the trip-booking saga, and runs clients of other makers against it. Prints PASS
# or FAIL for each and fails if one did.
#
#	interop/run.sh                 all of them
#	interop/run.sh kcat java       these
#
# Needs Go. Clients come from their registries and are kept in
# $KONT_INTEROP_CACHE, by default ~/.cache/kont-interop; kcat, and the languages of
# the others where they are missing, come from Debian.
. "$(dirname "$0")/lib.sh"

clients=("$@")
((${#clients[@]})) || clients=(franzgo kcat confluent-kafka kafkajs java)

work=$(mktemp -d)
node=''
cleanup() {
	[[ -z $node ]] || { kill "$node" && wait "$node"; } 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT

(cd "$here/.." && go build -o "$work/kont" .)
"$work/kont" serve --data "$work/data" --kafka-listen 127.0.0.1:0 --http-listen 127.0.0.1:0 -o json \
	>"$work/addresses" 2>"$work/log" &
node=$!
deadline=$((SECONDS + 30))
until [[ -s $work/addresses ]]; do
	if ! kill -0 "$node" 2>/dev/null || ((SECONDS > deadline)); then
		cat "$work/log" >&2
		fail 'kont serve does not start'
	fi
	sleep 0.05
done
address() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$work/addresses"; }
kafka=$(address kafka)
http=$(address http)
echo "node: Kafka on $kafka, HTTP on $http"

"$work/kont" deploy "$here/../demos/trip-booking-saga/index.ts" --server "$http"

failed=0
for client in "${clients[@]}"; do
	began=$SECONDS
	if timeout 600 "$here/$client.sh" --bootstrap "$kafka" --saga >"$work/$client.out" 2>&1; then
		echo "PASS $client ($((SECONDS - began)) s)"
	else
		echo "FAIL $client ($((SECONDS - began)) s)"
		sed 's/^/     /' "$work/$client.out" | tail -20
		failed=1
	fi
done
if ((failed)); then
	echo 'the node wrote:'
	tail -20 "$work/log"
fi
exit "$failed"
