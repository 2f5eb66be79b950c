# Sourced after lib.sh by what needs a node of its own: builds kont, starts it with an empty data directory on free
# ports, kills and restarts it on the same ones.
#
#	node_build               into $work/kont, or takes $KONT as it is
#	node_start [FLAG...]     sets node_kafka, node_http and node_pid; the second time it goes on with its data and ports
#	                         (node_listeners: settings of listeners in the place of --kafka-listen; node_kafka is the first one's address)
#	node_authorizer          prints flags with which ACLs can be made
#	node_kill                kill -9, and waits until it is gone; of a cluster the node that leads
#	node_stop                what SIGTERM does, and waits
#	node_log                 what it wrote last, if anything, for a failure's report
#
# With NODES=3 in the environment, which clients see too, they are a cluster of three, in racks RACK1 to RACK3: node_start starts those that don't run.
# The second leads at first, and clients are given the address of the first.
#
# $work must be a directory of the script's own, which it removes after node_stop.

nodes=${NODES:-1}
node_pid='' node_kafka=127.0.0.1:0 node_http=127.0.0.1:0 node_listeners=()
# By the nodes' numbers: the processes, and the addresses of all but the first.
node_pids=() node_kafkas=() node_https=()

node_build() {
	kont=${KONT:-$work/kont}
	[[ -n ${KONT:-} ]] || (cd "$here/.." && CGO_ENABLED=0 go build -o "$work/kont" .)
}

# node_said FILE KEY: what a node's first line has there.
node_said() { sed -n "s/.*\"$2\":\"\([^\"]*\)\".*/\1/p" "$1"; }

# node_address KEY: of the first node, a listener's by its name.
node_address() { node_said "$work/data.addresses" "$1"; }

# node_data ID: its data directory.
node_data() { echo "$work/data${1#1}"; }

# node_process ID FLAG...: starts the process of a node.
node_process() {
	local id=$1 data listen=(--kafka-listen "${node_kafkas[$1]}") listener
	data=$(node_data "$id")
	shift
	((!${#node_listeners[@]})) || listen=()
	for listener in "${node_listeners[@]}"; do
		listen+=(--listener "$listener")
	done
	((nodes == 1)) || listen+=(--node-id "$id" --rack "RACK$id" --raft-addr "$node_raft_host:$((7000 + id))" --peers "$node_peers")
	: >"$data.addresses"
	env -u KONT_INTEROP_RESULTS -u KONT_INTEROP_CACHE "$kont" serve --data "$data" "${listen[@]}" --http-listen "${node_https[id]}" -o json "$@" \
		>"$data.addresses" 2>>"$work/node.log" &
	node_pids[id]=$!
}

# node_await ID: until the process has said where it listens.
node_await() {
	local deadline=$((SECONDS + 60)) said
	said=$(node_data "$1").addresses
	until [[ -s $said ]]; do
		if ! kill -0 "${node_pids[$1]}" 2>/dev/null || ((SECONDS > deadline)); then
			node_log
			fail 'kont serve does not start'
		fi
		sleep 0.05
	done
	node_kafkas[$1]=$(node_said "$said" kafka) node_https[$1]=$(node_said "$said" http)
}

node_start() {
	local id peers=() is_new=''
	if ((nodes > 1)) && [[ -z ${node_peers:-} ]]; then
		is_new=1
		# A host of loopback that nobody else is likely to have, since nodes must know each other's ports beforehand.
		node_raft_host=127.$((RANDOM % 254 + 1)).$((RANDOM % 256)).$((RANDOM % 254 + 1))
		for ((id = 1; id <= nodes; id++)); do
			peers+=("$id=$node_raft_host:$((7000 + id))")
		done
		node_peers=$(IFS=, && echo "${peers[*]}")
	fi
	node_kafkas[1]=$node_kafka node_https[1]=$node_http
	for ((id = 1; id <= nodes; id++)); do
		node_kafkas[id]=${node_kafkas[id]:-127.0.0.1:0} node_https[id]=${node_https[id]:-127.0.0.1:0}
		[[ -n ${node_pids[id]:-} ]] || node_process "$id" "$@"
	done
	for ((id = 1; id <= nodes; id++)); do
		node_await "$id"
	done
	node_pid=${node_pids[1]} node_kafka=${node_kafkas[1]} node_http=${node_https[1]}
	((nodes == 1)) || node_cluster wait-ready --nodes "$nodes"
	if [[ -n $is_new ]]; then
		# Or clients would never see another node than the one whose address they are given.
		node_cluster transfer-leader 2
		node_cluster wait-ready --nodes "$nodes"
	fi
}

# node_cluster COMMAND...: of `kont cluster`, asked of a node that runs.
node_cluster() {
	local id=1
	until [[ -n ${node_pids[id]:-} ]]; do
		id=$((id + 1))
	done
	"$kont" cluster "$@" --server "${node_https[id]}" >"$work/cluster"
}

# Flags of an authorizer that lets clients which have not logged in do everything, so that ACLs can be made.
node_authorizer() {
	echo '--authorizer --super-users User:ANONYMOUS'
}

# node_end SIGNAL ID...: sends it to processes, and waits until they are gone.
node_end() {
	local signal=$1 id
	shift
	for id in "$@"; do
		kill "$signal" "${node_pids[id]}" 2>/dev/null || true
	done
	for id in "$@"; do
		# Bash tells of a killed job on standard error.
		wait "${node_pids[id]}" 2>/dev/null || true
		unset "node_pids[id]"
	done
	node_pid=${node_pids[1]:-}
}
node_kill() {
	local leader=1
	if ((nodes > 1)); then
		node_cluster status -o json
		leader=$(sed -n 's/.*"leader_id": *\([0-9]*\).*/\1/p' "$work/cluster")
	fi
	node_end -KILL "$leader"
}
node_stop() { node_end -TERM "${!node_pids[@]}"; }
node_log() { [[ ! -s $work/node.log ]] || { echo 'the node wrote:' && tail -20 "$work/node.log"; } >&2; }
