#!/usr/bin/env bash
# faults.sh - the crash campaign on a real Slurm, 60 times faster: daemon, broker,
# slurmctld, slurmdbd and munged are killed, stopped, started again; disks fill,
# clocks jump, jobs are lost.  After each fault: never two live jobs for a link of
# a chain, no job of anyone else touched, and the daemon back by itself.
#   bash tests/lab/faults.sh [ROUNDS] [SEED] [FAULT...]
#     (84 1: each fault three times; 300: the campaign; with names: these faults only)
set -uo pipefail
cd "$(dirname "$0")/../.." && . tests/lab/lab.bash
lab_can_run || exit 77
rounds=${1:-84}
RANDOM=${2:-1}
chosen=("${@:3}")

work=$(mktemp -d)
mkfifo -m 666 "$work/reply"
chmod 755 "$work"

lab_start 60 || exit 77 # no cluster, no test: said as skipped
lab_mirage_config 'mode = act' 'policy = "lead:hours=0.05"' 'period = "1m"' 'poll = "60s"' \
    'fail_within = "5s"' 'max_failures = 100' 'backoff = "1s"'

# The state on a small file system of its own, so that it can be filled.
small_disk=yes
mount -t tmpfs -o size=12m,mode=700 mirage-state "$LAB/mirage/state" 2>/dev/null &&
    chown mirage:mirage "$LAB/mirage/state" || small_disk=
finish() {
    [ -z "$small_disk" ] || umount -l "$LAB/mirage/state"
    lab_stop
    rm -rf "$work"
}
trap finish EXIT

# The daemon's own clock, apart from the lab's: it can jump.
echo "+0 x60" >"$work/clock"
chmod 644 "$work/clock"
lab_daemon_start() {
    lab_spawn miraged env FAKETIME_TIMESTAMP_FILE="$work/clock" FAKETIME_NO_CACHE=1 \
        setpriv --reuid=mirage --regid=mirage --clear-groups \
        "$MIRAGED" --config "$LAB/mirage/mirage.conf"
}
lab_broker_start() {
    lab_spawn broker env LD_PRELOAD="$BUILD/tests/after_reply.so $(lab_preload)" LAB_REPLY_FIFO="$work/reply" \
        "$MIRAGE_BROKER" --config "$LAB/mirage/mirage.conf"
}
lab_preload() { printf '%s\n' "${LAB_CLOCK[@]}" | sed -n 's/^LD_PRELOAD=//p'; }

lab_mirage_start || { echo "mirage did not get ready"; tail -n 30 "$LAB"/log/{miraged,broker}.log; exit 1; }
cd "$LAB/jobs" || exit 1

start_chain() {
    as "$1" sbatch --parsable -o /dev/null -N1 -n1 -t"$2" -J "chain-$1" --no-requeue \
        --comment "mirage" --wrap 'sleep infinity' >/dev/null
}
# carol never asks for anything: her jobs are the strangers, some with forged tags.
stranger() {
    as carol sbatch --parsable -o /dev/null -N1 -n1 -t60 -J stranger \
        --comment "mirage=aaaaaaaa.$((RANDOM % 9)).00000000000000000000000000000000" \
        --wrap 'sleep 300' >/dev/null
}

# ---- Faults: each returns when the damage is done and undone

ago() { fast date -d "-$1 min" +%s; }
nap() { sleep "0.$(printf %03d $((RANDOM % 700)))"; }
wait_line() { # wait_line PATTERN: a new line of miraged's log, 8 s at most
    local from
    from=$(wc -l <"$LAB/log/miraged.log")
    wait_for 8 bash -c "tail -n +$((from + 1)) '$LAB/log/miraged.log' | grep -E '$1' >/dev/null"
}
kill9() { lab_alive "$1" && kill -KILL "${LAB_PID[$1]}" && wait_for 5 lab_ended "$1"; }
restart_slurmctld() {
    wait_for 5 lab_ended slurmctld
    lab_slurmctld
}

