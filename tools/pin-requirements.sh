#!/bin/sh
# Pin the dependencies with hashes, for every platform and without naming an index: sh tools/pin-requirements.sh BIN
set -eu
bin=$1
"$bin/python" -m pip install --quiet uv
pin="$bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11"
# Parquet's library is larger than all the rest: it is there for the tests, and for who asks for it.
$pin --extra postgres --extra prometheus --extra unusual pyproject.toml requirements-build.in -o requirements.txt
$pin -c requirements.txt --extra parquet pyproject.toml requirements-dev.in -o requirements-dev.txt
$pin requirements-home-assistant.in -o requirements-home-assistant.txt
