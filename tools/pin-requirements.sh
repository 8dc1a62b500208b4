#!/bin/sh
# Pin the dependencies with hashes, for every platform and without naming an index: sh tools/pin-requirements.sh BIN
set -eu
bin=$1
"$bin/python" -m pip install --quiet uv
pin="$bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11"
$pin --all-extras pyproject.toml requirements-build.in -o requirements.txt
$pin -c requirements.txt requirements-dev.in -o requirements-dev.txt
$pin requirements-home-assistant.in -o requirements-home-assistant.txt
