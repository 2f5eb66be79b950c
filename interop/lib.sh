# Sourced by the scripts of this directory: arguments, and where clients are kept.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Clients are installed here once and used again.
cache=${KONT_INTEROP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kont-interop}
mkdir -p "$cache"

fail() {
	printf 'FAIL %s: %s\n' "$(basename "$0" .sh)" "$*" >&2
	exit 1
}

# install PACKAGE...: from Debian. What it says is shown only if it fails.
install() {
	local said
	said=$(apt-get update -qq 2>&1 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" 2>&1) || {
		tail -5 <<<"$said" >&2
		fail "apt-get cannot install $*"
	}
}

# Clients that more than one script runs: each of these fetches its client once, and says where it is.

# confluent_kafka: from PyPI in a virtual environment; sets confluent_python.
confluent_kafka() {
	local version=2.16.1 venv
	venv=$cache/confluent-kafka-$version
	if [[ ! -e $venv/installed ]]; then
		python3 -c 'import ensurepip' 2>/dev/null || install python3-venv
		python3 -m venv "$venv"
		"$venv/bin/pip" install --quiet --disable-pip-version-check "confluent-kafka==$version"
		touch "$venv/installed"
	fi
	confluent_python=$venv/bin/python
}

# kafkajs: from npm in a directory of its own; sets KAFKAJS_DIR, for the client.
kafkajs() {
	local version=2.2.4
	export KAFKAJS_DIR=$cache/kafkajs-$version
	command -v npm >/dev/null || install nodejs npm
	if [[ ! -e $KAFKAJS_DIR/installed ]]; then
		mkdir -p "$KAFKAJS_DIR"
		npm install --silent --no-audit --no-fund --prefix "$KAFKAJS_DIR" "kafkajs@$version"
		touch "$KAFKAJS_DIR/installed"
	fi
}

# parse_arguments --bootstrap HOST:PORT [--saga]: sets bootstrap and saga.
parse_arguments() {
	bootstrap='' saga=''
	while (($#)); do
		case $1 in
		--bootstrap) bootstrap=${2:?--bootstrap needs HOST:PORT} && shift 2 ;;
		--saga) saga=--saga && shift ;;
		*) printf 'usage: %s --bootstrap HOST:PORT [--saga]\n' "$0" >&2 && exit 2 ;;
		esac
	done
	[[ -n $bootstrap ]] || { printf 'usage: %s --bootstrap HOST:PORT [--saga]\n' "$0" >&2 && exit 2; }
}

# What the table in docs/kafka-compatibility.md is made of: a file for each client, a line for each feature or test of it.
results=${KONT_INTEROP_RESULTS:-$cache/results}

# suite_results SUITE KNOWN-FAILURES: reads lines of PASS, FAIL or SKIP and a test's name; writes them, with the reasons for
# known failures, to the suite's file of results and shows them. Fails on a failure that is not known and on a known one that
# passes, unless its reason begins with "sometimes".
suite_results() {
	local suite=$1 known=$2
	mkdir -p "$results"
	awk -v OFS='\t' -v suite="$suite" -v known="$known" '
		FILENAME == known {
			if ($0 ~ /^#/ || !NF) next
			name = $1; sub(/^[^ \t]+[ \t]*/, ""); reason[name] = $0
			next
		}
		# One that failed and then passed when it was tried again has failed.
		{ name = $2; if (!(name in status)) order[++tests] = name; if (status[name] != "FAIL") status[name] = $1 }
		END {
			for (i = 1; i <= tests; i++) {
				name = order[i]; said = status[name]; why = ""
				if (name in reason) {
					why = reason[name]
					if (said == "FAIL") said = "KNOWN"
					else if (said == "PASS" && why !~ /^sometimes/) { said = "FAIL"; why = "passes, but is listed as a known failure" }
				}
				count[said]++
				print said, name, (said == "PASS" ? "" : why)
			}
			printf "%s: %d passed, %d failed, %d known failures, %d skipped\n", suite, count["PASS"], count["FAIL"], count["KNOWN"], count["SKIP"] > "/dev/stderr"
			exit count["FAIL"] > 0 || tests == 0
		}' "$known" - >"$results/$suite.suite.tsv" && local status=0 || local status=1
	grep -v '^SKIP' "$results/$suite.suite.tsv" | sed 's/^/  /'
	return "$status"
}

# Features, one after the other, in a script that checks them itself:
#
#	feature_client NAME     the client whose they are
#	feature NAME            what follows belongs to this feature, a row of the table
#	broken CLAIM...         it does not hold; the script goes on
#	features_end            writes the client's file of results; fails if a feature is broken
#
# A client in another language prints the same to standard output, "FEATURE NAME" before and "BROKEN CLAIM" for what
# does not hold, and is run by features_of CLIENT COMMAND...; one that ends with an error has broken the feature that it was at.

feature_client() {
	client=$1
	mkdir -p "$results"
	said_features=$results/.$client.$$
	: >"$said_features"
}

feature() { echo "FEATURE $*" | tee -a "$said_features"; }
broken() { echo "BROKEN $*" | tr '\n' ' ' | tee -a "$said_features" && echo >>"$said_features" && echo; }

features_end() {
	awk -v OFS='\t' '
		$1 == "FEATURE" { sub(/^FEATURE /, ""); name = $0; if (!(name in why)) { why[name] = ""; order[++features] = name } }
		$1 == "BROKEN" { sub(/^BROKEN /, ""); gsub(/\t/, " "); if (why[name] == "") why[name] = $0; }
		END {
			for (i = 1; i <= features; i++) {
				name = order[i]; if (why[name] != "") failed++
				print (why[name] == "" ? "PASS" : "FAIL"), name, why[name]
			}
			exit failed > 0 || features == 0
		}' "$said_features" >"$results/$client.features.tsv" && local status=0 || local status=1
	rm -f "$said_features"
	echo "$client:"
	sed 's/^/  /' "$results/$client.features.tsv"
	return "$status"
}

features_of() {
	feature_client "$1"
	shift
	local status=0
	"$@" | tee -a "$said_features" || status=${PIPESTATUS[0]}
	# A status that has been explained is no news, and not of the last feature.
	((status == 0)) || grep -q '^BROKEN' "$said_features" || broken "ended with status $status"
	features_end
}
