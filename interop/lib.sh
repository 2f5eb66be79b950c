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
