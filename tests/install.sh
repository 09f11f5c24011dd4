#!/usr/bin/env bash
# install.sh - what building and testing Mirage takes, on a bare Debian 12.
# Run as root.  Quick, and without the network, when all of it is there.
set -euo pipefail

packages=(
    # building
    gcc libc6-dev make cmake ninja-build pkg-config libarchive-dev libjson-c-dev
    tzdata # times in job logs are local ones
    scdoc  # the manual page
    # testing
    libcmocka-dev clang libclang-rt-14-dev clang-format-14
)

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
    apt-get -q update
    apt-get -q install -y --no-install-recommends "${missing[@]}"
fi
