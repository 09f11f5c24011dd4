# lab.bash - a real Slurm cluster on this machine, for tests: munged, MariaDB,
# slurmdbd, slurmctld and slurmd's on loopback, with Mirage beside them.  To be
# sourced.  Everything lives in $LAB; nothing of the system's own Slurm is touched.
#
#   lab_start [SPEED]   boots it; SPEED 60: all its clocks run 60 times faster
#   lab_stop            ends it (also on exit of the script that sourced this)
#   lab_mirage_start, lab_mirage_stop, lab_broker_start, lab_daemon_start, ...
#   fast CMD...         CMD with the lab's clock
#   as USER CMD...      the same as that user
#   wait_for S CMD...   until CMD succeeds; S real seconds at most

LAB_NODES=${LAB_NODES:-8}
LAB_CPUS=${LAB_CPUS:-16} # a node
LAB_PORT=${LAB_PORT:-26800} # ctld +17, slurmd +18, dbd +19, mariadb +20, nodes +101...
LAB_CLOCK=()                # the environment of the lab's clock
declare -A LAB_PID

LAB=${LAB:-$(mktemp -d "${TMPDIR:-/tmp}/mirage-lab.XXXXXX")}
export SLURM_CONF=$LAB/etc/slurm.conf
BUILD=${MIR_BINARY_DIR:-$PWD/build/release}
MIRAGED=${MIRAGED:-$BUILD/miraged}
MIRAGE_BROKER=${MIRAGE_BROKER:-$BUILD/mirage-broker}
MIRAGE=${MIRAGE:-$BUILD/mirage}

lab_can_run() { # exit code 77 of the test, with the reason
    [ "$(id -u)" = 0 ] || { echo "skipped: a lab needs root"; return 1; }
    local program
    for program in slurmctld slurmd slurmdbd munged mariadbd faketime setpriv; do
        command -v $program >/dev/null || { echo "skipped: no $program"; return 1; }
    done
}

fast() { env "${LAB_CLOCK[@]}" "$@"; }
as() {
    local user=$1
    shift
    setpriv --reuid="$user" --regid="$user" --init-groups \
        env "${LAB_CLOCK[@]}" HOME="/home/$user" USER="$user" "$@"
}

wait_for() {
    local until=$(($(date +%s%N) + $1 * 1000000000))
    shift
    while ! "$@" >/dev/null 2>&1; do
        [ "$(date +%s%N)" -lt "$until" ] || return 1
        sleep 0.05
    done
}

# lab_spawn NAME COMMAND...: in a session of its own, output to log/NAME.log
lab_spawn() {
    local name=$1
    shift
    setsid env "${LAB_CLOCK[@]}" "$@" >>"$LAB/log/$name.log" 2>&1 </dev/null &
    LAB_PID[$name]=$!
    disown $!
}

lab_alive() { # a zombie counts as ended
    local pid=${LAB_PID[$1]:-}
    [ -n "$pid" ] || return 1
    case $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null) in '' | Z* | X*) return 1 ;; esac
}
lab_ended() { ! lab_alive "$1"; }

lab_kill() { # lab_kill NAME [SIGNAL]: and wait for its end
    local name=$1 signal=${2:-TERM}
    lab_alive "$name" || return 0
    kill "-$signal" "${LAB_PID[$name]}"
    wait_for 20 lab_ended "$name" || kill -KILL "${LAB_PID[$name]}"
    unset "LAB_PID[$name]"
}

lab_users() {
    local user
    for user in alice bob carol; do
        id $user >/dev/null 2>&1 || useradd -m $user
    done
    id mirage >/dev/null 2>&1 || useradd -r -M -s /usr/sbin/nologin mirage
}

