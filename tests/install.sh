#!/usr/bin/env bash
# install.sh - what building and testing Mirage takes, on a bare Debian 12.
#   bash tests/install.sh          all of it
#   bash tests/install.sh build    what building takes
# Run as root.  Quick, and without the network, when all of it is there.
set -euo pipefail

packages=(
    gcc libc6-dev make cmake ninja-build pkg-config libarchive-dev libjson-c-dev
    libconfuse-dev libsqlite3-dev libsystemd-dev libmicrohttpd-dev libslurm-dev libmunge-dev
    libxgboost-dev libzstd-dev libxxhash-dev
    tzdata # times in job logs are local ones
    scdoc  # the manual pages
    libcmocka-dev # tests are configured with all the rest
)
testing=(
    clang libclang-rt-14-dev clang-format-14
    # a real Slurm on this machine (tests/lab)
    slurmctld slurmd slurmdbd slurm-client slurm-wlm-basic-plugins slurm-wlm-mysql-plugin munge
    mariadb-server-core mariadb-client-core libfaketime faketime bc liblua5.1-0 procps iproute2
    curl socat systemd sqlite3 dpkg-dev file adduser
)

[ "${1:-}" = build ] || packages+=("${testing[@]}")

missing=()
for package in "${packages[@]}"; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done

if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" -ne 0 ]; then
        echo "install.sh: not root; please install: ${missing[*]}" >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    # Slurm is wanted as programs: nothing of it is to start as a service here.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod +x $policy
        trap 'rm -f $policy' EXIT
    fi
    apt-get -q update
    apt-get -q install -y --no-install-recommends "${missing[@]}"
fi
