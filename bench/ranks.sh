#!/bin/sh
# One process of N threads against N processes of one thread, in turns: images per second of
# training a small ViT, and the ratio. Wants a vitcod with MPI.
# usage: bench/ranks.sh VITCOD FASHION [N [TURNS]]
set -eu
vitcod=$1 data=$2 n=${3:-2} turns=${4:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_WAIT_POLICY=passive

# rate THREADS COMMAND..: of the last epoch
rate() {
    threads=$1
    shift
    OMP_NUM_THREADS=$threads "$@" "$vitcod" train --data "$data" --patch 4 --width 64 --depth 6 \
        --heads 4 --batch 128 --limit 6400 --epochs 2 --no-test --log "$work/log" --log-every 0 \
        -o "$work/model" >/dev/null
    tail -1 "$work/log" | sed 's/.*"images_per_s":\([0-9.]*\).*/\1/'
}

for _ in $(seq "$turns"); do
    one=$(rate "$n" env)
    several=$(rate 1 mpirun -n "$n" --bind-to none)
    echo "$one $several"
done | awk '{
    printf "%.0f images/s in one process, %.0f in several: %.3f\n", $1, $2, $2 / $1
    print $2 / $1 | "sort -n >&3"
}' 3>"$work/ratios"
awk '
    { v[NR] = $1 }
    END {
        printf "several / one: median %.3f (%.3f to %.3f)\n", v[int((NR + 1) / 2)], v[1], v[NR]
    }' "$work/ratios"
