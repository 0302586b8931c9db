#!/usr/bin/env bash
# Run the tests of the code that uses protobuf with the oldest and the newest protobuf that
# pyproject.toml allows, each in a temporary environment. Takes about a minute.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=${PYTHON:-.venv/bin/python}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# 4.21.1 is the first release of 4.21.
for protobuf in 'protobuf==4.21.1' 'protobuf'; do
    "$python" -m venv --clear "$scratch"
    "$scratch/bin/python" -m pip install --quiet --disable-pip-version-check \
        "$protobuf" numpy pytest
    "$scratch/bin/python" -c 'from google import protobuf; print("protobuf", protobuf.__version__)'
    PYTHONPATH=. "$scratch/bin/python" -m pytest --quiet --noconftest -p no:cacheprovider -m "not caffe" \
        tests/caffe/messages/test_schema.py tests/caffe/weights/test_weights.py
done
