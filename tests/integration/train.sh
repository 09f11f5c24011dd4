#!/usr/bin/env bash
# train.sh - mirage-train as a user meets it: exit codes, help, messages, files; that a
# killed run goes on to the same bytes, and that no model sees what came after its window.
# SPDX-License-Identifier: GPL-3.0-or-later
set -uo pipefail

replay=${MIRAGE_REPLAY:?the program that makes logs}
train=${MIRAGE_TRAIN:-$(dirname "$replay")/mirage-train}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failures=0
export SOURCE_DATE_EPOCH=1700000000

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
    "$train" "$@" >"$dir/out" 2>"$dir/err" </dev/null
    got=$?
    [ "$got" -eq "$code" ] || fail "mirage-train $*: exit $got, not $code: $(head -c 300 "$dir/err")"
    grep -qE -- "$pattern" "$dir/out" "$dir/err" || fail "mirage-train $*: no '$pattern' in $(head -c 300 "$dir/err")"
}

# Help and version, on standard output.
expect 0 '^mirage-train [0-9]+\.[0-9]+' --version
for args in --help -h help; do
    expect 0 'Usage' $args
done
for verb in fit evaluate inspect; do
    expect 0 "^mirage-train $verb" help $verb
    expect 0 "^mirage-train $verb" $verb --help
    [ -s "$dir/out" ] || fail "$verb --help is not on standard output"
    [ -s "$dir/err" ] && fail "$verb --help prints on standard error"
done
expect 0 '--slurm-conf' fit --help
expect 0 '--load-scales' fit --help

# Wrong usage: 2, nothing on standard output.
expect 2 'Usage'
expect 2 'none of' dance
expect 2 'help knows' help dance
for args in 'fit' 'fit -o -' 'fit --nonsense' 'fit -o m --every' 'fit -o m --shapes 1' 'fit a b -o m' \
    'evaluate' 'evaluate a' 'evaluate --model m --csv --json' 'inspect' 'inspect a --nodes 3'; do
    # shellcheck disable=SC2086 # words
    expect 2 'See: mirage-train' $args
    [ -s "$dir/out" ] && fail "mirage-train $args: wrong usage prints on standard output"
done

# A log of our own, and a small fit on it.
"$replay" generate --days 40 --seed 5 -q -o "$dir/log.csv" || exit 1
log=$dir/log.csv
fit=(--nodes 76 --from 2024-01-08 --to 2024-02-01 --shapes "1,8x24h" --every 24h --probe-every 3h
    --load-scales 0.9 --no-check)

# Unusable input: 1 and one message that names the file.
printf 'hello\n' >"$dir/text"
: >"$dir/empty"
head -c 3000 /dev/urandom >"$dir/noise"
for bad in missing text empty noise; do
    expect 1 "^mirage-train: .*$bad" fit "$dir/$bad" -o "$dir/m" -q
    expect 1 "^mirage-train: .*$bad" evaluate "$log" --model "$dir/$bad" -q
    expect 1 "^mirage-train: .*$bad" inspect "$dir/$bad"
    expect 1 "^mirage-train: .*$bad" evaluate --pending "$dir/$bad" -q
done
expect 1 'no/such' fit "$log" "${fit[@]}" -o "$dir/no/such" -q
expect 1 '--shapes: 80 nodes' fit "$log" "${fit[@]}" --shapes 80x1h -o "$dir/m" -q
expect 1 'nothing to learn' fit "$log" "${fit[@]}" --from 2024-03-01 --to 2024-03-02 -o "$dir/m" -q
[ -e "$dir/m" ] && fail 'a failed fit leaves a model'

# It fits, says what, and replaces nothing unasked.
expect 0 'window    2024-01-08T00:00 to 2024-02-01T00:00' fit "$log" "${fit[@]}" -o "$dir/m.model"
[ -e "$dir/m.model.work" ] && fail 'the work folder is still there'
expect 1 'is there already' fit "$log" "${fit[@]}" -o "$dir/m.model" -q
for bad in missing text empty noise; do
    expect 1 "^mirage-train: .*$bad" evaluate "$dir/$bad" --model "$dir/m.model" -q