lab_config() {
    local timeouts="MessageTimeout=10
SlurmctldTimeout=30
SlurmdTimeout=60"
    # Under a fast clock each timeout is divided by the speed.
    [ ${#LAB_CLOCK[@]} -eq 0 ] || timeouts="MessageTimeout=100
SlurmctldTimeout=600
SlurmdTimeout=3000"
    local last=$((LAB_PORT + 100 + LAB_NODES)) nodes
    nodes=n[01-$(printf %02d "$LAB_NODES")]
    cat >"$LAB/etc/cgroup.conf" <<<"CgroupPlugin=cgroup/v1"
    cat >"$LAB/etc/gres.conf" <<<"NodeName=$nodes Name=gpu File=$LAB/dev/gpu[0-3]"
    cat >"$SLURM_CONF" <<END
ClusterName=lab
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=slurm
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$LAB/munge/munge.socket
CredType=cred/munge
SlurmctldPort=$((LAB_PORT + 17))
SlurmdPort=$((LAB_PORT + 18))
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation=$LAB/state
SlurmdSpoolDir=$LAB/spool/%n
SlurmctldPidFile=$LAB/run/slurmctld.pid
SlurmdPidFile=$LAB/run/slurmd-%n.pid
SlurmctldLogFile=$LAB/log/slurmctld.log
SlurmdLogFile=$LAB/log/slurmd-%n.log
SlurmctldDebug=info
SlurmdDebug=info
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,sched_min_interval=0,bf_interval=2,bf_yield_interval=1000000,bf_resolution=1,bf_window=1440,bf_continue,bf_max_job_test=2000,default_queue_depth=2000,batch_sched_delay=0
PriorityType=priority/multifactor
PriorityWeightAge=100000
PriorityMaxAge=1-0
PriorityWeightFairshare=${LAB_WEIGHT_FAIRSHARE:-10000}
PriorityWeightJobSize=1000
PriorityWeightQOS=10000
PriorityCalcPeriod=1
PriorityDecayHalfLife=1-0
AccountingStorageType=${LAB_ACCOUNTING:-accounting_storage/slurmdbd}
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$((LAB_PORT + 19))
AccountingStoragePass=$LAB/munge/munge.socket
AccountingStoreFlags=${LAB_STORE:-job_script,job_env,job_comment}
AccountingStorageTRES=gres/gpu
AccountingStorageEnforce=associations,limits,qos
JobCompType=jobcomp/none
Licenses=matlab:50
MaxJobCount=50000
DefMemPerCPU=1000
MaxArraySize=20000
MinJobAge=${LAB_MIN_JOB_AGE:-300}
KillWait=5
OverTimeLimit=0
InactiveLimit=0
Waittime=0
$timeouts
NodeName=$nodes NodeHostname=localhost NodeAddr=127.0.0.1 Port=[$((LAB_PORT + 101))-$last] CPUs=$LAB_CPUS Boards=1 SocketsPerBoard=2 CoresPerSocket=$((LAB_CPUS / 2)) ThreadsPerCore=1 RealMemory=64000 TmpDisk=1000 Feature=fast,big,ib Gres=gpu:4 State=UNKNOWN
PartitionName=main Nodes=$nodes Default=YES MaxTime=1-0 DefaultTime=5 State=UP
PartitionName=short Nodes=$nodes MaxTime=10 DefaultTime=2 PriorityJobFactor=10 State=UP
END
    cat >"$LAB/etc/slurmdbd.conf" <<END
AuthType=auth/munge
AuthInfo=$LAB/munge/munge.socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=$((LAB_PORT + 19))
SlurmUser=slurm
DebugLevel=info
LogFile=$LAB/log/slurmdbd.log
PidFile=$LAB/run/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=$((LAB_PORT + 20))
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
CommunicationParameters=NoInAddrAny
END
    chown slurm "$LAB/etc/slurmdbd.conf"
    chmod 600 "$LAB/etc/slurmdbd.conf"
}

# One clock for all: libfaketime's shared memory belongs to the process that holds it open.
lab_clock() {
    local speed=$1 line
    [ "$speed" != 1 ] || return 0
    setsid faketime -m -f "+0 x$speed" bash -c '
        chmod 666 /dev/shm/faketime_* /dev/shm/sem.faketime_*
        env | grep -E "^(FAKETIME|LD_PRELOAD)" >"$1/clock.new"
        mv "$1/clock.new" "$1/clock"
        exec sleep infinity' clock "$LAB" >"$LAB/log/clock.log" 2>&1 </dev/null &
    LAB_PID[clock]=$!
    disown $!
    wait_for 10 test -e "$LAB/clock" || return 1
    while IFS= read -r line; do LAB_CLOCK+=("$line"); done <"$LAB/clock"
    # Its faked stat() holds a semaphore that all share: a process killed within stops everybody.
    LAB_CLOCK+=(NO_FAKE_STAT=1)
}

lab_munged() {
    rm -f "$LAB/munge/munge.socket" "$LAB/munge/munge.socket.lock"
    lab_spawn munged munged --foreground --key-file="$LAB/munge/munge.key" \
        --socket="$LAB/munge/munge.socket" --num-threads=4 --pid-file="$LAB/munge/munged.pid" \
        --log-file="$LAB/munge/munged.log" --seed-file="$LAB/munge/munged.seed"
    wait_for 10 munge -n --socket="$LAB/munge/munge.socket" # an answer, not the file: it may be old
}

lab_sql() { mariadb --no-defaults -uroot -S "$LAB/db/mysql.sock" "$@"; }

lab_mariadb() {
    local new=
    if [ ! -d "$LAB/db/mysql" ]; then
        mariadb-install-db --no-defaults --user=slurm --datadir="$LAB/db" --skip-test-db \
            --auth-root-authentication-method=normal --innodb-log-file-size=32M \
            >"$LAB/log/mariadb-install.log" 2>&1 || return 1
        new=1
    fi
    lab_spawn mariadbd mariadbd --no-defaults --user=slurm --datadir="$LAB/db" \
        --socket="$LAB/db/mysql.sock" --pid-file="$LAB/db/mariadb.pid" --bind-address=127.0.0.1 \
        --port=$((LAB_PORT + 20)) --skip-name-resolve --innodb-buffer-pool-size=128M \
        --innodb-log-file-size=32M --innodb-lock-wait-timeout=900 \
        --innodb-flush-log-at-trx-commit=0 --performance-schema=0
    wait_for 30 lab_sql -e 'select 1' || return 1
    [ -z "$new" ] || lab_sql -e "create database slurm_acct_db;
        create user slurm@'127.0.0.1' identified by 'slurm';
        grant all on slurm_acct_db.* to slurm@'127.0.0.1'"
}

lab_as_slurm() { setpriv --reuid=slurm --regid=slurm --clear-groups "$@"; }

lab_slurmdbd() {
    lab_spawn slurmdbd setpriv --reuid=slurm --regid=slurm --clear-groups slurmdbd -D
    wait_for 30 bash -c "exec 3<>/dev/tcp/127.0.0.1/$((LAB_PORT + 19))"
}

lab_slurmctld() {
    lab_spawn slurmctld setpriv --reuid=slurm --regid=slurm --clear-groups slurmctld -D
    wait_for 30 fast scontrol ping
}

lab_slurmds() {
    local i
    for i in $(seq -f %02g "$LAB_NODES"); do
        lab_alive "slurmd-n$i" || lab_spawn "slurmd-n$i" slurmd -D -N "n$i"
    done
}

lab_nodes_up() {
    [ "$(fast sinfo -h -p main -t idle,alloc,mix -o %D | paste -sd+ | bc)" = "$LAB_NODES" ] &&
        ! fast sinfo -h -o %t | grep '\*' >/dev/null
}

lab_start() {
    local i
    lab_users
    mkdir -p "$LAB"/{etc,log,run,state,spool,db,munge,dev,jobs,mirage}
    chmod 755 "$LAB"
    chmod 1777 "$LAB/jobs"
    chown slurm "$LAB"/{run,state,db}
    chmod 777 "$LAB/log"
    trap lab_stop EXIT
    lab_clock "${1:-1}" || { echo "lab: no clock" >&2; return 1; }
    for i in 0 1 2 3; do mknod "$LAB/dev/gpu$i" c 1 3 2>/dev/null || touch "$LAB/dev/gpu$i"; done # a file will do
    for i in $(seq -f %02g "$LAB_NODES"); do mkdir -p "$LAB/spool/n$i"; done
    lab_config
    if [ ! -e "$LAB/munge/munge.key" ]; then
        head -c 1024 /dev/urandom >"$LAB/munge/munge.key"
        chmod 400 "$LAB/munge/munge.key"
    fi
    lab_munged || { echo "lab: munged does not answer" >&2; return 1; }
    if [ "${LAB_ACCOUNTING:-}" != accounting_storage/none ]; then
        lab_mariadb || { echo "lab: mariadbd does not answer" >&2; return 1; }
        lab_slurmdbd || { echo "lab: slurmdbd does not answer" >&2; return 1; }
        { fast sacctmgr -i add cluster lab
            fast sacctmgr -i add account acct1 description=x organization=x
            fast sacctmgr -i add user alice,bob,carol account=acct1; } >"$LAB/log/sacctmgr.log" 2>&1
    fi
    lab_slurmctld || { echo "lab: slurmctld does not answer" >&2; return 1; }
    # Under a fast clock one slurmd in thirty dies while starting: look, and start it again.
    for i in 1 2 3 4 5 6; do
        lab_slurmds
        wait_for 8 lab_nodes_up && return 0
    done
    echo "lab: not all nodes came up" >&2
    return 1
}

lab_stop() {
    local name
    trap - EXIT
    lab_mirage_stop
    fast scancel --quiet --state=PENDING,RUNNING --user=alice,bob,carol >/dev/null 2>&1
    for name in "${!LAB_PID[@]}"; do
        case $name in slurmd-*) kill "${LAB_PID[$name]}" 2>/dev/null ;; esac
    done
    for name in "${!LAB_PID[@]}"; do
        case $name in slurmd-*) lab_kill "$name" ;; esac
    done
    for name in slurmctld slurmdbd mariadbd munged clock; do
        [ "$name" != clock ] || [ -z "${LAB_PID[clock]:-}" ] ||
            rm -f /dev/shm/*faketime_*_"${LAB_PID[clock]}"
        lab_kill $name
    done
    # What a sanitizer has said of the daemon or the broker fails the test.
    local reports='ERROR: AddressSanitizer|ERROR: LeakSanitizer|runtime error:|WARNING: ThreadSanitizer'
    local clean=0
    if grep -qE "$reports" "$LAB"/log/{miraged,broker}.log 2>/dev/null; then
        echo "FAIL  a sanitizer has spoken:"
        grep -hE -A30 "$reports" "$LAB"/log/{miraged,broker}.log | head -n 80
        clean=1
    fi
    # Jobs and slurmstepds that outlive their cluster have its slurm.conf in their environment.
    for name in $(grep -lsF "SLURM_CONF=$LAB/" /proc/[0-9]*/environ); do
        name=${name#/proc/}
        kill -KILL "${name%/environ}" 2>/dev/null
    done
    [ -n "${LAB_KEEP:-}" ] || rm -rf "$LAB"
    return $clean
}

