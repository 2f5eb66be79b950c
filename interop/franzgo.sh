#!/usr/bin/env bash
# Runs franz-go, at the version of go.mod, against a listener.
. "$(dirname "$0")/lib.sh"
parse_arguments "$@"

cd "$here/.."
features_of franz-go go test -v -count 1 ./interop/franzgo -args -bootstrap "$bootstrap" ${saga:+-saga}
