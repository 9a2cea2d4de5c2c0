#!/bin/sh
# Runs every fuzzer for a while over its seeds. usage: tools/run-fuzzers.sh BUILD SECONDS [PAGE]
#
# Told are the inputs that were tried, the edges of the program that they reached, and how many are
# kept, since each reaches something of its own; as a table behind "## Fuzzers" of PAGE as well.
# Seeds of fuzz_<format>: tests/fuzz/seeds/<format>/*, tests/*/golden/*.<format> (a JPEG may end in
# .jpg), and archives and IDX files made on the spot. A finding is kept under BUILD/findings and
# makes the run fail.
set -u
build=$1
seconds=$2
page=${3:-}
cd "$(dirname "$0")/.." || exit 1
mkdir -p "$build/findings"
failed=0
export OMP_NUM_THREADS=1 # threads that wait for tiny work take all the time

# Archives of a class folder in every dialect, IDX files of both ranks.
make_seeds() {
    made=$(mktemp -d)
    mkdir -p "$made/cat" "$build/corpus/tar" "$build/corpus/idx"
    cp tests/data/golden/palette1.png "$made/cat/one.png"
    name=a-name-that-is-longer-than-the-hundred-bytes-which-a-header-of-ustar-has-room-for
    cp tests/data/golden/palette2.png "$made/cat/$name-so-that-others-help-out.png"
    for dialect in ustar gnu pax; do
        tar --format="$dialect" -cf "$build/corpus/tar/seed-$dialect" -C "$made" cat/one.png
        [ "$dialect" = ustar ] ||
            tar --format="$dialect" -cf "$build/corpus/tar/seed-long-$dialect" -C "$made" cat
    done
    mkdir -p "$build/corpus/chip"
    cp configs/accelerators/*.yaml "$build/corpus/chip"
    gzip -c "$build/corpus/tar/seed-ustar" >"$build/corpus/tar/seed-gzip"
    cp tests/data/golden/photos*.tar.* "$build/corpus/tar"
    printf '\000\000\010\003\000\000\000\002\000\000\000\002\000\000\000\002abcdefgh' \
        >"$build/corpus/idx/seed-images"
    printf '\000\000\010\001\000\000\000\002ab' >"$build/corpus/idx/seed-labels"
    rm -rf "$made"
}
make_seeds

table=$(mktemp)
trap 'rm -f "$table" "$table.page"' EXIT
all=0

# Of many inputs only those that reach what no smaller ones do.
minimise() {
    [ "$(find "$corpus" -type f | wc -l)" -gt 300 ] || return 0
    rm -rf "$corpus.less"
    mkdir "$corpus.less"
    "$build/fuzz/$name" -merge=1 -max_len=65536 -rss_limit_mb=2048 -timeout=10 "$corpus.less" \
        "$corpus" >"$build/$name-merge.log" 2>&1 || return 0
    rm -rf "$corpus"
    mv "$corpus.less" "$corpus"
}

for source in tests/fuzz/fuzz_*.c; do
    name=$(basename "$source" .c)
    format=${name#fuzz_}
    corpus=$build/corpus/$format
    mkdir -p "$corpus"
    suffix=$format
    [ "$format" != jpeg ] || suffix=jpg
    for seed in tests/fuzz/seeds/"$format"/* tests/*/golden/*."$suffix"; do
        [ ! -f "$seed" ] || cp "$seed" "$corpus/seed-$(basename "$seed")"
    done
    log=$build/$name.log
    dictionary=tests/fuzz/$format.dict
    set -- -max_total_time="$seconds" -max_len=65536 -rss_limit_mb=2048 -timeout=10 \
        -print_final_stats=1 -artifact_prefix="$build/findings/$format-" "$corpus"
    [ ! -f "$dictionary" ] || set -- -dict="$dictionary" "$@"
    if [ ! -x "$build/fuzz/$name" ]; then
        echo "not ok $name: is not built"
        failed=1
        continue
    fi
    found=0
    "$build/fuzz/$name" "$@" >"$log" 2>&1 || found=1
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    minimise
    kept=$(find "$corpus" -type f | wc -l)
    all=$((all + ${runs:-0}))
    echo "| $format | ${runs:-0} | ${edges:-0} | $kept | $found |" >>"$table"
    if [ "$found" -eq 0 ]; then
        echo "ok $name: $runs runs, $edges edges, $kept inputs kept"
    else
        failed=1
        echo "not ok $name"
        tail -n 60 "$log"
    fi
done

if [ -n "$page" ]; then
    # what stands before, without empty lines at its end
    awk '/^## Fuzzers$/ { exit } /./ { printf "%s%s\n", empty, $0; empty = ""; next }
         { empty = empty "\n" }' "$page" >"$table.page"
    {
        echo
        echo "## Fuzzers"
        echo
        echo "Written by \`make test-fuzz FUZZ_SECONDS=$seconds FUZZ_PAGE=docs/reliability.md\`:"
        echo "$all inputs, $seconds seconds for each target on $(date -u +%Y-%m-%d), under"
        echo "AddressSanitizer and UndefinedBehaviorSanitizer."
        echo
        echo "| target | inputs | edges reached | inputs kept | findings |"
        echo "|---|---|---|---|---|"
        cat "$table"
    } >>"$table.page"
    cat "$table.page" >"$page"
fi
exit "$failed"
