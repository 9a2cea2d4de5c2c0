#!/bin/sh
# What other programs on the same CPUs cost: images per second of `vitcod eval` and of steps of
# training, alone and beside as many busy processes as there are CPUs, which are niced and so should
# take next to nothing. In turns; medians, least and most, and the share that is left.
# usage: bench/beside.sh BUILD MODEL IMAGES [COUNT [TURNS]]
set -eu
[ $# -ge 3 ] || {
    sed -n 's/^# usage: /usage: /p' "$0" >&2
    exit 2
}
build=$1 model=$2 images=$3 count=${4:-300} turns=${5:-5}
work=$(mktemp -d)
busy=""
stop() {
    for process in $busy; do
        kill "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    busy=""
}
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

start() {
    for _ in $(seq "$(nproc)"); do
        nice -n 19 sh -c 'while :; do :; done' &
        busy="$busy $!"
    done
}

middle() {
    sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# What is measured: images per second. Each is the median of its steps, or of a whole run.
rate() {
    case $1 in
    eval)
        before=$(date +%s%N)
        "$build/vitcod" eval "$model" --data "$images" --sample "$count" >"$work/said"
        echo "$count $(($(date +%s%N) - before))" | awk '{ printf "%.2f\n", $1 / $2 * 1e9 }'
        ;;
    training) "$build/bench_model" tiny train 16 4 | grep -v '^#' | middle ;;
    "small training") "$build/bench_model" small train 128 12 | grep -v '^#' | middle ;;
    esac
}

# turns_of WHAT: a line "ALONE BESIDE" each; a process of its own, which stops what it has started.
turns_of() {
    trap stop EXIT
    trap 'exit 1' INT TERM
    for _ in $(seq "$turns"); do
        alone=$(rate "$1")
        start
        beside=$(rate "$1")
        stop
        echo "$alone $beside"
    done
}

# The same files for both, read before.
"$build/vitcod" eval "$model" --data "$images" --sample "$count" >"$work/said"
for what in eval training "small training"; do
    turns_of "$what" | awk -v what="$what" -v turns="$turns" '
        function sorted(v, n, i, j, x) {
            for (i = 2; i <= n; i++)
                for (j = i; j > 1 && v[j - 1] > v[j]; j--) {
                    x = v[j]
                    v[j] = v[j - 1]
                    v[j - 1] = x
                }
        }
        NF == 2 && $1 > 0 && $2 > 0 { n++; a[n] = $1; b[n] = $2; c[n] = $2 / $1 }
        END {
            if (n < turns) {
                printf "%s: %d of %d turns gave no rate\n", what, turns - n, turns
                exit 1
            }
            sorted(a, n); sorted(b, n); sorted(c, n)
            m = int((n + 1) / 2)
            printf "%s: %.1f images/s alone (%.1f to %.1f), ", what, a[m], a[1], a[n]
            printf "%.1f beside others (%.1f to %.1f): ", b[m], b[1], b[n]
            printf "%.2f (%.2f to %.2f)\n", c[m], c[1], c[n]
        }'
done
