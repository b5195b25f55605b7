#!/usr/bin/env bash
# Resolves requirements.in for Python 3.10 to 3.12 into requirements.lock, and conformance.in for
# Linux, x86-64 and Python 3.12 into conformance.lock, and docs.in for Python 3.11 and newer into
# docs.lock, with the hash of every file.
set -euo pipefail
cd "$(dirname "$0")"
uv pip compile --universal --python-version 3.10 --generate-hashes --no-annotate --quiet \
  --override overrides.txt --custom-compile-command "make lock" requirements.in -o requirements.lock
version=$(sed -n 's/^torch==\([^ ]*\).*/\1/p' requirements.in)
while read -r hash; do
  grep -q -- "$hash" requirements.lock || sed -i "s|^torch==$version \\\\|&\n    $hash \\\\|" requirements.lock
done < <(grep -v '^#' torch-cpu.hashes)
uv pip compile --python-version 3.12 --python-platform x86_64-manylinux_2_28 --generate-hashes --no-annotate \
  --quiet --custom-compile-command "make lock" conformance.in -o conformance.lock
uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --quiet \
  --custom-compile-command "make lock" docs.in -o docs.lock
