#!/bin/sh
# One process of one thread against 2 and 4, each on a core of its own, in turns: images per second
# of `vitcod eval`, `attention`, start and end included, and their ratios; last their medians. What
# they find is compared: the numbers of eval, but for times, and the bytes of the maps are those of
# one process. Wants a vitcod with MPI.
# usage: bench/ranks_eval.sh VITCOD MODEL IMAGES [COUNT [TURNS]]
set -eu
[ $# -ge 3 ] || {
    sed -n 's/^# usage: /usage: /p' "$0" >&2
    exit 2
}
vitcod=$1 model=$2 images=$3 count=${4:-500} turns=${5:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive
cores=$(nproc)

# What is the same whoever does the work.
other='date|command|seconds|images_per_s|[a-z_]*_ms|[a-z_]*_seconds|threads|ranks|output'
found() {
    tr ',{}' '[\n*]' <"$work/said" | grep -Ev "\"($other)\"" || true
    [ ! -f "$work/maps.npy" ] || sha256sum <"$work/maps.npy"
}

# rate RANKS VERB ARGUMENT..: images per second
rate() {
    ranks=$1
    shift
    bind=core
    [ "$ranks" -le "$cores" ] || bind=none
    rm -f "$work/maps.npy"
    before=$(date +%s%N)
    mpirun --allow-run-as-root --oversubscribe --bind-to "$bind" -n "$ranks" "$vitcod" "$@" \
        --data "$images" --sample "$count" --json >"$work/said" 2>"$work/errors" || {
        cat "$work/said" "$work/errors" >&2
        return 1
    }
    took=$(($(date +%s%N) - before))
    found >"$work/found-$ranks"
    if [ "$ranks" -gt 1 ] && ! cmp -s "$work/found-1" "$work/found-$ranks"; then
        echo "ranks_eval: $ranks processes find something else than one:" >&2
        diff "$work/found-1" "$work/found-$ranks" >&2 || true
        return 1
    fi
    echo "$count $took" | awk '{ printf "%.2f\n", $1 / $2 * 1e9 }'
}

for verb in eval attention; do
    set -- "$verb" "$model"
    [ "$verb" = eval ] || set -- "$@" -o "$work/maps.npy"
    : >"$work/twos"
    for _ in $(seq "$turns"); do
        one=$(rate 1 "$@")
        two=$(rate 2 "$@")
        four=$(rate 4 "$@")
        echo "$one $two $four" | awk -v verb="$verb" -v twos="$work/twos" '
            {
                printf "%s: %.1f, %.1f, %.1f images/s", verb, $1, $2, $3
                printf ": %.3f, %.3f\n", $2 / $1, $3 / $1
                print $2 / $1 >>twos
            }'
    done
    sort -n "$work/twos" | awk -v verb="$verb" '
        { v[NR] = $1 }
        END {
            printf "%s: two processes of one thread over one: ", verb
            printf "median %.3f (%.3f to %.3f)", v[int((NR + 1) / 2)], v[1], v[NR]
            print "; all found the same"
        }'
done