fault_daemon_at_any_time() { nap; kill9 miraged; lab_daemon_start; }
fault_daemon_at_intent() { wait_line 'submit'; kill9 miraged; lab_daemon_start; }
fault_daemon_at_sent() { # the broker is kept from answering: the daemon dies with the question open
    kill -STOP "${LAB_PID[broker]}"; nap; nap; kill9 miraged; kill -CONT "${LAB_PID[broker]}"; lab_daemon_start; }
fault_daemon_at_confirmed() { wait_line 'is job|confirmed|submitted'; kill9 miraged; lab_daemon_start; }
fault_daemon_when_pending() { wait_line 'pending|waits'; kill9 miraged; lab_daemon_start; }
fault_daemon_when_running() { wait_line 'runs|running|started'; kill9 miraged; lab_daemon_start; }
fault_daemon_away() { kill9 miraged; sleep 3; lab_daemon_start; }
fault_broker_at_any_time() { nap; kill9 broker; lab_broker_start; }
fault_broker_at_reply() {
    "$BUILD/tests/kill_on_byte" "$work/reply" "${LAB_PID[broker]}" 9 0 & local k=$!
    wait_for 8 lab_ended broker; kill $k 2>/dev/null; lab_alive broker || lab_broker_start; }
fault_reader() { local p; p=$(pgrep -P "${LAB_PID[broker]}" | head -1); [ -z "$p" ] || kill -KILL "$p"; }
fault_both() { nap; kill9 miraged; kill9 broker; lab_broker_start; nap; lab_daemon_start; }
fault_broker_stopped() { kill -STOP "${LAB_PID[broker]}"; sleep 2; kill -CONT "${LAB_PID[broker]}"; }
slurmctld_after_reply() {
    "$BUILD/tests/kill_on_byte" "$work/reply" "${LAB_PID[slurmctld]}" 9 "$1" & local k=$!
    wait_for 8 lab_ended slurmctld || { kill $k 2>/dev/null; kill9 slurmctld; }
    restart_slurmctld; }
fault_slurmctld_0ms_after_reply() { slurmctld_after_reply 0; }
fault_slurmctld_1ms_after_reply() { slurmctld_after_reply 1000; }
fault_slurmctld_5ms_after_reply() { slurmctld_after_reply 5000; }
fault_slurmctld_at_any_time() { nap; kill9 slurmctld; restart_slurmctld; }
fault_slurmctld_stopped() { # through a submission, longer than two message timeouts
    nap; kill -STOP "${LAB_PID[slurmctld]}"; sleep 4; kill -CONT "${LAB_PID[slurmctld]}"; }
fault_slurmctld_terminated() { lab_kill slurmctld; sleep 1; lab_slurmctld; }
fault_slurmctld_loses_a_job() { # its state from before the next submission
    rm -rf "$LAB/state.old"; cp -a "$LAB/state" "$LAB/state.old"
    wait_line 'is job|confirmed|submitted'; kill9 slurmctld
    rm -rf "$LAB/state"; mv "$LAB/state.old" "$LAB/state"
    stranger & # who may get the id
    lab_slurmctld; wait $!; }
fault_slurmdbd_killed() { kill9 slurmdbd; nap; lab_slurmdbd; }
fault_slurmdbd_stopped() { kill -STOP "${LAB_PID[slurmdbd]}"; sleep 2; kill -CONT "${LAB_PID[slurmdbd]}"; }
fault_munged_killed() { kill9 munged; sleep 1; lab_munged; }
fault_disk_full() {
    [ -n "$small_disk" ] || return 1
    head -c 20000000 /dev/zero >"$LAB/mirage/state/ballast" 2>/dev/null
    sleep 2; rm -f "$LAB/mirage/state/ballast"; }
fault_clock_forward() { echo "+3600 x60" >"$work/clock"; sleep 1.5; echo "+0 x60" >"$work/clock"; }
fault_clock_back() { echo "-3600 x60" >"$work/clock"; sleep 1.5; echo "+0 x60" >"$work/clock"; }
fault_reconfigure() { fast scontrol reconfigure; nap; }
fault_bad_slurm_conf() { # a new broker and a new reader meet it
    cp "$SLURM_CONF" "$work/slurm.conf"; echo "NoSuchKey=1" >>"$SLURM_CONF"
    kill9 broker; lab_broker_start; sleep 1; cp "$work/slurm.conf" "$SLURM_CONF"; }

