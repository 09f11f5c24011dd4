#!/usr/bin/env bash
# cli.sh - mirage-replay as a user meets it: exit codes, help, messages, files.
# SPDX-License-Identifier: GPL-3.0-or-later
set -uo pipefail

replay=${MIRAGE_REPLAY:?the program to test}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failures=0

fail()
{
    printf 'FAIL %s\n' "$*" >&2
    failures=$((failures + 1))
}

# expect CODE PATTERN ARGS...: exit code, and an extended regular expression in what is printed.
expect()
{
    local code=$1 pattern=$2 got
    shift 2
    "$replay" "$@" >"$dir/out" 2>"$dir/err" </dev/null
    got=$?
    [ "$got" -eq "$code" ] || fail "mirage-replay $*: exit $got, not $code: $(head -c 300 "$dir/err")"
    grep -qE -- "$pattern" "$dir/out" "$dir/err" || fail "mirage-replay $*: no '$pattern'"
}

# Help and version, on standard output.
expect 0 '^mirage-replay [0-9]+\.[0-9]+' --version
expect 0 'Usage' --help
expect 0 'Usage' -h
expect 0 'Usage' help
for verb in run schedule stats convert generate; do
    expect 0 "^mirage-replay $verb" help "$verb"
    expect 0 "^mirage-replay $verb" "$verb" --help
    [ -s "$dir/out" ] || fail "$verb --help is not on standard output"
    [ -s "$dir/err" ] && fail "$verb --help prints on standard error"
done
expect 0 '^  qbets ' run --help

# Wrong usage: 2, nothing on standard output.
expect 2 'Usage'
expect 2 'none of' dance
expect 2 'help knows' help dance
for args in 'run --nonsense' 'run --every' 'run --every never' 'run a b' 'run --policy nobody' \
    'run --policy lead' 'run --chain nodes=0' 'run --weights x' 'run --csv --json' 'convert' \
    'generate x' 'schedule --node-identity --scheduler fcfs' 'run --set bf_nonsense=1' 'stats --every 4h'; do
    # shellcheck disable=SC2086 # words
    expect 2 'See: mirage-replay' $args
    [ -s "$dir/out" ] && fail "mirage-replay $args: wrong usage prints on standard output"
done

# A log of our own.
expect 0 '[0-9]+ jobs' generate --days 14 --seed 11 -o "$dir/log.csv"
log=$dir/log.csv

# Unusable input: 1 and one message.
printf 'hello\n' >"$dir/text"
: >"$dir/empty"
head -c 3000 /dev/urandom >"$dir/noise"
xz -c "$log" 2>/dev/null | head -c 2000 >"$dir/cut.csv.xz"
for bad in missing text empty noise cut.csv.xz; do
    [ "$bad" = cut.csv.xz ] && ! command -v xz >/dev/null && continue
    for verb in run schedule stats convert; do
        expect 1 "^mirage-replay: .*$bad" $verb "$dir/$bad" -q
    done
done
expect 1 '^mirage-replay: ' run "$dir" -q
expect 1 '77 nodes|too|never' run "$log" --nodes 76 --chain nodes=77 -q
expect 1 'no/such' run "$log" --nodes 76 --limit-episodes 1 -o "$dir/no/such"
[ -e /dev/full ] && expect 1 'No space left' convert "$log" -q -o /dev/full

# Without a size of the machine it says what to do.
sed 's/^# nodes=[0-9]*/# nodes=0/' "$log" | head -n 300 >"$dir/unsized.csv"
expect 1 '--nodes' run "$dir/unsized.csv" -q

# Bad lines: told, at most 20 of them, counted, skipped; --strict stops.
{
    head -n 1000 "$log"
    for i in $(seq 30); do printf 'bad line %d\n' "$i"; done
} >"$dir/bad.csv"
expect 0 'and 10 more' convert "$dir/bad.csv" -q -o "$dir/good.csv"
[ "$(grep -c 'bad.csv:' "$dir/err")" -eq 20 ] || fail "shows $(grep -c 'bad.csv:' "$dir/err") bad lines, not 20"
expect 1 'bad.csv:1001' convert "$dir/bad.csv" --strict -q -o "$dir/good.csv"

# Results.
run=(run "$log" --nodes 76 --policy lead:hours=6 --every 12h --chain nodes=2,limit=12h,links=2)
expect 0 'lead:hours=6' "${run[@]}" --report "$dir/report.html"
grep -q '<svg' "$dir/report.html" || fail 'no drawing in the report'
grep -qE '<script|src="http' "$dir/report.html" && fail 'the report loads something'
expect 0 '^policy,' "${run[@]}" --csv
expect 0 '"clairvoyant"' "${run[@]}" --json
expect 0 '"protocol": ?"cold"' "${run[@]}" --json --protocol cold
expect 0 'clairvoyant' "${run[@]}" --chain links=4
"$replay" "${run[@]}" -q >"$dir/table" 2>"$dir/err" || fail 'run -q'
[ -s "$dir/err" ] && fail "run -q prints on standard error: $(cat "$dir/err")"

# Why a policy that plays out futures submitted when it did.
run=(run "$log" --nodes 76 --policy lookahead --weights 1 --every 72h --limit-episodes 2
    --chain nodes=2,limit=12h)
expect 0 '"fan": ?\{' "${run[@]}" --json --report "$dir/report.html"
grep -q '"cost_p10_p90_h"' "$dir/out" || fail 'the fan has no band'
grep -q '<svg id="fan"' "$dir/report.html" || fail 'no fan in the report'
grep -q 'What lookahead expected' "$dir/report.html" || fail 'a fan without a caption'

for scheduler in slurm easy fcfs conservative; do
    expect 0 'mean wait' schedule "$log" --nodes 76 --scheduler $scheduler -o "$dir/starts.csv"
    [ "$(head -n 1 "$dir/starts.csv")" = job,submit,start,wait ] || fail "$scheduler: header of starts"
    awk -F, 'NR > 1 && ($4 < 0 || $3 - $2 != $4) { bad = 1 } END { exit bad || NR < 100 }' \
        "$dir/starts.csv" || fail "$scheduler: starts"
done
expect 0 'mean wait' schedule "$log" --nodes 76 --scheduler easy --event-order single
expect 0 'mean wait' schedule "$log" --nodes 76 --scheduler easy --node-identity
for key in jobs mean_wait_s p50_wait_s p90_wait_s p99_wait_s max_wait_s bounded_slowdown \
    utilisation makespan_s jobs_per_s events; do
    expect 0 "\"$key\": ?[0-9]" schedule "$log" --nodes 76 --json
done
expect 0 '"by_limit"' schedule "$log" --nodes 76 --json --compare
expect 0 'Spearman' schedule "$log" --nodes 76 --compare
expect 0 '.' stats "$log" --nodes 76
expect 0 '^\{' stats "$log" --nodes 76 --json
expect 0 '.' stats "$log" --nodes 76 --fit "$dir/params"
expect 0 'jobs' generate --params "$dir/params" --days 5 -o "$dir/fitted.csv"

# Standard input and output.
"$replay" convert - -q <"$log" | cmp -s - "$log" || fail 'convert from standard input to output'

if [ "$failures" -gt 0 ]; then
    echo "$failures failures" >&2
    exit 1
fi
echo 'all as a user expects it'