# ---- Mirage

# lab_mirage_config [LINE...]: LINEs come first, so "mode = act"
lab_mirage_config() {
    install -d -o mirage -g mirage -m 700 "$LAB/mirage/state"
    install -d -o mirage -g mirage -m 755 "$LAB/mirage/run"
    install -d -o root -g mirage -m 750 "$LAB/mirage/broker"
    install -d -o root -g root -m 700 "$LAB/mirage/spool"
    {
        printf '%s\n' "$@"
        cat <<END
state_dir = "$LAB/mirage/state"
socket = "$LAB/mirage/run/mirage.sock"
kill_file = "$LAB/mirage/stop"
listen = "127.0.0.1:$((LAB_PORT + 42))"
broker {
    socket = "$LAB/mirage/broker/broker.sock"
    spool = "$LAB/mirage/spool"
    slurm_conf = "$SLURM_CONF"
    user_per_hour = ${LAB_RATE:-100000}
    all_per_hour = ${LAB_RATE:-100000}
}
END
    } >"$LAB/mirage/mirage.conf"
    export MIRAGE_SOCKET=$LAB/mirage/run/mirage.sock
}

lab_broker_start() { lab_spawn broker ${LAB_WRAP:-} "$MIRAGE_BROKER" --config "$LAB/mirage/mirage.conf"; }
lab_daemon_start() {
    lab_spawn miraged setpriv --reuid=mirage --regid=mirage --clear-groups \
        "$MIRAGED" --config "$LAB/mirage/mirage.conf"
}
lab_api() { fast curl -sS --max-time 600 --unix-socket "$MIRAGE_SOCKET" "http://localhost$1" "${@:2}"; }
lab_ready() { lab_api /readyz -f -o /dev/null; }
lab_mirage_start() {
    lab_broker_start
    lab_daemon_start
    wait_for 30 lab_ready
}
lab_mirage_stop() {
    lab_kill miraged
    lab_kill broker
}
