# Sourced after lib.sh by what needs a node of its own: builds kont, starts it with an empty data directory on free
# ports, kills and restarts it on the same ones.
#
#	node_build               into $work/kont, or takes $KONT as it is
#	node_start [FLAG...]     sets node_kafka, node_http and node_pid; the second time it goes on with its data and ports
#	                         (node_listeners: settings of listeners in the place of --kafka-listen; node_kafka is the first one's address)
#	node_authorizer          prints flags with which ACLs can be made
#	node_kill                kill -9, and waits until it is gone
#	node_stop                what SIGTERM does, and waits
#	node_log                 what it wrote last, if anything, for a failure's report
#
# $work must be a directory of the script's own, which it removes after node_stop.

node_pid='' node_kafka=127.0.0.1:0 node_http=127.0.0.1:0 node_listeners=()

node_build() {
	kont=${KONT:-$work/kont}
	[[ -n ${KONT:-} ]] || (cd "$here/.." && CGO_ENABLED=0 go build -o "$work/kont" .)
}

node_address() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$work/addresses"; }

node_start() {
	: >"$work/addresses"
	local listen=(--kafka-listen "$node_kafka") listener
	((!${#node_listeners[@]})) || listen=()
	for listener in "${node_listeners[@]}"; do
		listen+=(--listener "$listener")
	done
	env -u KONT_INTEROP_RESULTS -u KONT_INTEROP_CACHE "$kont" serve --data "$work/data" "${listen[@]}" --http-listen "$node_http" -o json "$@" \
		>"$work/addresses" 2>>"$work/node.log" &
	node_pid=$!
	local deadline=$((SECONDS + 60))
	until [[ -s $work/addresses ]]; do
		if ! kill -0 "$node_pid" 2>/dev/null || ((SECONDS > deadline)); then
			node_log
			fail 'kont serve does not start'
		fi
		sleep 0.05
	done
	node_kafka=$(node_address kafka) node_http=$(node_address http)
}

# Flags of an authorizer that lets clients which have not logged in do everything, so that ACLs can be made.
node_authorizer() {
	echo '--authorizer --super-users User:ANONYMOUS'
}

node_end() {
	[[ -n $node_pid ]] || return 0
	kill "$1" "$node_pid" 2>/dev/null || true
	# Bash tells of a killed job on standard error.
	wait "$node_pid" 2>/dev/null || true
	node_pid=''
}
node_kill() { node_end -KILL; }
node_stop() { node_end -TERM; }
node_log() { [[ ! -s $work/node.log ]] || { echo 'the node wrote:' && tail -20 "$work/node.log"; } >&2; }
