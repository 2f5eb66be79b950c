#!/usr/bin/env bash
# Runs confluent-kafka, from PyPI in a virtual environment, against a listener.
. "$(dirname "$0")/lib.sh"
parse_arguments "$@"

version=2.16.1
venv=$cache/confluent-kafka-$version
if [[ ! -e $venv/installed ]]; then
	python3 -c 'import ensurepip' 2>/dev/null || install python3-venv
	python3 -m venv "$venv"
	"$venv/bin/pip" install --quiet --disable-pip-version-check "confluent-kafka==$version"
	touch "$venv/installed"
fi
features_of confluent-kafka "$venv/bin/python" "$here/confluent-kafka/client.py" --bootstrap "$bootstrap" $saga
