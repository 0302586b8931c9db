#!/usr/bin/env bash
# Run tests of the core without extras, in temporary environments with the lowest versions that
# pyproject.toml allows, and with the newest protobuf. Takes a minute or two.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=${PYTHON:-.venv/bin/python}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

run() {  # packages, then --, then tests
    local packages=()
    while [ "$1" != -- ]; do packages+=("$1"); shift; done
    shift
    "$python" -m venv --clear "$scratch"
    "$scratch/bin/python" -m pip install --quiet --disable-pip-version-check \
        "${packages[@]}" hypothesis pytest
    "$scratch/bin/python" -c 'import click, google.protobuf as p; print("protobuf", p.__version__)'
    PYTHONPATH=. "$scratch/bin/python" -m pytest --quiet -p no:cacheprovider \
        -m "not caffe" "$@"
}

mapfile -t lowest < <("$python" tools/bounds/lowest.py)
run "${lowest[@]}" -- \
    tests/prototxt/test_acceptance.py tests/surgery/core/test_judge.py \
    tests/surgery/core/test_gate.py tests/surgery/verbs \
    tests/caffe/messages/test_schema.py tests/caffe/weights/test_weights.py \
    tests/cli/test_patch_options.py tests/cli/test_deploy.py tests/cli/test_diff.py
run protobuf numpy click rich tomlkit lmdb -- \
    tests/caffe/messages/test_schema.py tests/caffe/weights/test_weights.py
