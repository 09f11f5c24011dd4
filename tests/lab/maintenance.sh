#!/usr/bin/env bash
# maintenance.sh - maintenance that a chain would run into: what slurmctld does about it is
# what the simulator does, and lookahead submits early enough to be through before.
#   bash tests/lab/maintenance.sh     (a minute)
set -uo pipefail
cd "$(dirname "$0")/../.." && . tests/lab/lab.bash
lab_can_run || exit 77
limit_min=12

lab_start 10 || exit 77 # no cluster, no test: said as skipped
lab_mirage_config 'mode = act' 'policy = "lookahead"' 'period = "1m"' 'poll = "60s"' 'fail_within = "1m"'
# Read once per ten minutes of the lab, and when the daemon starts: so it is there before.
begin_at=$(($(fast date +%s) + 24 * 60))
fast scontrol create reservation ReservationName=works Nodes=ALL Flags=MAINT Users=root Duration=60 \
    StartTime="$(TZ=UTC fast date -d "@$begin_at" +%FT%T)" || exit 1
lab_mirage_start || { echo "mirage did not get ready"; tail "$LAB"/log/{miraged,broker}.log; exit 1; }
cd "$LAB/jobs" || exit 1

give_up() {
    echo "FAIL: $*"
    fast scontrol show reservation
    fast squeue
    [ -z "${chain:-}" ] || fast "$MIRAGE" why "$chain"
    tail -n 30 "$LAB"/log/miraged.log
    exit 1
}
runs() { [ -n "$(fast squeue -h -j "$1" -t RUNNING -o %i)" ]; }
rows() { # of alice's jobs: submit, start, end
    TZ=UTC fast env SLURM_TIME_FORMAT=%s sacct -X -n -P -u alice -S now-1day -o Submit,Start,End | sort -n
}
has_run() { [ "$(rows | awk -F'|' '$2 ~ /^[0-9]+$/' | wc -l)" -ge "$1" ]; }

# Whose limit reaches into it waits, and holds nobody up.
long=$(as bob sbatch --parsable -o /dev/null -N1 -t60 --wrap 'sleep 60')
short=$(as bob sbatch --parsable -o /dev/null -N1 -t5 --wrap 'sleep 30')
wait_for 30 runs "$short" || give_up "job $short, which fits before, does not run"
! runs "$long" || give_up "job $long runs into maintenance"
echo "job $short runs, job $long waits: $(fast squeue -h -j "$long" -o %r)"

# The successor, which takes as long, has to start before its predecessor ends.
chain=$(as alice sbatch --parsable -o /dev/null -N2 --exclusive -t$limit_min -J chain \
    --comment "mirage:links=2" --wrap 'sleep infinity')
wait_for 120 has_run 2 || give_up "no successor has started before maintenance"
fast "$MIRAGE" why "$chain"
rows | awk -F'|' -v works="$begin_at" -v limit=$((limit_min * 60)) '
    NR == 1 { end = $2 + limit }
    NR == 2 {
        printf "maintenance %.1f min after the predecessor'"'"'s end, a job takes %d min\n", (works - end) / 60, limit / 60
        printf "successor: submitted %.1f, started %.1f min before that end, at the latest it could %.1f\n",
            (end - $1) / 60, (end - $2) / 60, (end - works + limit) / 60
        if (works - limit >= end) { print "FAIL: maintenance came too late to matter"; exit 1 }
        if ($2 > works - limit) { print "FAIL: it runs into maintenance"; exit 1 }
    }' || give_up "the successor is not where it should be"
lab_stop
