#!/bin/sh
# Runs every fuzzer for a while over its seeds. usage: tools/run-fuzzers.sh BUILD SECONDS
#
# Seeds of fuzz_<format>: tests/fuzz/seeds/<format>/* and tests/*/golden/*.<format>. A finding is kept
# under BUILD/findings and makes the run fail.
set -u
build=$1
seconds=$2
cd "$(dirname "$0")/.." || exit 1
mkdir -p "$build/findings"
failed=0

for source in tests/fuzz/fuzz_*.c; do
    name=$(basename "$source" .c)
    format=${name#fuzz_}
    corpus=$build/corpus/$format
    mkdir -p "$corpus"
    for seed in tests/fuzz/seeds/"$format"/* tests/*/golden/*."$format"; do
        [ ! -f "$seed" ] || cp "$seed" "$corpus/seed-$(basename "$seed")"
    done
    log=$build/$name.log
    dictionary=tests/fuzz/$format.dict
    set -- -max_total_time="$seconds" -max_len=65536 -rss_limit_mb=2048 -timeout=10 \
        -print_final_stats=1 -artifact_prefix="$build/findings/$format-" "$corpus"
    [ ! -f "$dictionary" ] || set -- -dict="$dictionary" "$@"
    if "$build/fuzz/$name" "$@" >"$log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        echo "ok $name: $runs runs, $(find "$corpus" -type f | wc -l) inputs kept"
    else
        failed=1
        echo "not ok $name"
        tail -n 60 "$log"
    fi
done
exit "$failed"
