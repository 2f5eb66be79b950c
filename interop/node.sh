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
# With NODES=3 in the environment, which clients see too, they are a cluster of three, in racks RACK1 to RACK3: all are started, killed and stopped together.
# The second leads, and clients are given the address of the first.
#
# $work must be a directory of the script's own, which it removes after node_stop.

nodes=${NODES:-1}
node_pid='' node_kafka=127.0.0.1:0 node_http=127.0.0.1:0 node_listeners=()
# Of node 2 and those after it, by their numbers.
follower_pids=() follower_kafka=() follower_http=()

node_build() {
	kont=${KONT:-$work/kont}
	[[ -n ${KONT:-} ]] || (cd "$here/.." && CGO_ENABLED=0 go build -o "$work/kont" .)
}

# node_said FILE KEY: what a node's first line has there.
node_said() { sed -n "s/.*\"$2\":\"\([^\"]*\)\".*/\1/p" "$1"; }

# node_address KEY: of the first node, a listener's by its name.
node_address() { node_said "$work/data.addresses" "$1"; }

# node_process ID DATA KAFKA HTTP FLAG...: starts a process, $! is its id.
node_process() {
	local id=$1 data=$2 http=$4 listen=(--kafka-listen "$3") listener
	shift 4
	((!${#node_listeners[@]})) || listen=()
	for listener in "${node_listeners[@]}"; do
		listen+=(--listener "$listener")
	done
	((nodes == 1)) || listen+=(--node-id "$id" --rack "RACK$id" --raft-addr "$node_raft_host:$((7000 + id))" --peers "$node_peers")
	: >"$data.addresses"
	env -u KONT_INTEROP_RESULTS -u KONT_INTEROP_CACHE "$kont" serve --data "$data" "${listen[@]}" --http-listen "$http" -o json "$@" \
		>"$data.addresses" 2>>"$work/node.log" &
}

# node_await PID DATA: until the process has said where it listens.
node_await() {
	local deadline=$((SECONDS + 60))
	until [[ -s $2.addresses ]]; do
		if ! kill -0 "$1" 2>/dev/null || ((SECONDS > deadline)); then
			node_log
			fail 'kont serve does not start'
		fi
		sleep 0.05
	done
}

node_start() {
	local id
	if ((nodes > 1)) && [[ -z ${node_peers:-} ]]; then
		# A host of loopback that nobody else is likely to have, since nodes must know each other's ports beforehand.
		node_raft_host=127.$((RANDOM % 254 + 1)).$((RANDOM % 256)).$((RANDOM % 254 + 1))
		node_peers=$(for ((id = 1; id <= nodes; id++)); do printf '%s%d=%s:%d' "${comma:-}" "$id" "$node_raft_host" $((7000 + id)) && comma=,; done)
	fi
	node_process 1 "$work/data" "$node_kafka" "$node_http" "$@"
	node_pid=$!
	for ((id = 2; id <= nodes; id++)); do
		node_process "$id" "$work/data$id" "${follower_kafka[id]:-127.0.0.1:0}" "${follower_http[id]:-127.0.0.1:0}" "$@"
		follower_pids[id]=$!
	done
	node_await "$node_pid" "$work/data"
	node_kafka=$(node_said "$work/data.addresses" kafka) node_http=$(node_said "$work/data.addresses" http)
	for ((id = 2; id <= nodes; id++)); do
		node_await "${follower_pids[id]}" "$work/data$id"
		follower_kafka[id]=$(node_said "$work/data$id.addresses" kafka) follower_http[id]=$(node_said "$work/data$id.addresses" http)
	done
	if ((nodes > 1)); then
		"$kont" cluster wait-ready --nodes "$nodes" --server "$node_http" >/dev/null
		"$kont" cluster transfer-leader 2 --server "$node_http" >/dev/null # or clients would never see another node
		"$kont" cluster wait-ready --nodes "$nodes" --server "$node_http" >/dev/null
	fi
}

# Flags of an authorizer that lets clients which have not logged in do everything, so that ACLs can be made.
node_authorizer() {
	echo '--authorizer --super-users User:ANONYMOUS'
}

node_end() {
	[[ -n $node_pid ]] || return 0
	kill "$1" "$node_pid" "${follower_pids[@]}" 2>/dev/null || true
	# Bash tells of a killed job on standard error.
	wait "$node_pid" "${follower_pids[@]}" 2>/dev/null || true
	node_pid='' follower_pids=()
}
node_kill() { node_end -KILL; }
node_stop() { node_end -TERM; }
node_log() { [[ ! -s $work/node.log ]] || { echo 'the node wrote:' && tail -20 "$work/node.log"; } >&2; }
