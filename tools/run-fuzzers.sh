#!/bin/sh
# Runs fuzzers for a while over their seeds, as many at a time as there are cores.
# usage: [FUZZ_PAGE=FILE] tools/run-fuzzers.sh BUILD SECONDS [TARGET...], without targets all
#
# Told are the inputs that were tried, the edges of the program that they reached, and how many are
# kept, since each reaches something of its own; as rows of the table behind "## Fuzzers" of
# FUZZ_PAGE as well, each when its target ends, where rows of other targets stay. Seeds of a target:
# tests/fuzz/seeds/<target>/*, tests/*/golden/*.<target> (a JPEG may end in .jpg), and archives and
# IDX files made on the spot. A finding is kept under BUILD/findings and makes the run fail.
set -u
build=$1
seconds=$2
shift 2
page=${FUZZ_PAGE:-}
cd "$(dirname "$0")/.." || exit 1
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

# Of many inputs only those that reach what no smaller ones do.
minimise() {
    [ "$(find "$corpus" -type f | wc -l)" -gt 300 ] || return 0
    rm -rf "$corpus.less"
    mkdir "$corpus.less"
    "$build/fuzz/fuzz_$target" -merge=1 -max_len=65536 -rss_limit_mb=2048 -timeout=10 \
        "$corpus.less" "$corpus" >"$build/fuzz_$target-merge.log" 2>&1 || return 0
    rm -rf "$corpus"
    mv "$corpus.less" "$corpus"
}

# One target: $target.
run_one() {
    if [ ! -e "tests/fuzz/fuzz_$target.c" ]; then
        echo "not ok fuzz_$target: wanted the name of a tests/fuzz/fuzz_NAME.c without fuzz_"
        return 1
    fi
    corpus=$build/corpus/$target
    mkdir -p "$corpus"
    suffix=$target
    [ "$target" != jpeg ] || suffix=jpg
    for seed in tests/fuzz/seeds/"$target"/* tests/*/golden/*."$suffix"; do
        [ ! -f "$seed" ] || cp "$seed" "$corpus/seed-$(basename "$seed")"
    done
    log=$build/fuzz_$target.log
    dictionary=tests/fuzz/$target.dict
    set -- -max_total_time="$seconds" -max_len=65536 -rss_limit_mb=2048 -timeout=10 \
        -print_final_stats=1 -artifact_prefix="$build/findings/$target-" "$corpus"
    [ ! -f "$dictionary" ] || set -- -dict="$dictionary" "$@"
    if [ ! -x "$build/fuzz/fuzz_$target" ]; then
        echo "not ok fuzz_$target: is not built"
        return 1
    fi
    found=0
    "$build/fuzz/fuzz_$target" "$@" >"$log" 2>&1 || found=$?
    if [ "$found" -eq 72 ]; then # libFuzzer's status after SIGINT or SIGTERM
        echo "not ok fuzz_$target: interrupted, wanted $seconds s"
        return 1
    fi
    [ "$found" -eq 0 ] || found=1
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    minimise
    kept=$(find "$corpus" -type f | wc -l)
    day=$(date -u +%Y-%m-%d)
    echo "| $target | $day | $seconds | ${runs:-0} | ${edges:-0} | $kept | $found |" \
        >"$FUZZ_ROWS/$target"
    if [ "$found" -eq 0 ]; then
        echo "ok fuzz_$target: $runs runs, $edges edges, $kept inputs kept"
    else
        echo "not ok fuzz_$target"
        tail -n 60 "$log"
        return 1
    fi
}

# The rows that the page has, but those of targets that are no more.
read_page() {
    sed '1,/^## Fuzzers$/d' "$page" | awk '/^\| [a-z]/ && $2 != "target"' |
        while read -r bar name row; do
            [ ! -e "tests/fuzz/fuzz_$name.c" ] || echo "$bar $name $row" >"$FUZZ_ROWS/$name"
        done
}

# The page with the rows that there are by now.
write_page() {
    next=$(mktemp) || return 1
    {
        # what stands before, without empty lines at its end
        awk '/^## Fuzzers$/ { exit } /./ { printf "%s%s\n", empty, $0; empty = ""; next }
             { empty = empty "\n" }' "$page"
        echo
        echo "## Fuzzers"
        echo
        echo "Written by \`make test-fuzz FUZZ_PAGE=docs/reliability.md\`, a row when its target is"
        echo "run, under AddressSanitizer and UndefinedBehaviorSanitizer:"
        echo "$(cat "$FUZZ_ROWS"/* | awk '{ n += $8 } END { print n }') inputs in all."
        echo
        echo "| target | day | seconds | inputs | edges reached | inputs kept | findings |"
        echo "|---|---|---|---|---|---|---|"
        cat "$FUZZ_ROWS"/*
    } >"$next" && cat "$next" >"$page"
    written=$?
    rm -f "$next"
    return "$written"
}

if [ -n "${FUZZ_ROWS:-}" ]; then # called by itself, for one
    target=$1
    failed=0
    run_one || failed=1
    if [ -n "$page" ]; then # one of those that run at a time, and whole
        (trap '' INT TERM && flock 9 && write_page) 9<"$page" || failed=1
    fi
    exit "$failed"
fi

if [ -n "$page" ] && [ ! -w "$page" ]; then
    echo "run-fuzzers.sh: $page cannot be written, wanted a page as docs/reliability.md" >&2
    exit 1
fi
FUZZ_ROWS=$(mktemp -d)
export FUZZ_ROWS
trap 'rm -rf "$FUZZ_ROWS"' EXIT
[ -z "$page" ] || read_page
mkdir -p "$build/findings"
make_seeds
failed=0
jobs=$(env -u OMP_NUM_THREADS nproc)
# shellcheck disable=SC2046 # names of files without spaces
[ $# -gt 0 ] || set -- $(basename -s .c tests/fuzz/fuzz_*.c | sed 's/^fuzz_//')
turns=$((($# + jobs - 1) / jobs))
wanted=$((turns * seconds))
time="$((wanted / 60)) min $((wanted % 60)) s"
echo "targets: $#, $seconds s each, $jobs at a time, at least $time"
printf '%s\n' "$@" | xargs -P "$jobs" -n 1 tools/run-fuzzers.sh "$build" "$seconds" || failed=1
exit "$failed"
