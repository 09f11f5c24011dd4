#!/usr/bin/env bash
# run.sh - install what is missing, build, test.
#
#   bash tests/run.sh           everything that a commit must pass
#   bash tests/run.sh unit      release build; unit tests, corpora, rules: under a minute
#   bash tests/run.sh quick     release build, its tests but for the long ones, format
#   bash tests/run.sh lab       release build; what runs against a real Slurm
#   bash tests/run.sh fuzz      search for crashes, MIR_FUZZ_SECONDS (15) for each target
#   bash tests/run.sh format    clang-format; "format --fix" applies it
#   bash tests/run.sh bench     the benchmarks, in full length
#
# Prints a line a step and stops at the first that fails, with the end of its
# log and after it the lines that name what failed; all logs are in build/log.
set -uo pipefail
cd "$(dirname "$0")/.."

tier=${1:-all}
jobs=$(nproc)
fuzz_s=${MIR_FUZZ_SECONDS:-15}
logs=$PWD/build/log
export CTEST_PARALLEL_LEVEL=$jobs
mkdir -p "$logs"

# step NAME COMMAND...: run it, tell how it went.
step() {
    local name=$1 began=$SECONDS log
    log=$logs/$(printf %s "$name" | tr -cs 'a-zA-Z0-9' -).log
    shift
    if "$@" >"$log" 2>&1; then
        printf 'ok    %-40s %4d s%s\n' "$name" $((SECONDS - began)) "$(skipped "$log")"
    else
        printf 'FAIL  %-40s %4d s\n' "$name" $((SECONDS - began))
        tail -n 60 "$log"
        printf '\nrun.sh: %s failed; all of it: %s\n' "$name" "$log" >&2
        grep -nE '^(not ok|FAIL|skipped|lab:)|: FAILED|error:|ERROR: |\(Failed\)|\(Timeout\)' "$log" | head -n 40 >&2
        exit 1
    fi
}

# What did not run is said, not hidden.
skipped() {
    local n
    n=$(grep -c '\*\*\*Skipped' "$1")
    [ "$n" -eq 0 ] || printf ', %d skipped' "$n"
}

build() { # build PRESET [TARGET...]
    local preset=$1
    shift
    if [ ! -f "build/$preset/CMakeCache.txt" ]; then
        CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja} cmake --preset "$preset" || return 1
    fi
    cmake --build --preset "$preset" -j "$jobs" ${1:+--target "$@"}
}

# Sanitizers of clang 14 want memory where newer kernels' randomisation may put something else.
fixed_addresses() {
    if setarch "$(uname -m)" -R true 2>/dev/null; then
        setarch "$(uname -m)" -R "$@"
    else
        "$@"
    fi
}

run_ctest() { # run_ctest PRESET [CTEST ARGUMENTS...]
    local preset=$1
    shift
    fixed_addresses ctest --test-dir "build/$preset" --output-on-failure --no-tests=error "$@"
}

sources() {
    find daemon models plugins traces tests -name '*.[ch]' -print0
}

check_format() {
    if [ "${1:-}" = --fix ]; then
        sources | xargs -0 clang-format-14 -i
    else
        sources | xargs -0 clang-format-14 --dry-run --Werror
    fi
}

fuzz_one() { # fuzz_one PROGRAM; new inputs stay in build/fuzz/corpus
    local name=${1##*/fuzz_}
    local found=build/fuzz/corpus/$name
    mkdir -p "$found"
    if fixed_addresses "$1" -max_total_time="$fuzz_s" -timeout=10 -rss_limit_mb=2048 \
        -max_len=65536 -artifact_prefix="build/fuzz/$name-" -print_final_stats=1 \
        "$found" "tests/fuzz/corpus/$name" >"$logs/fuzz-$name.log" 2>&1; then
        printf '%s: %s\n' "$name" \
            "$(grep -E 'number_of_executed_units' "$logs/fuzz-$name.log" | grep -oE '[0-9]+') inputs"
    else
        printf '%s: FAILED\n' "$name"
        tail -n 50 "$logs/fuzz-$name.log"
        return 1
    fi
}

fuzz() {
    export -f fuzz_one fixed_addresses
    export fuzz_s logs
    find tests/fuzz -name 'fuzz_*.c' -printf 'build/fuzz/tests/%f\n' | sed 's/\.c$//' | sort |
        xargs -r -P "$jobs" -I{} bash -c 'fuzz_one {}'
}

bench() {
    local program rc
    for program in build/release/tests/bench_*; do
        [ -x "$program" ] || continue
        printf '== %s\n' "${program##*/}"
        "$program"
        rc=$?
        [ $rc -eq 0 ] || [ $rc -eq 77 ] || return $rc
    done
}

began=$SECONDS
case $tier in
unit | quick | lab | all | fuzz | format | bench) ;;
*)
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac

step install bash tests/install.sh

# Stacks with names, through binutils: LLVM's own symbolizer is a large package.
symbolizer=external_symbolizer_path=$(command -v llvm-symbolizer || command -v addr2line || true)
export ASAN_OPTIONS=$symbolizer
export UBSAN_OPTIONS=print_stacktrace=1:$symbolizer
export TSAN_OPTIONS=halt_on_error=1:$symbolizer

case $tier in
unit)
    step "build (gcc)" build release
    step "unit tests, corpora, rules" run_ctest release -L 'unit|fuzz|rules'
    ;;
quick)
    step "build (gcc)" build release
    step "tests" run_ctest release -LE 'lab|campaign'
    step format check_format
    ;;
lab)
    step "build (gcc)" build release
    step "tests on a real Slurm" run_ctest release -L lab
    cat "$logs"/tests-on-a-real-Slurm.log
    ;;
format)
    step format check_format "${2:-}"
    ;;
bench)
    step "build (gcc)" build release
    step bench bench
    cat "$logs/bench.log"
    ;;
fuzz)
    step "build (libFuzzer)" build fuzz fuzzers
    step "fuzz, $fuzz_s s a target" fuzz
    cat "$logs"/fuzz-*-s-a-target.log
    ;;
all)
    step layers bash tests/layers.sh
    step format check_format
    step "build (gcc)" build release
    step "headers, each on its own" bash tests/headers.sh
    step "tests" run_ctest release -LE 'lab|campaign'
    step "storms" run_ctest release -L campaign
    # Alone: its clocks run 60 times faster, and a compiler beside it makes Slurm's own timeouts.
    export LAB_LINKS=3 # of compare.sh; nine take 17 minutes
    step "tests on a real Slurm" run_ctest release -L lab
    step "build (clang)" build clang
    step "build (ASan, UBSan)" build asan
    step "tests (ASan, UBSan)" run_ctest asan -LE 'bench|lab|campaign'
    step "storms (ASan, UBSan)" fixed_addresses build/asan/tests/campaign --seeds 100 --first 100000
    step "build (TSan)" build tsan
    step "unit tests (TSan)" run_ctest tsan -L unit
    step "build (libFuzzer)" build fuzz fuzzers
    step "fuzz, $fuzz_s s a target" fuzz
    export LAB_SPEED=1 # what has a sanitizer in it does not start under libfaketime
    step "on a real Slurm (ASan, UBSan)" run_ctest asan -R lab_refusals
    step "on a real Slurm (TSan)" run_ctest tsan -R lab_refusals
    ;;
esac
printf 'passed: %s, %d s\n' "$tier" $((SECONDS - began))
