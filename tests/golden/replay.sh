#!/usr/bin/env bash
# replay.sh - what mirage-replay prints for a small generated log, held against what it printed.
# SPDX-License-Identifier: GPL-3.0-or-later
#
#   MIR_REGENERATE=1 MIRAGE_REPLAY=build/release/mirage-replay bash tests/golden/replay.sh
#
# writes the expected files anew; the diff is reviewed like any other.
set -euo pipefail

replay=$(realpath "${MIRAGE_REPLAY:?the program to test}")
golden=$(cd "$(dirname "$0")" && pwd)/replay
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

mkdir -p "$golden"
"$replay" generate --days 21 --seed 3 -q -o log.csv

run=(run log.csv --every 7h --chain "nodes=2,limit=24h,links=2")
policies=(--policy lead:hours=6 --policy avg --policy quantile --policy asa)
"$replay" "${run[@]}" "${policies[@]}" -q >run.txt
"$replay" "${run[@]}" "${policies[@]}" --csv -q >run.csv
"$replay" "${run[@]}" "${policies[@]}" --protocol cold -q >run-cold.txt
"$replay" run log.csv --every 29h --chain "nodes=1,limit=12h,links=4" --policy lead:hours=2 -q >run-long.txt
"$replay" together log.csv --chains 6 --spread 5h --every 37h --chain "nodes=4,limit=12h,links=3" \
    --policy lead:hours=2 --policy avg --policy quantile -q >together.txt

# All but the one line that a clock makes.
for scheduler in slurm easy fcfs conservative; do
    "$replay" schedule log.csv --scheduler "$scheduler" | grep -v '^jobs/s' >"schedule-$scheduler.txt"
done
"$replay" schedule log.csv --from 2024-01-08 --to 2024-01-09 --cold -o starts.csv >/dev/null

failed=0
for file in run.txt run.csv run-cold.txt run-long.txt together.txt schedule-{slurm,easy,fcfs,conservative}.txt starts.csv; do
    if [ "${MIR_REGENERATE:-}" ]; then
        cp "$file" "$golden/$file"
    elif ! diff -u "$golden/$file" "$file"; then
        failed=1
    fi
done
exit $failed
