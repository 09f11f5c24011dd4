#!/usr/bin/env bash
# refusals.sh - what must be refused, or taken without harm, on a real Slurm:
# others' jobs, root, forged tags, junk and floods on every socket, a 4 MB script,
# names with newlines.  The admin's socket answers in under 50 ms throughout.
set -uo pipefail
cd "$(dirname "$0")/../.." && . tests/lab/lab.bash
lab_can_run || exit 77
# Programs with a sanitizer in them do not start under libfaketime: LAB_SPEED=1, and a list a second.
speed=${LAB_SPEED:-60}
poll=60s period=1m
[ "$speed" != 1 ] || poll=1s period=5s
lab_start "$speed" || exit 77 # no cluster, no test: said as skipped
fast sacctmgr -i add user root account=acct1 >/dev/null
lab_mirage_config 'mode = act' 'policy = "lead:hours=1"' "period = $period" "poll = $poll"
lab_mirage_start || { tail "$LAB"/log/{miraged,broker}.log; exit 1; }
cd "$LAB/jobs" || exit 1
failed=0
status() { "$@" -s -o /dev/null -w '%{http_code}'; } # of a curl
answers() { # answers CODE CURL...
    local want=$1 got
    shift
    got=$(status "$@")
    [ "$got" = "$want" ] || { echo "HTTP $got, expected $want: $("$@" -s)"; return 1; }
}
claim() { # claim TEXT COMMAND...
    local text=$1
    shift
    if "$@" >"$LAB/log/claim" 2>&1; then echo "ok    $text"; else
        echo "FAIL  $text"; cat "$LAB/log/claim"; failed=1; fi
}
never() { ! "$@"; }
submit() { # submit USER OPTIONS...: prints the id
    local user=$1
    shift
    as "$user" sbatch --parsable -o /dev/null -n1 "$@"
}
chains() { lab_api '/api/v1/chains?all=1'; }
chain_of() { # chain_of JOB: the state of the chain whose first job it is
    local id
    for id in $(chains | grep -o '"id": *"[a-z2-7]*"' | cut -d'"' -f4); do
        lab_api "/api/v1/chains/$id" | tr -d ' \n' | grep "\"number\":0,[^}]*\"job_id\":$1[,}]" >/dev/null && echo "$id" && return
    done
    return 1
}
state_of() { lab_api "/api/v1/chains/$(chain_of "$1")" | tr -d '\n' | sed -n 's/^{[^[]*"state": *"\([a-z]*\)".*/\1/p'; }
is_state() { [ "$(state_of "$1")" = "$2" ]; }
reason_says() { lab_api "/api/v1/chains/$(chain_of "$1")" | grep "\"reason\": *\"[^\"]*$2" >/dev/null; }
n_links() { fast squeue -h -o %k | grep -c "mirage=$(chain_of "$1")\."; }
has_successor() { [ "$(n_links "$1")" -ge 1 ]; }

# ---- Whose job
theirs=$(submit alice -t60 --wrap 'sleep infinity')
sleep 1 # until slurmdbd knows the job: nothing of it can be changed before
as bob "$MIRAGE" enroll "$theirs" >"$LAB/log/enroll" 2>&1
cat "$LAB/log/enroll"
claim "bob cannot enroll alice's job" grep -qiE 'denied|permission|owner|invalid user' "$LAB/log/enroll"
as bob curl -s --unix-socket "$MIRAGE_SOCKET" -d "{\"job\":$theirs}" http://localhost/api/v1/chains >/dev/null
sleep 2 # a job that is not in the last list is read first
claim "nor by the API" never chain_of "$theirs"
roots=$(fast sbatch --parsable -o /dev/null -n1 -t60 --comment=mirage --wrap 'sleep infinity')
mine=$(submit alice -t60 --comment=mirage --wrap 'sleep infinity')
claim "alice's own job becomes a chain" wait_for 20 is_state "$mine" active
claim "and gets a successor" wait_for 30 has_successor "$mine"
claim "root's does not" never chain_of "$roots"
claim "bob cannot stop it" answers 403 as bob curl --unix-socket "$MIRAGE_SOCKET" \
    -d '{}' "http://localhost/api/v1/chains/$(chain_of "$mine")/stop"
claim "bob cannot drain" answers 403 as bob curl --unix-socket "$MIRAGE_SOCKET" \
    -d '{}' http://localhost/api/v1/drain

# ---- Forged tags
tag=$(fast squeue -h -u alice -o %k | grep -o "mirage=$(chain_of "$mine")[^ ]*" | head -1)
forged=$(submit bob -t60 --comment="$tag" --wrap 'sleep infinity')
again=$(submit alice -t60 --hold --comment="$tag" --wrap 'sleep infinity')
sleep 3
claim "bob's job with a copied tag is left alone" test -n "$(fast squeue -h -j "$forged" -o %i)"
claim "alice's chain goes on" is_state "$mine" active

