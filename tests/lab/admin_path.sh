#!/usr/bin/env bash
# admin_path.sh - a new admin's path, as README.md writes it: builds the package,
# then runs the commands between "admin's path" and "end" there, one by one, beside
# a test cluster.  In the end alice has a chain that is observed.  Purges the package.
#   bash tests/lab/admin_path.sh
set -uo pipefail
cd "$(dirname "$0")/../.." && . tests/lab/lab.bash
lab_can_run || exit 77

in_container() { [ -e /.dockerenv ] || systemd-detect-virt -cq || [ ! -d /run/systemd/system ]; }
in_container || [ -n "${MIR_SYSTEM_TESTS:-}" ] || { echo "skipped: installs a package on this machine"; exit 77; }
for program in cpack dpkg-deb socat; do
    command -v $program >/dev/null || { echo "skipped: no $program"; exit 77; }
done
for path in /etc/mirage /var/lib/mirage /var/lib/mirage-broker /run/mirage /usr/sbin/miraged; do
    [ ! -e $path ] || { echo "skipped: there is a $path already"; exit 77; }
done

failed=0
claim() { # claim TEXT COMMAND...
    local text=$1
    shift
    if "$@" >"$LAB/log/claim" 2>&1; then echo "ok    $text"; else
        echo "FAIL  $text"; cat "$LAB/log/claim"; failed=1; fi
}
says() { grep -qE -- "$1" "$said"; }
never() { ! "$@"; }

# ---- The package

cmake --build "$BUILD" --target miraged mirage mirage-broker mirage-replay manual example >/dev/null &&
    cpack -G DEB --config "$BUILD/CPackConfig.cmake" -B "$LAB/package" >/dev/null ||
    { echo "FAIL: no package"; rm -rf "$LAB"; exit 1; }
said=$LAB/contents
dpkg-deb -c "$LAB"/package/mirage_*.deb >"$said"
mkdir -p "$LAB/log"
for path in usr/bin/mirage usr/bin/mirage-replay usr/sbin/miraged usr/sbin/mirage-broker; do
    claim "the package has /$path" says "^-rwxr-xr-x root/root .* \./$path\$"
done
for path in etc/mirage/mirage.conf usr/lib/systemd/system/mirage{d,-broker,-train}.service \
    usr/lib/sysusers.d/mirage.conf usr/share/man/man1/mirage.1 usr/share/man/man5/mirage.conf.5 \
    usr/share/man/man8/mirage{d,-broker}.8 usr/share/doc/mirage/{README.md,copyright} \
    usr/share/bash-completion/completions/mirage; do
    claim "the package has /$path" says "^-rw-r--r-- root/root .* \./$path\$"
done
claim "its configuration is one that dpkg keeps" \
    bash -c "dpkg-deb -I '$LAB'/package/mirage_*.deb conffiles | grep -x /etc/mirage/mirage.conf >/dev/null"

# ---- Before and after

had_user=
! id mirage >/dev/null 2>&1 || had_user=yes
finish() {
    systemctl stop miraged mirage-broker
    apt-get -qq -y purge mirage >>"$LAB/log/apt.log" 2>&1
    lab_stop
    [ -n "$had_user" ] || { userdel mirage; groupdel -f mirage; } 2>/dev/null
}
lab_start || exit 77 # no cluster, no test: said as skipped
[ -n "$had_user" ] || userdel mirage # made by lab_start: the package is to make it
mkdir "$LAB/bin"
install -m 755 tests/lab/systemctl.bash "$LAB/bin/systemctl"
export LAB PATH=$LAB/bin:$PATH DEBIAN_FRONTEND=noninteractive
trap finish EXIT

# ---- As it is written

mapfile -t lines < <(sed -n "/<!-- admin's path -->/,/<!-- end -->/s/^    //p" README.md)
[ ${#lines[@]} -ge 5 ] || { echo "FAIL: README.md has no admin's path"; exit 1; }
cd "$LAB/package" || exit 1
said=$LAB/said
: >"$said"
for line in "${lines[@]}"; do
    echo "\$ $line"
    eval "$line" >"$LAB/output" 2>&1 </dev/null
    rc=$?
    cat "$LAB/output" >>"$said"
    sed 's/^/      /' "$LAB/output"
    [ $rc -eq 0 ] || { echo "FAIL: exit status $rc"; tail -n 30 "$LAB"/log/mirage*.log; exit 1; }
    case $line in
    apt-get\ *install*) # the test cluster's slurm.conf is not where libslurm looks by itself
        sed -i "s|# *slurm_conf = .*|slurm_conf = \"$SLURM_CONF\"|" /etc/mirage/mirage.conf ;;
    esac
done

# ---- What has come of it

claim "the daemon observes" says 'mode +observe'
claim "selftest finds nothing that fails" never says '^FAIL'
chain=$(mirage list --user alice --parsable2 --noheader | cut -d'|' -f1)
claim "alice has one chain" test "$(wc -w <<<"$chain")" = 1
claim "it is in the list" says "^$chain .*alice"
claim "mirage why has a decision" bash -c "mirage why '$chain' --parsable2 --noheader | cut -d'|' -f3 | grep -vx event"
claim "nothing was submitted" test "$(squeue -h -u alice | wc -l)" = 1
claim "the daemon is nobody special" test "$(stat -c %U "/proc/$(cat "$LAB/units/miraged.pid")")" = mirage
caps() { sed -n "s/^Cap$1:[[:space:]]*0*//p" "/proc/$(cat "$LAB/units/mirage-broker.pid")/status"; }
claim "the broker has two capabilities" test "$(caps Prm) $(caps Bnd)" = "c0 c0"
claim "the journal is its own" test "$(stat -c '%U %a' /var/lib/mirage)" = "mirage 700"

scancel -u alice
finish
trap - EXIT
for path in /usr/sbin/miraged /etc/mirage /var/lib/mirage /var/lib/mirage-broker /run/mirage; do
    [ ! -e $path ] || { echo "FAIL  $path is left after the purge"; failed=1; }
done
[ $failed -ne 0 ] || echo "ok    nothing is left of it"
exit $failed
