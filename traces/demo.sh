#!/usr/bin/env bash
# demo.sh - what Mirage is for, in one run.
#
#   bash traces/demo.sh
#
# On a bare Debian 12 as root: installs what is missing, builds mirage-replay and
# mirage-train, learns waits from two months of the workload built into them, and
# lets all policies submit chains of jobs in the third.  Prints the comparison and
# writes mirage-demo.html, one file that any browser opens.  Needs no job log.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ $# -gt 0 ]; then
    sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0"
    exit 2
fi

# quietly WHAT COMMAND...: its output is shown only when it fails.
quietly() {
    local log
    log=$(mktemp)
    printf '%s ... ' "$1"
    shift
    if ! "$@" >"$log" 2>&1; then
        printf 'failed:\n'
        cat "$log"
        rm -f "$log"
        exit 1
    fi
    rm -f "$log"
    printf 'done\n'
}

build() {
    if [ ! -f build/release/CMakeCache.txt ]; then
        CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja} cmake --preset release
    fi
    cmake --build --preset release -j "$(nproc)" --target mirage-replay mirage-train
}

quietly 'installing what is missing' bash tests/install.sh build
quietly 'building mirage-replay and mirage-train' build

model=build/demo.model report=$PWD/mirage-demo.html split=2024-03-01
printf '\n$ build/release/mirage-train fit --to %s -o %s\n\n' "$split" "$model"
build/release/mirage-train fit --to "$split" --no-check --force -o "$model"

policies=()
for policy in reactive lead:hours=6 avg quantile qbets asa forest-q xgb-q lookahead; do
    policies+=(--policy "$policy")
done
printf '\n$ build/release/mirage-replay run --from %s --every 12h --model %s %s --report mirage-demo.html\n\n' \
    "$split" "$model" "${policies[*]}"
build/release/mirage-replay run --from "$split" --every 12h --model "$model" "${policies[@]}" \
    --report "$report"

cat <<END

What you see: a chain is one long computation cut into jobs that each fit the
cluster's time limit.  When a job ends before the next one has started, the
computation stands still: an interruption.  When the next one starts too early,
both hold nodes at once: an overlap.  "reactive" submits the next job when the
last one ends, as most people do, and waits in the queue each time.  The other
policies submit earlier, each with its own guess of the wait; "forest-q" and
"xgb-q" have learned it from the two months before, and "lookahead" plays out
possible futures of the queue as it is at each decision.  "clairvoyant" knows
the future: no policy can do better, and "gap" says how much of the way from
reactive to it each policy has come.  A cost is the interruption plus w times
the overlap, in hours for each link of a chain.

The same with pictures, a chain drawn as bars, and the futures of one decision:
  $report
END
