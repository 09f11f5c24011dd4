#!/usr/bin/env bash
# train_service.sh - what mirage-train.service runs, command by command as the unit has them,
# beside a miraged with a past in its journal (and without a Slurm): a model where there was
# none, a better one in its place a week later, a worse one refused by name, rollback.
# SPDX-License-Identifier: GPL-3.0-or-later
set -uo pipefail
cd "$(dirname "$0")/../.."

replay=${MIRAGE_REPLAY:?the program that makes logs}
bin=$(dirname "$replay")
unit=$PWD/systemd/mirage-train.service
dir=$(mktemp -d)
model=$dir/state/model
failures=0
daemon=
trap '[ -z "$daemon" ] || kill "$daemon"; wait; rm -rf "$dir"' EXIT
export SOURCE_DATE_EPOCH=1700000000 MIRAGE_SOCKET=$dir/mirage.sock
unset TZ

fail()
{
    printf 'FAIL %s\n' "$*" >&2
    failures=$((failures + 1))
}

give_up()
{
    printf 'FAIL %s\n' "$*" >&2
    cat "$dir/log" >&2
    exit 1
}

wait_for() # wait_for S COMMAND...
{
    local until=$((SECONDS + $1))
    shift
    while ! "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$until" ] || return 1
        sleep 0.05
    done
}

# ---- A daemon with a past: 60 days of a machine of 76 nodes that ended in March 2024.

"$replay" generate --days 60 --seed 5 -q -o "$dir/jobs.csv" || exit 1
"$replay" schedule "$dir/jobs.csv" --nodes 76 -q -o "$dir/starts.csv" >/dev/null || exit 1
awk -F, -v OFS=, 'NR == FNR { wait[$1] = $4; next } /^[0-9]/ { $4 = wait[$1] } { print }' \
    "$dir/starts.csv" "$dir/jobs.csv" >"$dir/log.csv"
mkdir -p "$model"
"$bin/tests/fill_journal" "$dir/log.csv" "$dir/state/journal.db" || give_up 'no journal'
cat >"$dir/slurm.conf" <<END
ClusterName=test
SchedulerType=sched/backfill
SelectType=select/linear
NodeName=n[1-76] CPUs=1
PartitionName=main Nodes=ALL Default=YES MaxTime=2-0
END
cat >"$dir/mirage.conf" <<END
state_dir = "$dir/state"
socket = "$MIRAGE_SOCKET"
listen = ""
keep_days = 36500
broker { socket = "$dir/broker.sock" }
END
"$bin/miraged" --config "$dir/mirage.conf" >"$dir/log" 2>&1 &
daemon=$!
wait_for 20 "$bin/mirage" model list || give_up 'miraged does not answer'

# ---- The unit's commands

# As systemd starts them: $$ is $, a lone $NAME is several words, a leading - forgives.
commands() # commands KEY
{
    sed -n "s/^$1=-\{0,1\}//p" "$unit" | sed "s#/usr/bin/#$bin/#g; s/\\$\\$/\\$/g"
}

environment()
{
    sed -n 's/^Environment="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' "$unit"
}

# run OPTIONS...: what is added to MIRAGE_TRAIN_OPTIONS, as `systemctl edit` would; prints what the unit prints
run()
{
    local line
    (
        umask 077
        cd "$model" || exit 1
        while IFS= read -r line; do export "${line?}"; done < <(environment)
        export MIRAGE_TRAIN_OPTIONS="${MIRAGE_TRAIN_OPTIONS/\/etc\/slurm\/slurm.conf/$dir/slurm.conf} $*"
        set -e
        while IFS= read -r line; do eval "$line" || exit; done < <(commands ExecStart)
    )
    local rc=$?
    while IFS= read -r line; do (cd "$model" && eval "$line"); done < <(commands ExecStopPost)
    [ ! -e "$model/history.csv" ] || fail 'the history is left behind'
    return $rc
}

[ "$(commands ExecStart | wc -l)" -ge 2 ] || give_up 'no commands in the unit'
environment | grep '^MIRAGE_TRAIN_OPTIONS=' >/dev/null || give_up 'no MIRAGE_TRAIN_OPTIONS in the unit'

