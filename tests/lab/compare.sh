#!/usr/bin/env bash
# compare.sh - lookahead, avg and reactive side by side: three chains that start together on
# a busy, accelerated cluster whose waits vary.  Interruption and overlap of each hand-over
# from sacct, held against what Mirage says of it; how lookahead decided; what it costs.
#   bash tests/lab/compare.sh [LINKS] [LIMIT_MIN] [SEED] [BEFORE_S] [W]
# LINKS jobs a chain (9; LAB_LINKS says another number) of LIMIT_MIN minutes each (40, below
# six links 12), after BEFORE_S real seconds of load (330; 35), which SEED belongs to; W is the
# weight of overlap (1).  9 links take 17 minutes, 3 take two.
set -uo pipefail
export LAB_NODES=${LAB_NODES:-12}
cd "$(dirname "$0")/../.." && . tests/lab/lab.bash
lab_can_run || exit 77
links=${1:-${LAB_LINKS:-9}}
limit_min=${2:-$((links < 6 ? 12 : 40))}
seed=${3:-1}
before_s=${4:-$((links < 6 ? 35 : 330))}
w=${5:-1}
policies=(lookahead avg reactive)
declare -A user=([lookahead]=alice [avg]=bob [reactive]=carol)
declare -A chain
export LAB_WEIGHT_FAIRSHARE=0 # three users make all the load: who has a chain would come last

began=$SECONDS
said() { printf '%4d s  %s\n' $((SECONDS - began)) "$*"; }
give_up() {
    echo "FAIL: $*"
    fast "$MIRAGE" list --all
    tail -n 30 "$LAB"/log/{miraged,broker}.log
    exit 1
}

lab_start 60 || exit 77 # no cluster, no test: said as skipped
cd "$LAB/jobs" || exit 1
said "$LAB_NODES nodes; chains of $links links of $limit_min min, seed $seed"

# ---- The others: three users, four kinds of job, none of which runs to its limit

work() { # work USER NAME NODES LIMIT_MIN LOW HIGH: it uses LOW to HIGH percent of its limit
    as "$1" sbatch -o /dev/null -J "$2" -N"$3" --exclusive -t"$4" \
        --wrap "sleep $(($4 * 60 * ($5 + RANDOM % ($6 - $5)) / 100))" >/dev/null
}
some_work() {
    case $((RANDOM % 6)) in
    0 | 1) work bob sweep 1 $((limit_min / 2)) 15 60 ;;
    2 | 3) work alice train 2 "$limit_min" 60 95 ;;
    4) work carol mesh 4 $((limit_min * 3 / 4)) 40 80 ;;
    5) work carol trial 1 $((limit_min / 3)) 10 100 ;;
    esac
}

# How many minutes of work wait for the nodes that the chains leave: jobs of this load run for
# six tenths of what they ask for.
queued_min() {
    fast squeue -h -t PENDING -o '%j|%D|%l' | awk -F'|' -v nodes=$((LAB_NODES - 6)) '
        $1 ~ /^(sweep|train|mesh|trial)$/ {
            n = split($3, t, ":")
            sum += $2 * (n > 2 ? t[1] * 60 + t[2] : t[1])
        }
        END { print int(sum * 0.6 / nodes) }'
}
# Times of long and of short queues, each for half a limit to two: the queue is filled up to
# that, however slow this machine is today, and nothing is submitted while there is more.
feed() {
    local until=0 want_min=0
    RANDOM=$seed
    while :; do
        if [ "$(fast date +%s)" -ge "$until" ]; then
            want_min=$((limit_min * (1 + RANDOM % 7) / 10))
            until=$(($(fast date +%s) + limit_min * (30 + RANDOM % 90)))
        fi
        for _ in 1 2 3 4; do
            [ "$(queued_min)" -ge "$want_min" ] || some_work
        done
        sleep 1
    done
}
slowly() { "$@" || ! sleep 1; } # it takes processor time from what is tested

load_from=$(fast date +%s)
feed 2>/dev/null &
feeder=$!
trap 'kill $feeder 2>/dev/null; lab_stop' EXIT
sleep "$before_s"

# ---- Its history, and Mirage

