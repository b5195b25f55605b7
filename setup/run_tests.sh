#!/usr/bin/env bash
# Runs the tests of all packages whose pytest marker matches, and prints each package's time.
# run_tests.sh MARKER [OPTION OF COLCON TEST]...
set -uo pipefail
cd "$(dirname "$0")/.."
marker=$1
shift
# Test files run in parallel, one per core; packages with mostly time-critical tests change this in
# test/conftest.py. A test that fails runs once more, because many are time-critical on a shared
# machine; tests that ran twice are listed at the end.
OMP_NUM_THREADS=1 colcon test --base-paths src sim launch --executor sequential \
  --event-handlers console_direct+ desktop_notification- --return-code-on-test-failure --retest-until-pass 1 "$@" \
  --python-testing pytest --pytest-args \
  --numprocesses logical --maxprocesses 8 --dist loadscope --durations 10 --durations-min 10 -r fER \
  -m "$marker"
status=$?
colcon test-result
if colcon test-result | grep -q 'Summary: 0 tests'; then
  echo 'no test was run' >&2
  exit 1
fi
grep -h '^RERUN ' log/latest_test/*/stdout.log | sed 's/^RERUN/ran twice:/'
# Lines of the log: [seconds] (package) event: details
awk '$3 == "JobStarted:" {began[$2] = substr($1, 2)}
     $3 == "JobEnded:" {printf "%7.0f s  %s\n", substr($1, 2) - began[$2], substr($2, 2, length($2) - 2)}' \
  log/latest_test/events.log
exit $status
