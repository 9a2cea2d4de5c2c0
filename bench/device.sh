#!/bin/sh
# A device in one run of under ten minutes: every operator and the golden logits against the CPU's
# plain C, then times of presets with random weights, dense and 90 % pruned, at 197 and 1025 tokens,
# at several batches and precisions, beside PyTorch and TensorRT where they are; then where the time
# goes, in ViTCoD's classes. Rows go to OUT as they are made; a run with the same OUT goes on where
# the last one stopped. Our times are of images from the host to logits there, those of PyTorch and
# TensorRT of what is on the GPU already. Operators and logits are tried on the first device of its
# kind.
# usage: bench/device.sh BUILD [DEVICE [SECONDS [OUT]]]
#   SECONDS (540): no new row is begun after so many; OUT (device.md). PYTHON (python3) is one with
#   torch; MODELS, SIZES (sides of images), BATCHES, DTYPES and RUNS choose others; SMALL=1 is a
#   minute for a driver that runs on the CPU
set -eu
build=$1
device=${2:-opencl}
seconds=${3:-540}
out=${4:-device.md}
if [ "${SMALL:-}" ]; then
    models=${MODELS:-deit_tiny_patch16_224} sizes=${SIZES:-224} batches=${BATCHES:-1}
    dtypes=${DTYPES:-fp32 fp16} runs=${RUNS:-1}
else
    deits="deit_tiny_patch16_224 deit_small_patch16_224 deit_base_patch16_224"
    models=${MODELS:-"$deits levit_128s"} sizes=${SIZES:-224 512} batches=${BATCHES:-1 64 256}
    dtypes=${DTYPES:-fp16 fp32} runs=${RUNS:-11}
fi
here=$(dirname "$0")
python=${PYTHON:-python3}
started=$(date +%s)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case $device in cpu | *:*) listed=$device ;; *) listed=$device:0 ;; esac
"$build/vitcod" devices | tee "$work/devices"
if ! grep -q "^$listed " "$work/devices"; then
    echo "there is no device $device"
    exit 1
fi
[ -s "$out" ] || echo "device: $device" >"$out"
if ! grep -qxF "device: $device" "$out"; then
    echo "$out is of another device, wanted one of $device"
    exit 1
fi

say() { tee -a "$out"; }
time_left() { [ $(($(date +%s) - started)) -lt "$seconds" ]; }
# last_line FILE: as a cell of a table
last_line() { tail -n 1 "$1" | tr '|' '/'; }

# check TEST: a program of the tests, once for an OUT
check() {
    grep -q "^$1: passed" "$out" && return
    if "$build/tests/$1" >"$work/log" 2>&1; then
        grep '^# ' "$work/log" || true
        if grep -q SKIPPED "$work/log"; then
            echo "$1: skipped"
        else
            echo "$1: passed" | say
        fi
    else
        cat "$work/log"
        echo "$1 fails: nothing is timed"
        exit 1
    fi
}

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
    for _ in range(layers * heads):
        out.write(bytes(rows))
PYTHON
}

# value KEY: of the result in $work/json
value() {
    sed -n "s/^  \"$1\": \([-0-9.e+]*\),*$/\1/p" "$work/json" | head -n 1
}

# is_new WHAT: 1 if the row is there already, or no time is left
is_new() {
    grep -qF "| $1 |" "$out" && return 1
    time_left && return 0
    echo "no time left: | $1 |"
    return 1
}

# row MODEL SIDE BATCH DTYPE KIND [OPTION..]
row() {
    what="$1 | $2 | $3 | $4 | $5 | vitcod"
    model=$1 side=$2 batch=$3 dtype=$4
    shift 5
    is_new "$what" || return 0
    if "$build/vitcod" bench --arch "$model" --image-size "$side" --device "$device" \
        --batch "$batch" --dtype "$dtype" --runs "$runs" --alone --json "$@" \
        >"$work/json" 2>"$work/error"; then
        echo "| $what | $(value median_ms) | $(value images_per_second) | $(value attention_ms) |" |
            say
    else
        echo "| $what | $(head -n 1 "$work/error" | tr '|' '/') | | |" | say
    fi
}

