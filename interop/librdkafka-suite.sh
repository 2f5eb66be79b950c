#!/usr/bin/env bash
# Builds librdkafka and its tests from Debian's source package, and runs those that need a broker against a node that this
# starts. Prints a line for each, and fails if one fails that is not in librdkafka-suite/known-failures.txt.
#
#	interop/librdkafka-suite.sh                    all that need a broker, in the author's quick mode
#	TESTS=0103 interop/librdkafka-suite.sh         those whose number or name begins so
#	interop/librdkafka-suite.sh --quick            a few that cover most, in three minutes
#	NODES=3 interop/librdkafka-suite.sh            against a cluster; --quick may follow
#	interop/librdkafka-suite.sh --bootstrap HOST:PORT    against a listener that is there
#
# Topics of some tests have one replica instead of three, since the node is alone, and those of 0077_compaction segments of 1 MiB, since the tools of
# Kafka 4 refuse to ask for less. 0103_transactions gives a request that is to time out no time, instead of a millisecond, which can be enough. That is
# all that is changed in them.
# Tests that use Apache Kafka's scripts get the tools from Maven Central in their place. Those that need what the author's
# own cluster manager sets up (TLS, SASL, brokers that come and go) say so in the list.
. "$(dirname "$0")/lib.sh"
. "$here/node.sh"
. "$here/apache-kafka.sh"

version=2.8.0 release=trixie

