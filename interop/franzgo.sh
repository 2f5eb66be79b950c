#!/usr/bin/env bash
# Runs franz-go, at the version of go.mod, against a listener.
. "$(dirname "$0")/lib.sh"
parse_arguments "$@"

cd "$here/.."
exec go test ./interop/franzgo -count 1 -args -bootstrap "$bootstrap" ${saga:+-saga}