# torch_rows MODEL SIDE BATCH DTYPE: what PyTorch takes for the same, by each of its ways
torch_rows() {
    case $device in cuda* | cpu) ;; *) return 0 ;; esac
    for way in $("$python" "$here/device_torch.py" --ways "$device" 2>/dev/null); do
        case $way in flex*) kind="90 % pruned" ;; *) kind=dense ;; esac
        what="$1 | $2 | $3 | $4 | $kind | PyTorch, $way"
        is_new "$what" || continue
        ended=0
        timeout 90 "$python" "$here/device_torch.py" "$1" "$2" "$3" "$4" "$way" "$runs" \
            "$device" >"$work/ms" 2>"$work/error" || ended=$?
        case $ended in
        0) ms=$(cat "$work/ms") ;;
        124) ms="more than 90 s" ;;
        *) ms=$(last_line "$work/error") ;;
        esac
        echo "| $what | $ms | | |" | say
    done
}

# tensorrt_row MODEL SIDE BATCH DTYPE
tensorrt_row() {
    case $device in cuda:*) index=${device#cuda:} ;; cuda) index=0 ;; *) return 0 ;; esac
    command -v trtexec >/dev/null || return 0
    what="$1 | $2 | $3 | $4 | dense | TensorRT"
    is_new "$what" || return 0
    case $4 in fp16) flag=--fp16 ;; bf16) flag=--bf16 ;; *) flag=--noTF32 ;; esac
    if "$python" "$here/device_torch.py" --onnx "$work/m.onnx" "$1" "$2" >"$work/log" 2>&1; then
        timeout 120 trtexec --onnx="$work/m.onnx" --shapes="images:$3x3x$2x$2" \
            --device="$index" $flag >"$work/log" 2>&1 || true
    fi
    ms=$(sed -n 's/.*GPU Compute Time:.*median = \([0-9.]*\) ms.*/\1/p' "$work/log" | head -n 1)
    echo "| $what | ${ms:-$(last_line "$work/log")} | | |" | say
}

check test_backend_ops
check test_backend_maps
[ "${SMALL:-}" ] || check test_backend_golden

grep -q '^| model |' "$out" || say <<'TABLE'

ms: of vitcod from the host and back, of others of what is on the device

| model | side | batch | precision | attention | by | ms | images/s | ms in attention |
|---|---|---|---|---|---|---|---|---|
TABLE
for size in $sizes; do
    across=$((size / 16))
    tokens=$((across * across + 1))
    for model in $models; do
        heads=0
        case $model in
        deit_tiny*) heads=3 ;; deit_small*) heads=6 ;; deit_base*) heads=12 ;;
        *) [ "$size" = 224 ] || continue ;;
        esac
        [ "$heads" = 0 ] || mask 12 "$heads" "$tokens"
        for batch in $batches; do
            for dtype in $dtypes; do
                row "$model" "$size" "$batch" "$dtype" dense
                [ "$heads" = 0 ] && continue
                row "$model" "$size" "$batch" "$dtype" "90 % pruned" --mask "$work/mask.npy"
                torch_rows "$model" "$size" "$batch" "$dtype"
                tensorrt_row "$model" "$size" "$batch" "$dtype"
            done
        done
    done
done

for model in $models; do
    for dtype in $dtypes; do
        title="where the time goes: $model in $dtype"
        grep -qxF "$title" "$out" && continue
        if ! time_left; then
            echo "no time left: $title"
        elif "$build/vitcod" profile --arch "$model" --device "$device" --dtype "$dtype" \
            --batch 1 --runs "$runs" >"$work/log" 2>&1; then
            { printf '\n%s\n\n' "$title" && sed 's/^/    /' "$work/log"; } | say
        else
            echo "$title: $(last_line "$work/log")"
        fi
    done
done
