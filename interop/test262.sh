#!/usr/bin/env bash
# Runs the conformance suite of ECMAScript, test262, on rewritten code. Arguments go to the test.
#
#	interop/test262.sh                                           all of it that applies
#	interop/test262.sh -test262-every 5                          each fifth test
#	interop/test262.sh -test262-only 'statements/for-await-of'   those whose path matches
#
# Needs Go and apt-get. The suite comes from Debian's source package of SpiderMonkey, whose signed index is read with
# lists of our own, so that the system's stay as they are. It is kept in $KONT_INTEROP_CACHE, by default ~/.cache/kont-interop.
# With a checkout of the suite: TEST262=DIR interop/test262.sh
. "$(dirname "$0")/lib.sh"

release=bookworm package=mozjs78
suite=${TEST262:-$cache/test262-$package}

say() {
	printf '$ %s\n' "$*" >&2
	"$@"
}

fetch() {
	work=$(mktemp -d "$cache/test262.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	mkdir -p "$work/lists/partial"
	# Where this system gets Debian's packages from; nothing that Debian has not signed is taken.
	local uri keys=/usr/share/keyrings/debian-archive-keyring.gpg
	read -r uri < <(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Label: Debian') ||
		fail 'apt-get knows no archive of Debian: run apt-get update first, or set TEST262 to a checkout'
	printf 'deb-src %s %s %s main\n' "[signed-by=$keys]" "$uri" "$release" >"$work/sources.list"
	local apt=(apt-get -q -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/dev/null
		-o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work" -o APT::Sandbox::User=root)
	say "${apt[@]}" update
	(cd "$work" && say "${apt[@]}" source --download-only --tar-only "$package")
	say tar -xf "$work/$package"_*.orig.tar.* -C "$work" --strip-components=4 --wildcards '*/js/src/tests/test262/*'
	cat "$work/test262/GIT-INFO"
	(cd "$here/.." && say go run ./jsvm/internal/test262/reshape "$work/test262" "$work/checkout")
	# The last step, so that what is there is whole.
	rm -rf "$suite"
	mv "$work/checkout" "$suite"
}

if [[ -z ${TEST262:-} && ! -d $suite ]]; then
	fetch
fi
cd "$here/.."
say go test ./jsvm -run TestTest262 -count 1 -v -timeout 60m -test262 "$suite" "$@"
