#!/usr/bin/env bash
# programs.sh - every tests/lab/test_*.c inside a running cluster, in real time.
set -uo pipefail
cd "$(dirname "$0")/../.." && . tests/lab/lab.bash
lab_can_run || exit 77
LAB_MIN_JOB_AGE=60 # what is purged is looked at, too
lab_start || exit 77 # no cluster, no test: said as skipped
failed=0
chmod 777 "$LAB/jobs"
for program in "$BUILD"/tests/lab_test_*; do
    [ -x "$program" ] || continue
    echo "== ${program##*/}"
    (cd "$LAB/jobs" && "$program" "$LAB/jobs") || { echo "FAIL: ${program##*/}"; failed=1; }
done
lab_stop || failed=1
exit $failed
