#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# slurm_headers.sh - does daemon/broker compile against every libslurm it claims?
#
# Fetches libslurm-dev of other Debian suites from this machine's own mirror (apt's
# sources), unpacks only the headers, and checks every daemon/broker/*.c against each
# with -fsyntax-only.  Nothing is installed.  Exits 77 where the archive cannot be
# reached or there is no apt.
#
#   SLURM_SUITES="trixie forky"   other suites; default: trixie sid
#   SLURM_HEADERS=DIR             where downloads are kept; default: build/slurm-headers
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
keep=${SLURM_HEADERS:-$root/build/slurm-headers}
suites=${SLURM_SUITES:-trixie sid}
compiler=${CC:-cc}

skip() {
    echo "skipped: $*" >&2
    exit 77
}

# The first Debian archive in apt's sources, in either of their two forms.
find_mirror() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
        sed -n 's/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\/debian\)\/* .*/\2/p'
    cat /etc/apt/sources.list.d/*.sources 2>/dev/null |
        sed -n 's/^URIs: *\([^ ]*\/debian\)\/*\( .*\)\{0,1\}$/\1/p'
}

fetch() { # SUITE: headers in $keep/SUITE/usr/include
    suite=$1
    dir=$keep/$suite
    [ -f "$dir/usr/include/slurm/slurm.h" ] && return 0
    mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/etc"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" \
        >"$dir/etc/sources.list"
    : >"$dir/status"
    set -- -q -o "Dir::State=$dir" -o "Dir::State::lists=$dir/lists" \
        -o "Dir::State::status=$dir/status" -o "Dir::Cache=$dir/cache" \
        -o "Dir::Etc::sourcelist=$dir/etc/sources.list" -o "Dir::Etc::sourceparts=-" \
        -o "Acquire::Languages=none" -o "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false" \
        -o "APT::Sandbox::User=root" -o "Acquire::http::Timeout=20" -o "Acquire::Retries=1"
    apt-get "$@" update >"$dir/log" 2>&1 || return 1
    (cd "$dir" && apt-get "$@" download libslurm-dev >>log 2>&1) || return 1
    dpkg-deb -x "$dir"/libslurm-dev_*.deb "$dir" || return 1
    rm -rf "$dir/lists" "$dir/cache" "$dir"/libslurm-dev_*.deb
}

check() { # NAME INCLUDE_DIR...: compile all of the broker
    name=$1
    shift
    n=0
    bad=0
    for source in "$root"/daemon/broker/*.c; do
        n=$((n + 1))
        "$compiler" -fsyntax-only -std=c17 -D_GNU_SOURCE '-DMIR_VERSION="headers"' "$@" \
            '-DMIR_BEFORE_BANNED="daemon/broker/compat_db.h"' -I"$root" -include "$root/daemon/core/banned.h" -Wall -Wextra -Wpedantic -Wshadow \
            -Wconversion -Wformat=2 -Wundef -Wvla -Wstrict-prototypes -Wmissing-prototypes -Werror \
            "$source" || {
            echo "not ok - $name: ${source##*/}"
            bad=$((bad + 1))
        }
    done
    failed=$((failed + bad))
    [ "$bad" -gt 0 ] || echo "ok - $name: $n files"
}

command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || skip "no apt here"
mirror=$(find_mirror | head -n 1)
[ -n "$mirror" ] || skip "apt's sources name no Debian archive"

failed=0
for suite in $suites; do
    fetch "$suite" || skip "$suite could not be fetched; see $keep/$suite/log"
    # -isystem, as for an installed library: warnings in Slurm's headers are Slurm's
    header=$keep/$suite/usr/include/slurm/slurm_version.h
    number=$(sed -n 's/^#define SLURM_VERSION_NUMBER //p' "$header")
    version=$(printf '%d.%02d.%d' $((number >> 16)) $((number >> 8 & 255)) $((number & 255)))
    check "$suite ($version)" -isystem "$keep/$suite/usr/include"
done
[ "$failed" -eq 0 ]
