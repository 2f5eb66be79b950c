#!/usr/bin/env bash
# Runs franz-go's own tests, pkg/kgo and pkg/kadm, at the versions of go.mod: those that need a broker against a node that
# this starts. Prints a line for each test, and fails if one fails that is not in franz-go-suite/known-failures.txt.
#
#	interop/franz-go-suite.sh                    all of them
#	interop/franz-go-suite.sh -run 'TestTxn.*'   arguments go to go test, of kgo alone
#	KGO_TEST_RECORDS=500000 …                    as many records in each chain of groups and transactions as the author's own runs
#	interop/franz-go-suite.sh --bootstrap HOST:PORT …    against a listener that is there
. "$(dirname "$0")/lib.sh"
. "$here/node.sh"

# The author's default of 500,000 records takes most of an hour on two cores; the tests are the same with fewer.
export KGO_TEST_RECORDS=${KGO_TEST_RECORDS:-20000} KGO_TEST_RF=1 KGO_LOG_LEVEL=${KGO_LOG_LEVEL:-none}
bootstrap=''
if [[ ${1:-} == --bootstrap ]]; then
	bootstrap=${2:?--bootstrap needs HOST:PORT} && shift 2
fi

work=$(mktemp -d)
trap 'node_stop; chmod -R u+w "$work"; rm -rf "$work"' EXIT
if [[ -z $bootstrap ]]; then
	node_build
	node_start
	bootstrap=$node_kafka
fi
export KGO_SEEDS=$bootstrap

# suite MODULE PACKAGE FLAG...: the tests of a package of a module, copied from the module cache, where nothing can be written.
suite() {
	local module=$1 package=$2 dir name=${2:-$1}
	name=${name##*/}
	shift 2
	dir=$(cd "$here/.." && go list -m -f '{{.Dir}}' "$module")
	[[ -n $dir ]] || fail "go has no source of $module"
	cp -r "$dir" "$work/$name"
	chmod -R u+w "$work/$name"
	echo "$ go test -v ${*} $module${package:+/}$package, at $(basename "$dir")"
	(cd "$work/$name/$package" && GOFLAGS=-mod=mod go test -v -count 1 -timeout "${KGO_TEST_TIMEOUT:-30m}" "$@" .) >"$work/$name.out" 2>&1 || true
	# go test says nothing of a test that a panic or the limit of time has cut off.
	if ! grep -qE '^(ok|FAIL|PASS)' "$work/$name.out" || grep -qE '^panic: ' "$work/$name.out"; then
		tail -40 "$work/$name.out"
		fail "$module does not run to its end"
	fi
	suite_results "franz-go-$name" "$here/franz-go-suite/known-failures.txt" < <(sed -nE 's/^ *--- (PASS|FAIL|SKIP): ([^ ]+) .*/\1 \2/p' "$work/$name.out")
}

failed=0
suite github.com/twmb/franz-go pkg/kgo -parallel 4 "$@" || failed=1
if ((failed)); then
	# The first words of each failure.
	grep -E -A6 '^ +--- FAIL|^--- FAIL' "$work/kgo.out" | head -150
	node_log
fi
if ! (($#)); then
	suite github.com/twmb/franz-go/pkg/kadm '' || failed=1
fi
exit "$failed"
