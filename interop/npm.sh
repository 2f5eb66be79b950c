#!/usr/bin/env bash
# Installs the packages of demos/npm-packages from npm, at the versions of its lock file and in a directory of their own, and runs the demo's tests there.
. "$(dirname "$0")/lib.sh"

demo=$here/../demos/npm-packages
dir=$cache/npm-packages-$(sha256sum "$demo/package-lock.json" | cut -c1-12)
command -v npm >/dev/null || install nodejs npm
mkdir -p "$dir"
if [[ ! -e $dir/installed ]]; then
	cp "$demo/package.json" "$demo/package-lock.json" "$dir"
	npm ci --silent --ignore-scripts --no-audit --no-fund --prefix "$dir"
	touch "$dir/installed"
fi
rm -rf "$dir/packages"
(cd "$demo" && cp -r ./*.ts ./*.json packages "$dir")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$here/.." && CGO_ENABLED=0 go build -o "$work/kont" .)
timeout 600 "$work/kont" test --timeout 60s "$dir"
