#!/usr/bin/env bash
# chain.sh - two chains side by side on a busy, accelerated cluster: one decided
# by avg, one reactive.  Prints interruption and overlap of each link, from sacct.
#   bash tests/lab/chain.sh [LINKS]     (6: eight minutes; LAB_LINKS says another number)
set -uo pipefail
cd "$(dirname "$0")/../.." && . tests/lab/lab.bash
lab_can_run || exit 77
links=${1:-${LAB_LINKS:-6}}
limit_min=40
export LAB_WEIGHT_FAIRSHARE=0 # one user makes all the background: it would come last

lab_start 60 || exit 77 # no cluster, no test: said as skipped
lab_mirage_config 'mode = act' 'period = "2m"' 'poll = "60s"' 'fail_within = "1m"'
lab_mirage_start || { echo "mirage did not get ready"; tail "$LAB"/log/{miraged,broker}.log; exit 1; }
cd "$LAB/jobs" || exit 1

RANDOM=7
background() { # 1 to 4 nodes, limits of 20 to 50 min, of which 50 to 99 % are used
    local limit=$((20 + RANDOM % 4 * 10)) nodes=$((1 << RANDOM % 3))
    as bob sbatch --parsable -o /dev/null -N$nodes --exclusive -t$limit -J background \
        --wrap "sleep $((limit * 60 * (50 + RANDOM % 50) / 100))" >/dev/null
}
start_chain() { # start_chain USER POLICY
    as "$1" sbatch --parsable -o /dev/null -N2 --exclusive -t$limit_min -J "$2" \
        --comment "mirage:policy=$2,links=$links" --wrap 'sleep infinity'
}

# A queue of its usual length first, so that there are waits to learn from.
for i in $(seq 10); do background; done
(while sleep 13; do background; done) &
feeder=$!
sleep 45
start_chain alice avg >/dev/null
start_chain carol reactive >/dev/null

ended() { # chains without a live job, or with all of their links
    local n
    n=$(fast sacct -X -n -P -S now-1day --name="$1" -o JobID | wc -l)
    [ "$n" -ge "$links" ] && [ -z "$(fast squeue -h --name="$1" -t PENDING)" ]
}
wait_for 480 ended avg
wait_for 240 ended reactive
kill $feeder

# JobID, submit, start, end as seconds; sacct's times are the site's zone: UTC here.
report() {
    TZ=UTC fast env SLURM_TIME_FORMAT=%s sacct -X -n -P -S now-1day --name="$1" -o JobID,Submit,Start,End,State |
        sort -t'|' -k2n | awk -F'|' -v name="$1" '
        function f(s) { return sprintf("%6.1f", s / 60) }
        $3 !~ /^[0-9]+$/ { next }
        {
            if (n++ > 0) {
                gap = $3 - last_end; lead = last_end - $2
                over = gap < 0 ? -gap : 0; gap = gap > 0 ? gap : 0
                printf "%-9s %d -> %d  job %-5s wait %s min  lead %s min  interruption %s min  overlap %s min\n",
                    name, n - 1, n, $1, f($3 - $2), f(lead), f(gap), f(over)
                gaps += gap; overs += over
            }
            last_end = $4 ~ /^[0-9]+$/ ? $4 : $3 + '$((limit_min * 60))'
        }
        END { printf "%-9s %d hand-overs: interruption %.1f min in all, overlap %.1f min, cost at w=1 %.1f min a link\n",
            name, n - 1, gaps / 60, overs / 60, n > 1 ? (gaps + overs) / 60 / (n - 1) : 0
            print name, n - 1, gaps / 60, overs / 60 >"/dev/stderr" }'
}
report avg 2>"$LAB/avg"
report reactive 2>"$LAB/reactive"
fast "$MIRAGE" list --all
fast sdiag | awk '/Remote Procedure Call statistics by user/,0' | head -8
read -r _ n_avg gap_avg _ <"$LAB/avg"
read -r _ n_reactive gap_reactive _ <"$LAB/reactive"
[ "$n_avg" -ge $((links - 1)) ] && [ "$n_reactive" -ge $((links - 1)) ] ||
    { echo "FAIL: not all links ran"; tail -n 40 "$LAB/log/miraged.log"; exit 1; }
# Two or three hand-overs of minutes are too few to tell policies apart.
[ "$links" -lt 6 ] || awk -v a="$gap_avg" -v r="$gap_reactive" 'BEGIN { exit !(a < r) }' ||
    { echo "FAIL: avg does not interrupt less than reactive"; exit 1; }
lab_stop