done
expect 0 'xgb-q' inspect "$dir/m.model"
expect 0 '"feature_set"' inspect "$dir/m.model" --json
"$train" fit "$log" "${fit[@]}" -o "$dir/quiet.model" -q >"$dir/out" 2>&1 || fail 'fit -q'
[ -s "$dir/out" ] && fail "fit -q prints: $(cat "$dir/out")"

# The same seed, the same bytes, whatever the number of threads.
cmp "$dir/m.model" "$dir/quiet.model" || fail 'the same run gives other bytes'
"$train" fit "$log" "${fit[@]}" --threads 3 -o "$dir/threads.model" -q || fail 'fit --threads 3'
cmp "$dir/m.model" "$dir/threads.model" || fail 'threads change the model'
"$train" fit "$log" "${fit[@]}" --seed 2 -o "$dir/seed.model" -q || fail 'fit --seed 2'
cmp -s "$dir/m.model" "$dir/seed.model" && fail 'the seed changes nothing'

# Killed when its first labels are there, and once more when a method is fitted: it goes on.
for mark in labels-0-2 fitted.model; do
    rm -rf "$dir/killed.model"*
    "$train" fit "$log" "${fit[@]}" -o "$dir/killed.model" -q 2>/dev/null &
    pid=$!
    for _ in $(seq 3000); do
        [ -e "$dir/killed.model.work/$mark" ] && break
        kill -0 $pid 2>/dev/null || break
        sleep 0.02
    done
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    [ -e "$dir/killed.model" ] && fail "was not killed at $mark"
    [ -e "$dir/killed.model.work/$mark" ] || fail "nothing was kept at $mark"
    expect 0 'going on with what is in' fit "$log" "${fit[@]}" -o "$dir/killed.model"
    cmp "$dir/m.model" "$dir/killed.model" || fail "goes on after $mark to other bytes"
    [ -e "$dir/killed.model.work" ] && fail 'the work folder is still there'
done

# What is kept for another run is not taken for this one.
mkdir "$dir/other.model.work"
printf 'mirage-train work folder\nanother run\n' >"$dir/other.model.work/run.txt"
: >"$dir/other.model.work/labels-0-2"
expect 0 'labels ' fit "$log" "${fit[@]}" -o "$dir/other.model"
cmp "$dir/m.model" "$dir/other.model" || fail 'took what another run had kept'
mkdir "$dir/thesis.model.work" && echo 42 >"$dir/thesis.model.work/thesis.tex"
expect 1 'is in the way' fit "$log" "${fit[@]}" -o "$dir/thesis.model" -q
[ -e "$dir/thesis.model.work/thesis.tex" ] || fail "removes somebody's files"

# No model sees what came after its window: with another future it is the same, byte for byte.
at=$(date -u -d 2024-02-01 +%s)
mkdir "$dir/cut"
awk -F, -v at="$at" '!/^[0-9]/ || $3 < at' "$log" >"$dir/cut/log.csv"
[ "$(wc -l <"$dir/cut/log.csv")" -lt "$(wc -l <"$log")" ] || fail 'nothing was cut off the log'
"$train" fit "$dir/cut/log.csv" "${fit[@]}" -o "$dir/cut.model" -q || fail 'fit on the log without its end'
cmp "$dir/m.model" "$dir/cut.model" || fail 'the model depends on what came after its window'

# Scored on what came later, and on nothing else.
evaluate=(evaluate "$log" --model "$dir/m.model" --nodes 76 --shapes "1,8x24h" --every 24h --probe-every 3h)
expect 0 'no feature sees the future' "${evaluate[@]}" --report "$dir/report.html"
for word in forest-q xgb-q calibrated 'mean wait' qbets 'slurm plan' '8 nodes'; do
    grep -q -- "$word" "$dir/out" || fail "evaluate: no '$word'"
done
grep -q '<svg' "$dir/report.html" || fail 'no drawing in the report'
grep -qE '<script|src="http' "$dir/report.html" && fail 'the report loads something'
expect 0 '^prediction,' "${evaluate[@]}" --csv
expect 0 '"in_sample": ?false' "${evaluate[@]}" --json
expect 1 'until 2024-02-01' "${evaluate[@]}" --from 2024-01-31 -q
expect 0 'In sample' "${evaluate[@]}" --from 2024-01-31 --in-sample
expect 1 'no/such' "${evaluate[@]}" -o "$dir/no/such" -q
[ -e /dev/full ] && expect 1 'No space left' "${evaluate[@]}" -q -o /dev/full

