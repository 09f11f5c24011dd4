#!/usr/bin/env bash
# rules_catch.sh - do layers.sh and headers.sh see what they are there for?
# Plants one violation at a time in a small tree and expects it to be named.
set -euo pipefail
source_dir=${MIR_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

# A tree without fault.
fresh_tree() {
    rm -rf "${tree:?}"/*
    mkdir -p "$tree"/{daemon/{core,host,engine,http},traces/{sim,reader,replay},plugins/avg}
    echo '#include <stdint.h>' >"$tree/daemon/core/error.h"
    printf '#include "daemon/core/error.h"\n#include <errno.h>\n' >"$tree/daemon/core/error.c"
    echo '#include "daemon/core/error.h"' >"$tree/daemon/host/host.h"
    echo '#include "daemon/host/host.h"' >"$tree/traces/sim/sim.h"
    echo '#include <archive.h>' >"$tree/traces/reader/input.c"
    echo '#include "daemon/core/error.h"' >"$tree/daemon/engine/view.h"
    echo '#include "daemon/core/error.h"' >"$tree/daemon/engine/chain.h"
    echo '#include "daemon/engine/view.h"' >"$tree/daemon/http/status.c"
    echo '#include "traces/sim/sim.h"' >"$tree/plugins/avg/avg.c"
    echo '#include "traces/sim/sim.h"' >"$tree/traces/replay/main.c"
}

# expect SCRIPT TEXT: the script must fail and say so.
expect() {
    local output
    if output=$(bash "$source_dir/tests/$1" "$tree" 2>&1); then
        echo "not caught by $1: $2"
        exit 1
    fi
    if ! grep -qF -- "$2" <<<"$output"; then
        printf '%s did not say "%s" but:\n%s\n' "$1" "$2" "$output"
        exit 1
    fi
}

# catches FILE LINE TEXT: append the line to the file; layers.sh must name it.
catches() {
    fresh_tree
    echo "$2" >>"$tree/$1"
    expect layers.sh "$3"
}

fresh_tree
bash "$source_dir/tests/layers.sh" "$tree"
bash "$source_dir/tests/headers.sh" "$tree"

catches daemon/core/error.c '#include "daemon/host/host.h"' 'core may not include host'
catches daemon/core/error.c '  #  include  <archive.h>' 'core may not include <archive.h>'
catches daemon/engine/chain.h '#include "traces/sim/sim.h"' 'engine may not include sim'
catches daemon/host/host.h '#include <slurm/slurm.h>' 'host may not include <slurm/slurm.h>'
catches plugins/avg/avg.c '#include "traces/replay/main.c"' 'policy may not include replay'
catches daemon/http/status.c '#include "daemon/engine/chain.h"' 'http may not include engine'
catches traces/replay/main.c '#include <archive.h>' 'replay may not include <archive.h>'
catches traces/replay/main.c '#include "sim.h"' 'includes are written from the root'
catches traces/replay/main.c '#include HEADER' 'cannot be read'
catches traces/orphan.c '#include <stdio.h>' 'belongs to no component'
catches daemon/core/utils.c '#include <stdio.h>' 'no "utils"'

fresh_tree
printf '#include <errno.h>\n#include "daemon/core/error.h"\n' >"$tree/daemon/core/error.c"
expect layers.sh 'daemon/core/error.c:1: its own header comes first'

fresh_tree
echo 'static inline int f(size_t n) { return n > 0; }' >"$tree/daemon/core/bare.h"
expect headers.sh 'daemon/core/bare.h: does not compile on its own'

fresh_tree
echo 'enum unguarded { UNGUARDED };' >"$tree/daemon/core/unguarded.h"
expect headers.sh 'daemon/core/unguarded.h: does not compile on its own'

rm -rf "${tree:?}"/*
expect layers.sh 'no source file'
expect headers.sh 'no header'
