#!/bin/sh
# One process of one thread against 2 and 4, each on a core of its own, in turns: images per second
# of `vitcod eval`, `attention` and their ratios. Wants a vitcod with MPI.
# usage: bench/ranks_eval.sh VITCOD MODEL IMAGES [COUNT [TURNS]]
set -eu
vitcod=$1 model=$2 images=$3 count=${4:-500} turns=${5:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive
cores=$(nproc)

# rate RANKS VERB ARGUMENT..: images per second, start and end included
rate() {
    ranks=$1
    shift
    bind=core
    [ "$ranks" -le "$cores" ] || bind=none
    before=$(date +%s%N)
    mpirun --oversubscribe --bind-to "$bind" -n "$ranks" "$vitcod" "$@" --data "$images" \
        --sample "$count" >"$work/said" 2>&1 || {
        cat "$work/said" >&2
        return 1
    }
    echo "$count $(($(date +%s%N) - before))" | awk '{ printf "%.2f\n", $1 / $2 * 1e9 }'
}

for verb in eval attention; do
    set -- "$verb" "$model"
    [ "$verb" = eval ] || set -- "$@" -o "$work/maps.npy"
    for _ in $(seq "$turns"); do
        one=$(rate 1 "$@")
        two=$(rate 2 "$@")
        four=$(rate 4 "$@")
        echo "$one $two $four" | awk -v verb="$verb" '
            {
                printf "%s: %.1f, %.1f, %.1f images/s", verb, $1, $2, $3
                printf ": %.3f, %.3f\n", $2 / $1, $3 / $1
            }'
    done
done