# The model in use, on the days of the check; where it has learned from them, it is not compared.
checked=("${fit[@]::${#fit[@]}-1}") # without --no-check
expect 0 'has learned from the days of the check: not compared' fit "$log" "${checked[@]}" --to 2024-01-28 \
    --current "$dir/m.model" -o "$dir/seen.model"
expect 0 'until 2024-02-01T00:00 UTC, so from the days of the check: not compared' inspect "$dir/seen.model"
grep -q 'in use then$' "$dir/out" && fail 'compares what it should not'
expect 1 '--current: .*none.model' fit "$log" "${checked[@]}" --current "$dir/none.model" -o "$dir/none" -q
expect 0 '--current: .*text: .*; not compared' fit "$log" "${checked[@]}" --current "$dir/text" -o "$dir/beside.model" -q
expect 0 'check xgb-q pinball 0.5 ' inspect "$dir/beside.model"
grep -q 'in use' "$dir/out" && fail 'compares with a file that is no model'
"$train" fit "$log" "${checked[@]}" -o "$dir/alone.model" -q || fail 'fit with its check'
cmp "$dir/alone.model" "$dir/beside.model" || fail 'a file that is no use changes the model'
# Trained until four days before: the twin learned from the same, so they score the same; with another
# seed, they do not.
for current in m seed; do
    "$train" fit "$log" "${checked[@]}" --to 2024-02-05 --current "$dir/$current.model" -o "$dir/twin-$current.model" -q ||
        fail 'fit --current'
    "$train" inspect "$dir/twin-$current.model" |
        awk '/^check from/ && $3 != "2024-02-01T00:00" { bad = 1 }
            /^check .*(pinball|coverage|mae|within)/ { n++; if ($NF != $(NF - 1)) differ++ }
            END { print (bad || n != 56 ? "unexpected" : differ ? "differ" : "alike") }' >>"$dir/twins"
done
[ "$(cat "$dir/twins")" = $'alike\ndiffer' ] || fail "twin and model in use: $(cat "$dir/twins")"

# The paper's methods, on samples of their own.
expect 0 '^rf ' fit "$log" "${fit[@]}" --methods rf,xgb,forest-q --paper-shapes 1x24h --load-scales 1 -o "$dir/paper.model"
expect 0 '^Signed outcome' evaluate "$log" --model "$dir/paper.model" --nodes 76 --shapes 1x24h --paper-shapes 1x24h --every 24h

# A budget that is too small for anything: it says so, keeps what is done, and goes on.
slow=("${fit[@]}" --every 2h --probe-every 30m --load-scales 1 --methods forest-q)
expect 1 'time-budget' fit "$log" "${slow[@]}" --time-budget 1s --threads 1 -o "$dir/budget.model"
[ -e "$dir/budget.model" ] && fail 'a model out of no time'
expect 0 'going on' fit "$log" "${slow[@]}" -o "$dir/budget.model"

# A log of pending jobs.
awk 'BEGIN {
    srand(4)
    print "job_id,limit_s,req_nodes,req_gpus,eligible,start,poll_time,q_jobs_above"
    for (day = 0; day < 60; day++)
        for (i = 0; i < 40; i++) {
            poll = 1619870400 + day * 86400
            above = int(rand() * 100)
            printf "%d,3600,1,%d,%d,%d,%d,%d\n", day * 40 + i, i % 2, poll - 600, poll + above * 900 + rand() * 3600, poll, above
        }
}' >"$dir/pending.csv"
expect 0 'with GPUs' evaluate --pending "$dir/pending.csv" --report "$dir/pending.html"
grep -q 'recent waits' "$dir/out" || fail 'evaluate --pending: no recent waits'
expect 0 '"learned_to": ?"2021-06-01' evaluate --pending "$dir/pending.csv" --json
expect 1 'no polls' evaluate --pending "$dir/pending.csv" --from 2020-01-01 -q

if [ "$failures" -gt 0 ]; then
    echo "$failures failures" >&2
    exit 1
fi
echo 'all as a user expects it'
