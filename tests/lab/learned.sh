#!/usr/bin/env bash
# learned.sh - learned waits on a real Slurm: jobs make a history, `mirage history` and
# mirage-train a model of it, the daemon takes it, and two chains are decided by it, one
# by forest-q and one by xgb-q; others by lookahead, in futures of this very queue, and by hybrid,
# which has a forest's waits among them.
#   bash tests/lab/learned.sh [JOBS]     (about two minutes)
set -uo pipefail
cd "$(dirname "$0")/../.." && . tests/lab/lab.bash
lab_can_run || exit 77
n_jobs=${1:-250} # that are to have ended
limit_min=15
train=${MIRAGE_TRAIN:-$BUILD/mirage-train}
export LAB_WEIGHT_FAIRSHARE=0 # one user makes all the background: it would come last

began=$SECONDS
said() { printf '%3d s  %s\n' $((SECONDS - began)) "$*"; }
give_up() {
    echo "FAIL: $*"
    tail -n 30 "$LAB"/log/{miraged,broker}.log
    exit 1
}

lab_start 60 || exit 77 # no cluster, no test: said as skipped
lab_mirage_config 'mode = act' 'period = "2m"' 'poll = "60s"' 'fail_within = "1m"'
lab_mirage_start || give_up "mirage did not get ready"
cd "$LAB/jobs" || exit 1
said "a cluster and Mirage"

# ---- A history

# Arrays: one sbatch for many jobs.  1 or 2 of 8 nodes for one to three minutes; a little more than fits.
background() { # background TASKS NODES LIMIT
    # shellcheck disable=SC2016 # for the job's shell
    as bob sbatch --array=1-"$1" -o /dev/null -N"$2" --exclusive -t"$3" -J "work$2" \
        --wrap 'sleep $((40 + $(od -An -N2 -tu2 /dev/urandom) % 120))' >/dev/null
}
# Not more than that in the queue, however slow this machine is today.
feed() {
    while :; do
        [ "$(fast squeue -h -r -t PENDING -u bob | wc -l)" -gt 20 ] ||
            { background 14 1 3; background 5 2 5; }
        sleep 2
    done
}
n_ended() { "$MIRAGE" history 2>/dev/null | awk -F, '/^[0-9]/ && $4 != ""' | wc -l; }
has_history() { [ "$(n_ended)" -ge "$n_jobs" ]; }

feed 2>/dev/null &
feeder=$!
trap 'kill $feeder 2>/dev/null; lab_stop' EXIT
wait_for 120 has_history || give_up "$(n_ended) jobs have ended"
said "$(n_ended) jobs have ended, $(fast squeue -h -r -t PENDING | wc -l) wait"

# ---- A model of it

fast "$MIRAGE" history >"$LAB/history.csv" || give_up "no history"
# The limits of these jobs are minutes: tried more often than a cluster's of days would be.
fast "$train" fit "$LAB/history.csv" --slurm-conf "$SLURM_CONF" --shapes "1,2x$limit_min" --every 10m \
    --probe-every 1m --no-check -q -o "$LAB/new.model" || give_up "no model"
install -o mirage -g mirage -m 600 "$LAB/new.model" "$LAB/mirage/state/new.model"
fast "$MIRAGE" model install "$LAB/mirage/state/new.model" || give_up "the model is refused"
said "a model:"
"$train" inspect "$LAB/new.model" | sed -n '2,/^$/p'
fast "$MIRAGE" model list

# ---- Chains that go by it

start_chain() { # start_chain USER POLICY
    as "$1" sbatch --parsable -o /dev/null -N2 --exclusive -t$limit_min -J "$2" \
        --comment "mirage:policy=$2,links=3" --wrap 'sleep infinity'
}
declare -A chain
chain[forest-q]=$(start_chain alice forest-q)
chain[xgb-q]=$(start_chain carol xgb-q)
chain[lookahead]=$(start_chain alice lookahead)
chain[hybrid]=$(start_chain carol hybrid)
for policy in forest-q xgb-q lookahead hybrid; do
    wait_for 20 fast "$MIRAGE" show "${chain[$policy]}" || give_up "no chain of job ${chain[$policy]}"
done
fast "$MIRAGE" predict --nodes 2 --time $limit_min --user alice

# Its first successor has started.
goes_on() { fast "$MIRAGE" why "$1" | grep -E '^[^ ]+ +1 event .* job [0-9]+ runs' >/dev/null; }
for policy in forest-q xgb-q lookahead hybrid; do
    wait_for 90 goes_on "${chain[$policy]}" || { fast "$MIRAGE" why "${chain[$policy]}"; give_up "no successor of $policy has started"; }
    said "$policy: its successor has started"
done
kill $feeder

for policy in forest-q xgb-q; do
    fast "$MIRAGE" show "${chain[$policy]}"
    fast "$MIRAGE" why "${chain[$policy]}" | tee "$LAB/why"
    # What falls back says "..., by qbets: ...".
    grep -q "$policy: p10" "$LAB/why" || give_up "$policy decided nothing by the model"
done
for policy in lookahead hybrid; do
    fast "$MIRAGE" show "${chain[$policy]}"
    fast "$MIRAGE" why "${chain[$policy]}" | tee "$LAB/why"
    # Hours are known, and not a day.  (hybrid may say that this queue is out of the model's range.)
    grep -qE "$policy(, [^:]*)?: now .* futures without arrivals" "$LAB/why" ||
        give_up "$policy played out no future"
done
fast "$MIRAGE" status | tee "$LAB/status"
grep -q '^Futures .*without arrivals' "$LAB/status" || give_up "status does not say what futures lack"
fast "$MIRAGE" model show | head -n 12
lab_stop
said 'the end'
