#!/usr/bin/env bash
# Runs kcat, from Debian, against a listener: produce with every codec, consume
# from the beginning, a group of two members with rebalances; with --saga the
# reservation service of the trip-booking saga.
. "$(dirname "$0")/lib.sh"
parse_arguments "$@"

command -v kcat >/dev/null || install kcat

feature_client kcat
work=$(mktemp -d)
members=()
cleanup() {
	((${#members[@]} == 0)) || kill "${members[@]}" 2>/dev/null || true
	wait
	rm -rf "$work"
}
# A claim that fails ends the script; what it belongs to is broken.
trap 'status=$?; cleanup; ((status == 0)) || broken "ended with status $status"; features_end || true' EXIT

# wait_for CLAIM COMMAND...: until the command succeeds, for a minute at most.
wait_for() {
	local claim=$1 deadline=$((SECONDS + 60))
	shift
	until "$@"; do
		((SECONDS < deadline)) || fail "not within a minute: $claim"
		sleep 0.1
	done
}

# The world outside of the trip-booking saga.

send() { printf '%s\t%s\n' "$1" "$2" | kcat -q -b "$bootstrap" -P -t workflow-resume -K '\t'; }

# find THREAD TOPIC TEXT...: the thread's record that holds all texts, into $work/found.
find_record() {
	local thread=$1 topic=$2 text
	shift 2
	timeout 30 kcat -q -b "$bootstrap" -C -t "$topic" -o beginning -e -f '%k\t%s\n' | grep -F "$thread"$'\t' | cut -f2 >"$work/found" || true
	for text in "$@"; do
		grep -F -e "$text" "$work/found" >"$work/narrower" || return 1
		mv "$work/narrower" "$work/found"
	done
	[[ -s $work/found ]]
}
expect() { wait_for "$* has come" find_record "$@"; }

# reply THREAD OUTCOME: settles the ref of the record that was found.
reply() { send "$1" "{\"ref\":$(sed -n 's/.*"ref":\("[^"]*"\).*/\1/p' "$work/found" | head -1),$2}"; }

play_saga() {
	local booked=trip-kcat-a-$RANDOM$RANDOM failed=trip-kcat-b-$RANDOM$RANDOM kind
	send "$booked" 'new:{"customer":"Ada","city":"Lisbon"}'
	for kind in flight car hotel; do
		expect "$booked" reservations '"reserve"' "\"$kind\"" '"Lisbon"'
		reply "$booked" "\"value\":{\"id\":\"$kind-1\",\"price\":100}"
	done
	expect "$booked" workflow-result '"car":"car-1"' '"hotel":"hotel-1"' '"flight":"flight-1"' '"total":300'

	send "$failed" 'new:{"customer":"Bob","city":"Oslo"}'
	expect "$failed" reservations '"reserve"' '"car"'
	reply "$failed" '"value":{"id":"car-2","price":100}'
	expect "$failed" reservations '"reserve"' '"hotel"'
	reply "$failed" '"error":"no rooms"'
	expect "$failed" reservations '"withdraw"' '"flight"'
	expect "$failed" reservations '"cancel"' '"car-2"'
	reply "$failed" '"value":null'
	expect "$failed" workflow-error '"no rooms"'
}

if [[ -n $saga ]]; then
	feature 'trip-booking saga'
	play_saga
fi
feature 'produce and consume'

# kcat makes no topics; the broker does, of one partition or more, on demand. A
# group of two has something to share only if there are two partitions, so two
# topics are consumed.
suffix=$RANDOM$RANDOM
topics=("interop-kcat-a-$suffix" "interop-kcat-b-$suffix")

read_again() {
	local topic
	sort "$work/sent" -o "$work/sent"
	for topic in "${topics[@]}"; do
		timeout 60 kcat -q -b "$bootstrap" -C -t "$topic" -o beginning -e -f '%s\n' || fail "consume $topic"
	done | sort >"$work/consumed"
	cmp -s "$work/sent" "$work/consumed" || fail "$(wc -l <"$work/consumed") records consumed differ from the $(wc -l <"$work/sent") produced"
}

: >"$work/sent"
for codec in none gzip snappy lz4 zstd; do
	[[ $codec == none ]] || feature "codec $codec"
	for acks in 0 1 all; do
		for topic in "${topics[@]}"; do
			for i in {1..20}; do echo "k$i:$topic-$codec-$acks-$i"; done >"$work/input"
			kcat -q -b "$bootstrap" -P -t "$topic" -K: -z "$codec" -X "acks=$acks" "$work/input" -l || fail "produce $codec, acks=$acks"
			cut -d: -f2 "$work/input" >>"$work/sent"
		done
	done
	read_again
done
feature 'idempotent producer'
for topic in "${topics[@]}"; do
	for i in {1..500}; do echo "k$i:$topic-idempotent-$i"; done >"$work/input"
	kcat -q -b "$bootstrap" -P -t "$topic" -K: -X enable.idempotence=true "$work/input" -l || fail 'produce, idempotent'
	cut -d: -f2 "$work/input" >>"$work/sent"
done
read_again

# member NAME: a consumer whose records and assignments go to files.
member() {
	: >"$work/$1.log"
	kcat -b "$bootstrap" -G "interop-kcat-$suffix" -X auto.offset.reset=earliest -X session.timeout.ms=6000 \
		-X heartbeat.interval.ms=300 -X partition.assignment.strategy=roundrobin -u -f '%s\n' "${topics[@]}" \
		>"$work/$1.records" 2>"$work/$1.log" &
	members+=($!)
}

# assigned NAME: how many partitions the member's last assignment has.
assigned() { grep -o 'assigned: .*' "$work/$1.log" | tail -1 | grep -o '\[[0-9]*\]' | wc -l; }
records_are() { [[ $(cat "$work"/*.records | sort -u | wc -l) == "$1" ]]; }
has_all() { [[ $(assigned "$1") == "$partitions" ]]; }
share() { [[ $(assigned first) -lt $partitions && $(assigned second) -gt 0 && $(($(assigned first) + $(assigned second))) == "$partitions" ]]; }

feature 'groups: classic protocol'
partitions=0
for topic in "${topics[@]}"; do
	partitions=$((partitions + $(kcat -b "$bootstrap" -L -t "$topic" | grep -c '^    partition')))
done
total=$(wc -l <"$work/sent")
member first
wait_for 'the only member has all partitions' has_all first
wait_for 'the only member has all records' records_are "$total"
member second
wait_for 'two members share the partitions' share
for topic in "${topics[@]}"; do
	for i in {1..50}; do echo "k$i:$topic-shared-$i"; done >"$work/input"
	kcat -q -b "$bootstrap" -P -t "$topic" -K: "$work/input" -l
done
wait_for 'two members have all records' records_are $((total + 100))
kill -INT "${members[1]}"
wait_for 'the member that stays has all partitions' has_all first
