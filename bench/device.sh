#!/bin/sh
# A device in one run: every operator against the CPU's plain C, then times of presets with random
# weights, dense and under a 90 % mask, at several batches. A table on stdout, with what the device
# calls itself; what does not fit its memory is a line that says so.
# usage: bench/device.sh BUILD [DEVICE [SECONDS]]
#   SECONDS (540): no new row is begun after so many; MODELS, BATCHES, DTYPES and RUNS choose others
set -eu
build=$1
device=${2:-opencl}
seconds=${3:-540}
models=${MODELS:-"deit_tiny_patch16_224 levit_128s deit_small_patch16_224 deit_base_patch16_224"}
batches=${BATCHES:-1 64 256}
dtypes=${DTYPES:-fp32 bf16}
runs=${RUNS:-11}
started=$(date +%s)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$build/vitcod" devices
echo "operators on every device that there is:"
if "$build/tests/test_backend_ops" >"$work/log" 2>&1; then
    grep -E '^# skipped|\[ +(OK|SKIPPED)' "$work/log" | sort -u
else
    cat "$work/log"
    echo "operators differ: nothing is timed"
    exit 1
fi

# mask LAYERS HEADS TOKENS: a diagonal, the class token, and every eleventh entry
mask() {
    python3 - "$@" "$work/mask.npy" <<'PYTHON'
import sys
layers, heads, tokens = map(int, sys.argv[1:4])
rows = bytearray()
for query in range(tokens):
    rows += bytes(0 if key in (0, query) or (5 * query + 3 * key) % 11 == 0 else 1
                  for key in range(tokens))
shape = (layers, heads, tokens, tokens)
head = f"{{'descr': '|b1', 'fortran_order': False, 'shape': {shape}, }}"
with open(sys.argv[4], "wb") as out:
    out.write(b"\x93NUMPY\x01\x00v\x00" + head.ljust(117).encode() + b"\n")
    out.write(bytes(rows) * (layers * heads))
PYTHON
}

# value KEY: of the result in $work/json
value() {
    sed -n "s/^  \"$1\": \([-0-9.e+]*\),*$/\1/p" "$work/json" | head -n 1
}

# row MODEL BATCH DTYPE KIND [OPTION..]
row() {
    what="$1 | $2 | $3 | $4"
    model=$1 batch=$2 dtype=$3
    shift 4
    if [ $(($(date +%s) - started)) -ge "$seconds" ]; then
        echo "| $what | no time left | | |"
        return
    fi
    if "$build/vitcod" bench --arch "$model" --device "$device" --batch "$batch" --dtype "$dtype" \
        --runs "$runs" --alone --json "$@" >"$work/json" 2>"$work/error"; then
        echo "| $what | $(value median_ms) | $(value images_per_second) | $(value attention_ms) |"
    else
        echo "| $what | $(head -n 1 "$work/error") | | |"
    fi
}

echo "| model | batch | precision | attention | ms | images/s | ms in attention |"
echo "|---|---|---|---|---|---|---|"
for model in $models; do
    for batch in $batches; do
        for dtype in $dtypes; do
            row "$model" "$batch" "$dtype" dense
            case $model in
            deit_tiny_patch16_224) mask 12 3 197 ;;
            deit_small_patch16_224) mask 12 6 197 ;;
            deit_base_patch16_224) mask 12 12 197 ;;
            *) continue ;;
            esac
            row "$model" "$batch" "$dtype" "90 % pruned" --mask "$work/mask.npy"
        done
    done
done