fetch() {
	command -v g++ >/dev/null && command -v make >/dev/null && [[ -e /usr/include/openssl/ssl.h && -e /usr/include/zlib.h && -e /usr/include/rapidjson/schema.h ]] ||
		install g++ make libssl-dev zlib1g-dev libcurl4-openssl-dev rapidjson-dev
	local dir uri keys=/usr/share/keyrings/debian-archive-keyring.gpg
	dir=$(mktemp -d "$cache/librdkafka.XXXXXX")
	mkdir -p "$dir/lists/partial"
	# Where this system gets Debian's packages from; nothing that Debian has not signed is taken, and the system's lists stay as they are.
	read -r uri < <(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Label: Debian') ||
		fail 'apt-get knows no archive of Debian: run apt-get update first'
	printf 'deb-src [signed-by=%s] %s %s main\n' "$keys" "$uri" "$release" >"$dir/sources.list"
	local apt=(apt-get -q -q -o "Dir::Etc::sourcelist=$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null
		-o "Dir::State::lists=$dir/lists" -o "Dir::Cache=$dir" -o APT::Sandbox::User=root)
	"${apt[@]}" update
	(cd "$dir" && "${apt[@]}" source --download-only --tar-only librdkafka)
	tar -xf "$dir/librdkafka_$version.orig.tar.gz" -C "$dir"
	(cd "$dir/librdkafka-$version/tests" && sed -i 's/, 3, 5000)/, 1, 5000)/; s/topic.c_str(), 1, 3)/topic.c_str(), 1, 1)/' \
		0098-consumer-txn.cpp 0103-transactions.c 0107-topic_recreate.c 0111-delay_create_topics.cpp &&
		sed -i 's/segment.bytes=10000/segment.bytes=1048576/' 0077-compaction.c &&
		sed -i 's/rd_kafka_init_transactions(p, 1);/rd_kafka_init_transactions(p, 0);/' 0103-transactions.c)
	(cd "$dir/librdkafka-$version" && ./configure --disable-gssapi && grep -q '^WITH_RAPIDJSON=[[:space:]]*y' Makefile.config && make -j"$(nproc)" libs && make -j"$(nproc)" -C tests test-runner) >"$dir/build.log" 2>&1 ||
		{ tail -20 "$dir/build.log" >&2 && fail "librdkafka $version cannot be built"; }
	# The last step, so that what is there is whole.
	rm -rf "$source"
	mv "$dir/librdkafka-$version" "$source"
	rm -rf "$dir"
}
# Named for how it is built, so that another way to build it is another copy.
source=$cache/librdkafka-$version-$(declare -f fetch | sha256sum | cut -c1-12)
[[ -e $source/tests/test-runner ]] || fetch
kafka_jars
[[ -e $source/tests/java/TransactionProducerCli.class ]] || javac -cp "$kafka_classpath" "$source"/tests/java/*.java

work=$(mktemp -d)
trap 'node_stop; rm -rf "$work"' EXIT
if [[ ${1:-} == --quick ]]; then
	export TESTS=0017,0030,0054,0090,0101,0102,0103,0107,0112,0113,0129,0140
	shift
fi
if [[ ${1:-} == --bootstrap ]]; then
	bootstrap=${2:?--bootstrap needs HOST:PORT}
else
	node_build
	open='--authorizer --allow-everyone-if-no-acl-found'
	# Its topics come into being with four partitions, as in the author's clusters. Nobody is a super user: tests deny their own client what they ask for.
	node_start --topic-partitions 4 ${NODE_FLAGS-$open}
	bootstrap=$node_kafka
fi

# What the tests call scripts of a distribution of Apache Kafka.
mkdir -p "$work/distribution/bin" "$work/tests"
script() {
	cat >"$work/distribution/bin/$1.sh" <<-SCRIPT
		#!/usr/bin/env bash
		exec java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "\${CLASSPATH:+\$CLASSPATH:}$kafka_classpath" $2 "\$@"
	SCRIPT
	chmod +x "$work/distribution/bin/$1.sh"
}
script kafka-topics org.apache.kafka.tools.TopicCommand
script kafka-acls org.apache.kafka.tools.AclCommand
script kafka-configs kafka.admin.ConfigCommand
# The caller names the class.
script kafka-run-class ''

# The tests write beside themselves; what they read there is linked, and what make reads, which they ask whether Java classes are there.
ln -s "$source"/tests/* "$work/tests"
ln -s "$source/src" "$source/src-cpp" "$source/Makefile.config" "$source/mklove" "$work"
# Twice the time for everything: a machine of two cores runs node, tests and tools.
configure() {
	printf 'bootstrap.servers=%s\ntest.timeout.multiplier=2\n' "$bootstrap" >"$work/tests/test.conf"
	export BROKERS=$bootstrap
}
configure
export KAFKA_PATH=$work/distribution TEST_KAFKA_VERSION=4.1.0 LD_LIBRARY_PATH=$source/src:$source/src-cpp
# runner REPORT ARGUMENT...: -L leaves out what needs no broker, -Q is the quick mode; one at a time, since some measure time. A test of which
# a thread outlives it ends the program in the end, when all is reported.
runner() {
	local report=$1
	shift
	echo "$ ${TESTS:+TESTS=$TESTS }test-runner -L -Q -p1${*:+ $*}, librdkafka $version"
	(cd "$work/tests" && TEST_REPORT=$report timeout "${LIMIT:-2400}" ./test-runner -L -Q -p1 "$@") >>"$work/tests.out" 2>&1 || true
	[[ -s $report ]] || { tail -30 "$work/tests.out" && node_log && fail 'the tests do not run to their end'; }
}
# report_lines REPORT: lines of PASS, FAIL or SKIP and a name. What was left out for its flags needs no broker, or a person.
report_lines() {
	grep -oE '"name": "[0-9][^"]*", "state": "[A-Z]+", "known_issue": [a-z]+, "extra": "[^"]*' "$1" | grep -v '"extra": "Filtered' |
		sed -E 's/"name": "(.*)", "state": "(PASS|FAIL|SKIP).*/\2 \1/'
}
runner "$work/report.json"
report_lines "$work/report.json" >"$work/results"
if [[ -n $node_pid ]]; then
	# The author's other kind of cluster: topics are made by administrators only. Of those that need it there are a few.
	node_stop
	node_start --topic-partitions 4 --auto-create-topics=false ${NODE_FLAGS-$open}
	runner "$work/noautocreate.json" -s noautocreate
	report_lines "$work/noautocreate.json" | grep -v '^SKIP' >>"$work/results" || true
	# And one test wants replicas in racks of their own.
	if ((nodes == 1)) && [[ ,${TESTS:-0101}, == *,0101,* ]]; then
		node_stop
		rm -rf "$work/data" && nodes=3 node_kafka=127.0.0.1:0 node_http=127.0.0.1:0
		node_start --topic-partitions 4 ${NODE_FLAGS-$open}
		bootstrap=$node_kafka
		configure
		TESTS=0101 runner "$work/racks.json"
		sed -i '/ 0101_/d' "$work/results"
		report_lines "$work/racks.json" | grep ' 0101_' >>"$work/results"
	fi
fi

failed=0
# What was chosen says nothing of the rest, and is not for the table.
suite_results "librdkafka${TESTS:+-selection}" "$here/librdkafka-suite/known-failures.txt" <"$work/results" || failed=1
if ((failed)); then
	sed 's/\x1b\[[0-9;]*m//g' "$work/tests.out" | grep -aE '^ *### Test|^ *\|.*FAILED' | cut -c1-300
	node_log
fi
exit "$failed"