# ---- What a successor could not be given, by name
array=$(submit alice -t60 --array=0-3%1 --comment=mirage --wrap 'sleep 5000')
claim "an array is refused by name" wait_for 20 reason_says "$array" array
dependent=$(submit alice -t60 -d "afterany:$mine" --comment=mirage --wrap 'sleep 5000')
claim "a dependency is refused by name" wait_for 20 reason_says "$dependent" 'dependency\|waits for'
wrong=$(submit alice -t60 --comment=mirage:w=nonsense --wrap 'sleep 5000')
claim "a wrong option is refused by name" wait_for 20 reason_says "$wrong" 'w'
as alice scancel "$array" "$dependent" "$wrong"

# ---- Odd but right
{ echo '#!/bin/sh'; echo '#'; head -c 4100000 /dev/zero | tr '\0' '#' | fold -w 1000; echo; echo 'exec sleep infinity'; } >big.sh
big=$(submit alice -t60 --comment=mirage big.sh)
if [ -n "$big" ]; then
    claim "a script of 4 MB has a successor" wait_for 30 has_successor "$big"
else
    claim "slurmctld itself refuses a script over 4 MB" true
fi
odd=$(submit alice -t60 -J $'two\nlines %1 = "x"' --comment=$'mirage\tand\nmore' --wrap 'sleep infinity')
claim "a name and a comment with newlines have a successor" wait_for 30 has_successor "$odd"
successor=$(lab_api "/api/v1/chains/$(chain_of "$odd")" | grep -o '"job_id": *[0-9]*' | sed -n '2s/[^0-9]*//p')
claim "which has the same name" test "$(fast squeue -h -j "$successor" -o %j)" = $'two\nlines %1 = "x"'

# ---- Junk on every socket
junk() { head -c "$1" /dev/urandom; }
ticks_over() { lab_api /healthz -f -o /dev/null; }
for n in 1 100 70000 20000000; do
    junk $n | fast timeout 5 socat -u - "UNIX-CONNECT:$MIRAGE_SOCKET" 2>/dev/null
    junk $n | timeout 5 bash -c "cat >/dev/tcp/127.0.0.1/$((LAB_PORT + 42))" 2>/dev/null
    junk $n | as mirage timeout 5 socat -u - "UNIX-CONNECT:$LAB/mirage/broker/broker.sock" 2>/dev/null
    junk $n | as bob timeout 5 socat -u - "UNIX-CONNECT:$LAB/mirage/broker/broker.sock" 2>/dev/null
done
printf 'hello version=99\n' | as mirage timeout 5 socat - "UNIX-CONNECT:$LAB/mirage/broker/broker.sock" >"$LAB/log/bye" 2>/dev/null
claim "the broker says bye to another version" grep -q '^bye' "$LAB/log/bye"
claim "bob cannot reach the broker" never as bob timeout 5 socat -u /dev/null "UNIX-CONNECT:$LAB/mirage/broker/broker.sock"
claim "the daemon is well after junk" wait_for 20 lab_ready
claim "a wrong Host is refused" answers 421 curl -H 'Host: evil.example' \
    "http://127.0.0.1:$((LAB_PORT + 42))/api/v1/status"
claim "TCP is read-only" answers 405 curl -d '{}' "http://127.0.0.1:$((LAB_PORT + 42))/api/v1/chains"
claim "TCP names no users" never bash -c "curl -s 'http://127.0.0.1:$((LAB_PORT + 42))/api/v1/chains?all=1' | grep alice >/dev/null"

# ---- Slow clients on TCP, a person on the socket
for i in $(seq 60); do
    (exec 3<>"/dev/tcp/127.0.0.1/$((LAB_PORT + 42))" && printf 'GET / HT' >&3 && sleep 3 && printf 'TP' >&3 && sleep 3) 2>/dev/null &
done
worst=0
for i in $(seq 40); do
    ms=$(curl -s -o /dev/null -w '%{time_total}' --unix-socket "$MIRAGE_SOCKET" http://localhost/api/v1/status | awk '{printf "%d", $1 * 1000}')
    [ "$ms" -le "$worst" ] || worst=$ms
    sleep 0.1
done
wait
echo "      the admin's socket took $worst ms at most beside 60 slow clients"
claim "that is under 50 ms" test "$worst" -lt 50

# ---- Switches
lab_api /api/v1/drain -d '{}' >/dev/null
new=$(submit alice -t60 --comment=mirage --wrap 'sleep infinity')
sleep 4
claim "drained: nothing new is submitted" never has_successor "$new"
touch "$LAB/mirage/stop"
lab_api /api/v1/undrain -d '{}' >/dev/null
sleep 4
claim "the kill file does the same" never has_successor "$new"
rm "$LAB/mirage/stop"
claim "without both it goes on" wait_for 60 has_successor "$new"
as alice scancel "$new"
claim "a cancelled chain ends" wait_for 60 is_state "$new" ended
no_pending() { [ "$(fast squeue -h -t PENDING -o %k | grep -c "mirage=$(chain_of "$new")\.")" -eq 0 ]; }
claim "and leaves no successor behind" wait_for 60 no_pending

[ $failed -eq 0 ] || tail -n 50 "$LAB/log/miraged.log"
lab_stop || failed=1
exit $failed