faults=($(declare -F | sed -n 's/^declare -f fault_//p'))
[ ${#chosen[@]} -eq 0 ] || faults=("${chosen[@]}")

# ---- Invariants

fail() {
    echo "FAIL after round $round ($fault): $*"
    fast squeue -h -o 'FAIL job %i %u %T %S %k'
    fast "$MIRAGE" list --all --parsable2 | sed 's/^/FAIL chain /'
    tail -n 200 "$LAB"/log/{broker,slurmctld}.log
    tail -n 100 "$LAB/log/miraged.log"
    exit 1
}

# Live jobs of one chain and link: more than one is the end.
no_duplicates() {
    local twice
    twice=$(fast squeue -h -t PENDING,RUNNING,SUSPENDED -o '%k' | grep -o 'mirage=[^ ]*' |
        grep -v 'mirage=aaaaaaaa' | cut -d. -f1,2 | sort | uniq -d)
    [ -z "$twice" ] || fail "two live jobs for $twice"
}
slurmctld_answers() { fast scontrol ping | grep UP >/dev/null; }
# Every open chain is active and has a live job; a link that Slurm itself has cancelled (it does,
# when its state is set back) has ended its chain, by the rule, and a new one is asked for.
all_live() {
    local chain user state job queue
    queue=$(fast squeue -h -u "$1" -t PENDING,RUNNING -o '%i %k') || return 1
    while IFS='|' read -r chain user _ state _ job _; do
        case $state in ended | refused) continue ;; parked | paused) return 1 ;; esac
        grep -qE "mirage=$chain\.|^$job " <<<"$queue" || return 1
    done < <(fast "$MIRAGE" list --parsable2 --noheader --user "$1")
}
n_revived=0
revive() {
    ! open_chain "$1" || return
    as "$1" scancel -u "$1" 2>/dev/null
    n_revived=$((n_revived + 1))
    start_chain "$1" 5
    wait_for 60 open_chain "$1" || fail "$1's new chain is not found"
}
open_chain() { fast "$MIRAGE" list --noheader --parsable2 --user "$1" | grep '|active|' >/dev/null; }
nothing_foreign_touched() {
    local n
    n=$(TZ=UTC fast sacct -X -n -P -u carol -S now-2days -s CANCELLED -o JobID,User | wc -l)
    [ "$n" -eq 0 ] || fail "$n of carol's jobs were cancelled"
}

for user in alice bob; do start_chain $user 5; done
start_chain alice 9
for user in alice bob; do wait_for 60 open_chain $user || { fault=none round=0; fail "no chain of $user's"; }; done
declare -A count
n_faults=0
began=$SECONDS
for round in $(seq "$rounds"); do
    fault=${faults[$(((round - 1) % ${#faults[@]}))]}
    [ $((RANDOM % 3)) -ne 0 ] || stranger
    if "fault_$fault"; then :; fi
    wait_for 60 slurmctld_answers || fail "slurmctld does not come back"
    wait_for 90 lab_ready || fail "the daemon is not ready again: $(lab_api /readyz)"
    no_duplicates
    for user in alice bob; do
        wait_for 90 all_live $user || fail "a chain of $user's is not alive"
        revive $user
    done
    no_duplicates
    [ $((round % 10)) -ne 0 ] || nothing_foreign_touched
    count[$fault]=$((${count[$fault]:-0} + 1))
    n_faults=$((n_faults + 1))
    [ ! -t 1 ] || printf '\r%d of %d' "$round" "$rounds"
done
nothing_foreign_touched
for fault in "${faults[@]}"; do printf '%5d  %s\n' "${count[$fault]:-0}" "$fault"; done
echo "$n_revived chains ended because Slurm cancelled a link"
echo "$n_faults faults in $((SECONDS - began)) s; chains:"
fast "$MIRAGE" list --all
TZ=UTC fast sacct -X -n -P -u alice,bob -S now-2days -o State | sort | uniq -c
