#!/usr/bin/env bash
# Resolves requirements.in, peers.in and franka-sim.in for Python 3.10 to 3.12, conformance.in for
# Linux, x86-64 and Python 3.12, and docs.in for Python 3.11 and newer into the .lock file of each,
# with the hash of every file.
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
uv pip compile --universal --python-version 3.10 --generate-hashes --no-annotate --quiet \
  --override peers-overrides.txt --no-emit-package torch --custom-compile-command "make lock" \
  peers.in -o peers.lock
uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --quiet \
  --custom-compile-command "make lock" docs.in -o docs.lock
uv pip compile --universal --python-version 3.10 --generate-hashes --no-annotate --quiet \
  --custom-compile-command "make lock" franka-sim.in -o franka-sim.lock