# A tenth of what the unit learns from, so that it is a matter of seconds.
few=(--shapes "1,8x24h" --every 24h --probe-every 3h --load-scales 0.9)

in_use() # in_use ROLE: a checksum
{
    "$bin/mirage" model list --parsable2 --noheader | awk -F'|' -v role="$1" '$1 == role { print $2 }'
}
checksum()
{
    "$bin/mirage-train" inspect "$1" | awk '$1 == "checksum" { print $2 }'
}
# The daemon looks once a minute, and at SIGHUP.
looked() { [ ! -e "$model/candidate.model" ]; }
let_it_look()
{
    kill -HUP "$daemon"
    wait_for 20 looked || give_up 'the candidate is not looked at'
}

# ---- The first week: nothing is in use

run "${few[@]}" --to 2024-02-16 2>"$dir/err" || give_up "the first run fails: $(cat "$dir/err")"
[ ! -s "$dir/err" ] || fail "the first run says: $(cat "$dir/err")"
first=$(checksum "$model/candidate.model")
let_it_look
[ -n "$first" ] || give_up "no checksum"
[ "$(in_use current)" = "$first" ] || give_up "not in use: $first"
[ -z "$(in_use previous)" ] || fail 'a previous model, of nothing'
"$bin/mirage-train" inspect "$model/current.model" >"$dir/first"
grep -q 'log  *history.csv, 76 nodes' "$dir/first" || fail 'another log'

# ---- A week later: compared on days that neither has learned from

run "${few[@]}" --to 2024-02-23 || give_up 'the second run fails'
second=$(checksum "$model/candidate.model")
[ "$first" != "$second" ] || fail 'a week more makes no other model'
"$bin/mirage-train" inspect "$model/candidate.model" >"$dir/second"
grep -q 'had learned until 2024-02-16T00:00 UTC; it was asked about the same' "$dir/second" ||
    fail "the model in use is not compared: $(cat "$dir/second")"
let_it_look
[ "$(in_use current)" = "$second" ] || give_up "the second is not taken: $(tail -n 3 "$dir/log")"
[ "$(in_use previous)" = "$first" ] || fail 'the first is not the previous one'

# ---- Another week later: one that learned from two weeks alone

run "${few[@]}" --from 2024-02-16 --to 2024-03-01 || give_up 'the third run fails'
let_it_look
[ "$(in_use current)" = "$second" ] || give_up 'a worse model is in use'
"$bin/mirage" model show | tr -s ' \n' ' ' >"$dir/show"
grep -q 'candidate.model: worse than the model in use: pinball loss [0-9.]*, not [0-9.]*' "$dir/show" ||
    fail "it is not refused by name: $(cat "$dir/show")"
[ -e "$model/refused.model" ] || fail 'what was refused is gone'
grep -q 'kept as refused.model' "$dir/log" || fail 'the log is silent'

# ---- Back, and there again; a restart keeps it

"$bin/mirage" model rollback >/dev/null || fail 'rollback is refused'
[ "$(in_use current) $(in_use previous)" = "$first $second" ] || fail "rollback exchanges nothing"
kill "$daemon" && wait "$daemon"
"$bin/miraged" --config "$dir/mirage.conf" >>"$dir/log" 2>&1 &
daemon=$!
wait_for 20 "$bin/mirage" model list || give_up 'miraged does not come back'
[ "$(in_use current)" = "$first" ] || fail 'a restart brings another model'
"$bin/mirage" model rollback >/dev/null || fail 'the second rollback is refused'
[ "$(in_use current)" = "$second" ] || fail 'the second rollback exchanges nothing'

# ---- A history that cannot be had: nothing is trained, and nothing is touched

kill "$daemon" && wait "$daemon"
daemon=
run "${few[@]}" 2>"$dir/err" && fail 'without a daemon it succeeds'
[ ! -e "$model/candidate.model" ] || fail 'a candidate out of nothing'

if [ "$failures" -gt 0 ]; then
    echo "$failures failures" >&2
    cat "$dir/log" >&2
    exit 1
fi
echo "a model was trained, replaced, refused and rolled back; $SECONDS s"
