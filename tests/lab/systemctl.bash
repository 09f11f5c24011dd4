#!/usr/bin/env bash
# systemctl.bash - what admin_path.sh puts into PATH as systemctl where no systemd
# runs: start, stop, restart, reload, enable, disable and is-active of installed
# units, with the user, capabilities, folders and readiness that the unit names.
# Not done here: sandboxing by mounts and system calls (tests/integration/units.sh).
set -uo pipefail
state=${LAB:?the folder of the test cluster}/units
mkdir -p "$state"

unit_file() {
    local folder
    for folder in /etc/systemd/system /lib/systemd/system /usr/lib/systemd/system; do
        [ ! -f "$folder/$1.service" ] || { echo "$folder/$1.service"; return; }
    done
    echo "Unit $1.service could not be found." >&2
    return 4
}
setting() { sed -n "s/^$2=//p" "$1" | tail -n 1; } # setting FILE KEY

pid_of() { # of a unit that runs
    local pid
    pid=$(cat "$state/$1.pid" 2>/dev/null) && kill -0 "$pid" 2>/dev/null &&
        ! grep -q '^State:.Z' "/proc/$pid/status" && echo "$pid"
}

make_folder() { # make_folder PATH MODE USER GROUP
    [ -z "$1" ] || install -d -m "${2:-0755}" -o "$3" -g "$4" "$1"
}

start() {
    local file user group caps run notify=$state/$1.notify args
    [ -z "$(pid_of "$1")" ] || return 0
    file=$(unit_file "$1") || return
    user=$(setting "$file" User) group=$(setting "$file" Group)
    run=$(setting "$file" RuntimeDirectory) caps=$(setting "$file" StateDirectory)
    make_folder "${run:+/run/$run}" "$(setting "$file" RuntimeDirectoryMode)" "$user" "$group"
    make_folder "${caps:+/var/lib/$caps}" "$(setting "$file" StateDirectoryMode)" "$user" "$group"
    caps=-all
    for cap in $(setting "$file" CapabilityBoundingSet); do
        cap=${cap#CAP_}
        caps+=,+${cap,,}
    done
    rm -f "$notify" "$notify.text"
    setsid socat -u "UNIX-RECV:$notify,mode=777" "CREATE:$notify.text" </dev/null >/dev/null 2>&1 &
    echo $! >"$notify.pid"
    until [ -S "$notify" ]; do sleep 0.05; done
    read -ra args <<<"$(setting "$file" ExecStart)"
    # A service's environment, not the admin's.
    (umask "$(setting "$file" UMask)" && cd / && exec setsid env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        LANG=C NOTIFY_SOCKET="$notify" \
        setpriv --reuid="$user" --regid="$group" --init-groups --inh-caps=-all \
        --bounding-set="$caps" --no-new-privs "${args[@]}" \
        >>"$LAB/log/$1.log" 2>&1 </dev/null) &
    echo $! >"$state/$1.pid"
    for _ in $(seq 600); do
        ! grep -qs '^READY=1' "$notify.text" || return 0
        [ -n "$(pid_of "$1")" ] || break
        sleep 0.1
    done
    echo "Job for $1.service failed. See its log:" >&2
    tail -n 20 "$LAB/log/$1.log" >&2
    stop "$1"
    return 1
}

stop() {
    local pid
    pid=$(pid_of "$1")
    [ -z "$pid" ] || kill "$pid"
    for _ in $(seq 600); do
        [ -n "$(pid_of "$1")" ] || break
        sleep 0.1
    done
    pid=$(pid_of "$1")
    [ -z "$pid" ] || kill -KILL "$pid"
    [ ! -f "$state/$1.notify.pid" ] || kill "$(cat "$state/$1.notify.pid")" 2>/dev/null
    rm -f "$state/$1".*
}

verb='' now='' failed=0 units=()
for arg; do
    case $arg in
    --now) now=yes ;;
    -*) ;;
    *) if [ -z "$verb" ]; then verb=$arg; else units+=("${arg%.service}"); fi ;;
    esac
done
for unit in "${units[@]}"; do
    case $verb in
    start) start "$unit" ;;
    stop) stop "$unit" ;;
    enable) unit_file "$unit" >/dev/null && { [ -z "$now" ] || start "$unit"; } ;;
    disable) [ -z "$now" ] || stop "$unit" ;;
    restart) stop "$unit" && start "$unit" ;;
    try-restart) [ -z "$(pid_of "$unit")" ] || { stop "$unit" && start "$unit"; } ;;
    reload) kill -HUP "$(pid_of "$unit")" ;;
    is-active | status) [ -n "$(pid_of "$unit")" ] && echo active || { echo inactive; false; } ;;
    *) echo "systemctl: '$verb' is not known to this stand-in" >&2; false ;;
    esac || failed=1
done
case $verb in daemon-reload | start | stop | enable | disable | restart | try-restart | reload | is-active | status) ;; *) failed=1 ;; esac
exit $failed
