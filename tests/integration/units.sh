#!/usr/bin/env bash
# units.sh - are the units as locked up as the README says?  systemd's own score, 10 is worst.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v systemd-analyze >/dev/null || { echo "skipped: no systemd-analyze"; exit 77; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
check() { # check UNIT MOST: the programs themselves need not be installed for it
    local score
    sed "s#^ExecStart=.*#ExecStart=/bin/true#" "systemd/$1" >"$work/$1"
    score=$(systemd-analyze security --offline=true "$work/$1" 2>/dev/null |
        sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\).*/\1/p')
    echo "$1: ${score:-no score} (under $2)"
    awk -v s="${score:-99}" -v most="$2" 'BEGIN { exit !(s < most) }' || failed=1
}
check miraged.service 2.0
check mirage-broker.service 2.5
check mirage-train.service 2.0
cp systemd/mirage-train.timer "$work"
# Nothing unknown in them: a misspelt directive protects nobody.
for unit in miraged.service mirage-broker.service mirage-train.service mirage-train.timer; do
    if systemd-analyze verify "$work/$unit" 2>&1 | grep -i 'unknown\|invalid'; then failed=1; fi
done
exit $failed
