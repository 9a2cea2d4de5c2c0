#!/bin/sh
# Throughput as a share of the machine's measured FMA peak and, where PEER_PYTHON names a Python
# with torch and timm, against PyTorch in interleaved runs: median and quartiles.
# usage: bench/run.sh BUILD
set -eu
build=$1
here=$(cd "$(dirname "$0")" && pwd)
threads=${OMP_NUM_THREADS:-$(nproc)}
export OMP_NUM_THREADS="$threads"
rounds=${ROUNDS:-5} repeats=${REPEATS:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# median and quartiles of the numbers on stdin
spread() {
    sort -n | awk '
        { v[NR] = $1 }
        END { printf "%.1f %.1f %.1f\n", v[int(NR/2)+1], v[int(NR/4)+1], v[int(NR*3/4)+1] }'
}

# median and quartiles as JSON
json_spread() {
    awk '{ printf "{\"median\": %s, \"quartile_low\": %s, \"quartile_high\": %s}", $1, $2, $3 }'
}

peak=$("$build/bench_peak" "$threads")
echo "threads $threads, float32 FMA peak $peak GF/s"
separator=""
printf '{"threads": %s, "peak_gflops": %s, "cases": [' "$threads" "$peak" >"$work/json"
for case in "tiny train 16" "demo train 64" "tiny forward 1" "tiny forward 8" "demo forward 8"; do
    # shellcheck disable=SC2086 # three words
    set -- $case
    : >"$work/ours"
    : >"$work/peer"
    for _ in $(seq "$repeats"); do
        "$build/bench_model" "$1" "$2" "$3" "$rounds" >"$work/round"
        grep -v '^#' "$work/round" >>"$work/ours"
        if [ -n "${PEER_PYTHON:-}" ]; then
            "$PEER_PYTHON" "$here/peers/torch_model.py" "$1" "$2" "$3" "$rounds" >>"$work/peer"
        fi
    done
    macs=$(sed -n 's/^# macs_per_image //p' "$work/round")
    factor=2
    [ "$2" = train ] && factor=6 # forward, and twice as much backward
    ours=$(spread <"$work/ours")
    share=$(echo "$ours $macs $factor $peak" |
        awk '{ printf "%.0f", 100 * $1 * $4 * $5 / ($6 * 1e9) }')
    printf '%s\n{"model": "%s", "mode": "%s", "batch": %s, "images_per_s": %s, "peak_percent": %s' \
        "$separator" "$1" "$2" "$3" "$(echo "$ours" | json_spread)" "$share" >>"$work/json"
    separator=","
    line="$1 $2 batch $3: $ours images/s (median, quartiles), $share % of peak"
    if [ -s "$work/peer" ]; then
        peer=$(spread <"$work/peer")
        ratio=$(echo "$ours $peer" | awk '{ printf "%.2f", $1 / $4 }')
        line="$line; PyTorch $peer, ratio $ratio"
        printf ', "pytorch_images_per_s": %s, "ratio": %s' "$(echo "$peer" | json_spread)" \
            "$ratio" >>"$work/json"
    fi
    printf '}' >>"$work/json"
    echo "$line"
done
echo ']}' >>"$work/json"
mv "$work/json" "$build/bench.json"
echo "$build/bench.json has the same as JSON"