# Nobody foresees submissions who has looked on for hours.  So accounting is told that the days
# before were as these hours have been: their jobs again, that much earlier, under other numbers.
tell_days_before() { # tell_days_before FROM
    local s=$(($(fast date +%s) - $1)) columns earlier
    # shellcheck disable=SC2016 # the quotes of SQL
    columns=$(lab_sql -N -e 'select group_concat("`", column_name, "`")
        from information_schema.columns where table_schema = "slurm_acct_db"
        and table_name = "lab_job_table" and column_name <> "job_db_inx"')
    earlier=$(sed -E "s/\`time_(submit|eligible|start|end)\`/& - k.seq * $s/g
        s/\`id_job\`/& + k.seq * 100000/" <<<"$columns")
    lab_sql slurm_acct_db -e "insert into lab_job_table ($columns)
        select $earlier from lab_job_table, seq_1_to_$((4 * 86400 / s)) k where time_end > 0"
}
n_ended() { "$MIRAGE" history 2>/dev/null | awk -F, '/^[0-9]/ && $4 != ""' | wc -l; }

tell_days_before "$load_from" || give_up "accounting takes no history"
lab_mirage_config 'mode = act' 'period = "2m"' 'poll = "60s"' 'fail_within = "1m"'
lab_mirage_start || give_up "mirage did not get ready"
has_history() { [ "$(n_ended)" -gt 500 ]; }
wait_for 60 slowly has_history || give_up "a history of only $(n_ended) jobs"
said "Mirage knows $(n_ended) jobs, $(fast squeue -h -t PENDING | wc -l) wait"

# ---- Three chains

start_chain() { # start_chain POLICY
    as "${user[$1]}" sbatch --parsable -o /dev/null -N2 --exclusive -t"$limit_min" -J "$1" \
        --comment "mirage:policy=$1,links=$links,w=$w" --wrap 'sleep infinity'
}
# Of a chain: job|submit|start|end in seconds, all that accounting has.
sacct_of() {
    TZ=UTC fast env SLURM_TIME_FORMAT=%s sacct -X -n -P -D -S now-2days --user="${user[$1]}" \
        --name="$1" -o JobID,Submit,Start,End
}
# Those that have started, with their number before them.
jobs_by_sacct() { sacct_of "$1" | sort -t'|' -k3n | awk -F'|' '$3 ~ /^[0-9]+$/ { print n++ "|" $0 }'; }
# The last one has started, what it follows has ended, and Mirage has seen both.
all_ran() {
    local p
    for p in "${policies[@]}"; do
        jobs_by_sacct "$p" | awk -F'|' -v links="$links" '
            $5 ~ /^[0-9]+$/ { ended[$1] = 1 }
            END { exit !(NR >= links && ended[links - 2]) }' || return 1
        jobs_by_mirage "$p" | awk -F'|' -v links="$links" '
            $1 == links - 1 && $6 != "" { seen = 1 }
            END { exit !seen }' || return 1
    done
}
# A line for each job of a chain, as Mirage tells it: number|job|submit|start|end|interruption|overlap
jobs_by_mirage() {
    fast "$MIRAGE" show "${chain[$1]}" --parsable2 --noheader |
        awk -F'|' -v OFS='|' '$6 != "" { print $1, $3, $5, $6, $7, $9, $10 }'
}
cpu_ticks() { # of the daemon alone: it is what plays futures out
    sed 's/.*) //' "/proc/${LAB_PID[miraged]}/stat" | awk '{ print $12 + $13 }'
}
status() { lab_api /api/v1/status | sed -n "s/.*\"$1\": *\([0-9.]*\).*/\1/p"; }

fast sdiag -r
from=$(fast date +%s) ticks=$(cpu_ticks)
for p in "${policies[@]}"; do chain[$p]=$(start_chain "$p"); done

# What lookahead's owner is told while it is not yet time, and other jobs decide when it is.
is_not_yet_time() {
    as "${user[lookahead]}" "$MIRAGE" why "${chain[lookahead]}" -n 5 >"$LAB/why"
    grep '^The best, in ' "$LAB/why" && grep '^  job ' "$LAB/why"
}
wait_for $((limit_min * 3)) slowly is_not_yet_time

# Twice the limit for each link: where the wait is longer this load is not what it should be.
wait_for $((links * limit_min * 2 + 60)) slowly all_ran || give_up "not all links have run"
kill $feeder
s=$(($(fast date +%s) - from)) ticks=$(($(cpu_ticks) - ticks))
fast sdiag >"$LAB/sdiag"
said "all have run"

# ---- What came of it

wrong=
for p in "${policies[@]}"; do
    jobs_by_sacct "$p" >"$LAB/$p.sacct"
    jobs_by_mirage "$p" >"$LAB/$p.mirage"
    [ "$(sacct_of "$p" | wc -l)" -eq "$links" ] || wrong+=" $p: not one job a link;"
    # The same jobs under the same numbers; to 2 s, though they have always been the same.
    awk -F'|' -v policy="$p" '
        function f(s) { return sprintf("%6.1f", s / 60) }
        function differs(a, b) { return a - b > 2 || b - a > 2 }
        NR == FNR { job[$1] = $2; interruption[$1] = $6; overlap[$1] = $7; next }
        $1 > 0 {
            gap = $4 - last_end; over = gap < 0 ? -gap : 0; gap = gap > 0 ? gap : 0
            printf "%-9s %d -> %d  job %-5s lead %s min  wait %s min  interruption %s min  overlap %s min\n",
                policy, $1 - 1, $1, $2, f(last_end - $3), f($4 - $3), f(gap), f(over)
            if (job[$1] != $2 || differs(gap, interruption[$1]) || differs(over, overlap[$1])) {
                printf "%-9s DIFFERS: mirage says job %s, interruption %s s, overlap %s s\n",
                    policy, job[$1], interruption[$1], overlap[$1]
                bad = 1
            }
        }
        { last_end = $5 }
        END { exit bad }' "$LAB/$p.mirage" "$LAB/$p.sacct" || wrong+=" $p: sacct says something else;"
done

echo
echo "| policy | successors | interruption: mean | max | below 1 min | overlap: mean | max | cost at w = $w |"
echo "|---|---|---|---|---|---|---|---|"
for p in "${policies[@]}"; do
    awk -F'|' -v policy="$p" -v w="$w" '
        $1 > 0 {
            gap = ($4 - last_end) / 60; n++
            none += gap < 1 # the clock jitters by seconds
            if (gap > 0) gaps += gap; else overs -= gap
            if (gap > gap_max) gap_max = gap
            if (-gap > over_max) over_max = -gap
        }
        { last_end = $5 }
        END { printf "| %s | %d | %.1f min | %.1f | %.0f %% | %.1f min | %.1f | %.1f min |\n",
            policy, n, gaps / n, gap_max, none * 100 / n, overs / n, over_max,
            (gaps + w * overs) / n }' "$LAB/$p.sacct"
done
echo
cat "$LAB/why"

# ---- What it cost, and how often lookahead could not decide by itself

echo
fast "$MIRAGE" why "${chain[lookahead]}" -n 100 --parsable2 --noheader |
    awk -F'|' '$3 != "event" { print $5 }' >"$LAB/reasons"
by_itself=$(grep -c '^lookahead: ' "$LAB/reasons")
printf 'lookahead: %d of its newest %d decisions by futures; others:\n' \
    "$by_itself" "$(wc -l <"$LAB/reasons")"
grep -v '^lookahead: ' "$LAB/reasons" | sed 's/[0-9][0-9.:]*/N/g' | sort | uniq -c
# The lab's clock drives that of processor time too.
awk -v n="$(status n_futures)" -v cpu="$(status lookahead_cpu_s)" -v ticks="$ticks" \
    -v hz="$(getconf CLK_TCK)" -v s="$s" 'BEGIN {
    printf "%d futures, %.2f s of processor time, %.2f ms each; the daemon in all %.1f s in %.0f real s\n",
        n, cpu / 60, n ? cpu / 60 * 1000 / n : 0, ticks / hz, s / 60
}'
awk -v s="$s" '/statistics by user/ { on = 1 }
    on && $1 == "mirage" {
        sub(/.*count:/, "")
        printf "requests to slurmctld as mirage: %d, %.0f in an hour of its clock\n", $1, $1 * 3600 / s
    }' "$LAB/sdiag"
[ -z "$wrong" ] || give_up "$wrong"
[ "$by_itself" -gt 0 ] || give_up "lookahead played out no future"
lab_stop
said 'the end'
