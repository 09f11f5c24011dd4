#!/usr/bin/env bash
# load.sh - 10,000 jobs in the queue and 200 chains that are decided on: what do
# daemon and broker cost, in memory, processor time and requests to slurmctld?
# In real time (a fast clock slows submissions down to a few a second), with a
# list every POLL seconds instead of every 60.
#   bash tests/lab/load.sh [JOBS] [POLL]
set -uo pipefail
export LAB_CPUS=32
cd "$(dirname "$0")/../.." && . tests/lab/lab.bash
lab_can_run || exit 77
n_jobs=${1:-10000}
poll=${2:-10}
flood=$BUILD/tests/flood

lab_start || exit 77 # no cluster, no test: said as skipped
fast "$flood" "$(id -u alice)" "$(id -g alice)" 200 mirage 1440 free || exit 1
fast "$flood" "$(id -u bob)" "$(id -g bob)" "$n_jobs" "" 60 held || exit 1
lab_mirage_config 'mode = observe' 'policy = avg' 'chains_per_user = 1000' "poll = ${poll}s" 'period = "10s"'
lab_mirage_start || { tail "$LAB"/log/{miraged,broker}.log; exit 1; }

family() { echo "${LAB_PID[miraged]} ${LAB_PID[broker]} $(pgrep -d' ' -P "${LAB_PID[broker]}")"; }
cpu_ticks() { # utime + stime, of those that ended too
    local p
    for p in $(family); do sed 's/.*) //' "/proc/$p/stat" 2>/dev/null; done |
        awk '{ n += $12 + $13 + $14 + $15 } END { print n + 0 }'
}
rss_kb() { local p; for p in $(family); do sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$p/status"; done | awk '{ n += $1 } END { print n }'; }
rpcs() { fast sdiag | sed -n 's/^\tREQUEST_JOB_INFO .*count:\([0-9]*\).*/\1/p' | head -1; }
passes() { lab_api /api/v1/status | sed -n 's/.*"n_passes": *\([0-9]*\).*/\1/p'; }
enrolled() { [ "$(lab_api '/api/v1/chains' | grep -o '"state": *"active"' | wc -l)" -ge 200 ]; }

wait_for 120 enrolled || { echo "FAIL: not 200 chains"; lab_api /api/v1/status; tail -5 "$LAB/log/miraged.log"; exit 1; }
echo "200 chains are enrolled"
sleep 5
fast sdiag -r; t0=$(fast date +%s); c0=$(cpu_ticks); p0=$(lab_api /api/v1/rpcs | tr -d ' \n' | sed -n 's/.*"name":"jobs","n":\([0-9]*\).*/\1/p')
peak=0
# Something changes all the time, so that no list is "nothing has changed".
(while sleep 2; do as bob sbatch -o /dev/null -t1 --wrap true >/dev/null; done) &
churn=$!
for i in $(seq 90); do sleep 1; r=$(rss_kb); [ "$r" -le "$peak" ] || peak=$r; done
t1=$(fast date +%s); c1=$(cpu_ticks); p1=$(lab_api /api/v1/rpcs | tr -d ' \n' | sed -n 's/.*"name":"jobs","n":\([0-9]*\).*/\1/p')
n=$(rpcs); n=${n:-0}
kill $churn
hz=$(getconf CLK_TCK)
awk -v jobs="$n_jobs" -v kb="$peak" -v ticks=$((c1 - c0)) -v hz="$hz" -v lists=$((p1 - p0)) -v s=$((t1 - t0)) -v n="$n" -v poll="$poll" 'BEGIN {
    printf "%d jobs queued, 200 chains decided on every %d s, %d s, %d lists read\n", jobs, poll, s, lists
    printf "memory of daemon, broker and reader: %.1f MB at most\n", kb / 1024
    printf "processor time of a pass, all of it: %.0f ms\n", lists ? ticks * 1000 / hz / lists : -1
    printf "REQUEST_JOB_INFO by sdiag: %d, at the usual 60 s that is %.0f an hour\n", n, n * poll / s * 60
    exit !(kb / 1024 < 80 && lists > 0 && ticks / hz / lists < 1 && n <= s / poll + 1)
}' || { echo "FAIL: over a bound"; fast sdiag | grep -A20 'by message type'; exit 1; }
lab_api /api/v1/rpcs
lab_stop
