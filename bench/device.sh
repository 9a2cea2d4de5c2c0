#!/bin/sh
# A device in one run of under ten minutes: every operator, the golden logits, and those of PyTorch,
# dense and pruned; then times of presets with random weights, dense and 90 % pruned, at 197 and
# 1025 tokens, at several batches and precisions, beside PyTorch and TensorRT where they are; where
# the time goes, in ViTCoD's classes; and which goals hold. What goals need comes first. Rows go to
# OUT as they are made; a run with the same OUT goes on where the last one stopped. Times are of
# images from the host to logits there, in attention those of the device. Operators and golden
# logits are tried on the first device of its kind.
# usage: bench/device.sh BUILD [DEVICE [SECONDS [OUT]]]
#   SECONDS (540): no new row is begun after so many, and none takes more than is left and 30;
#   OUT (device.md). PYTHON (python3) is one with torch; MODELS, SIZES (sides of images), BATCHES,
#   DTYPES and RUNS choose others; TORCH_WAYS some of PyTorch's, TORCH_DEVICE its device beside one
#   of OpenCL; CHECKS=none goes without tests of the build; SMALL=1 is a minute for a driver that
#   runs on the CPU
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
# What the last run found out is kept: rows go on behind its rows.
end() {
    cat "$work/breakdowns" >>"$out"
    rm -rf "$work"
}
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
sed -n '/^where the time goes/,$p' "$out" >"$work/breakdowns"
trap end EXIT
trap 'exit 130' INT TERM
sed -i -e '/^goals$/,$d' -e '/^where the time goes/,$d' "$out"

say() { tee -a "$out"; }
left() { echo $((seconds - $(date +%s) + started)); }
time_left() { [ "$(left)" -gt 0 ]; }
# limited MOST COMMAND..: no longer than that, nor than is left and half a minute
limited() {
    most=$1
    shift
    [ $(($(left) + 30)) -ge "$most" ] || most=$(($(left) + 30))
    timeout "$most" "$@"
}
# last_line FILE: as a cell of a table
last_line() { tail -n 1 "$1" | tr '|' '/'; }

# check TEST: a program of the tests, once for an OUT
check() {
    grep -q "^$1: passed" "$out" && return
    if LANES=none "$build/tests/$1" >"$work/log" 2>&1; then
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
    ended=0
    limited 150 "$build/vitcod" bench --arch "$model" --image-size "$side" --device "$device" \
        --batch "$batch" --dtype "$dtype" --warm-up 5 --runs "$runs" --alone --json "$@" \
        >"$work/json" 2>"$work/error" || ended=$?
    is_cut "$ended" "$what" && return
    if [ "$ended" = 0 ]; then
        echo "| $what | $(value median_ms) | $(value images_per_second) | $(value attention_ms) |" |
            say
    else
        echo "| $what | $(failure "$work/error") | | |" | say
    fi
}

# is_cut STATUS WHAT: 1 if it did not end because no time is left: a further run tries it again
is_cut() {
    [ "$1" = 124 ] && ! time_left && echo "no time left: | $2 |"
}

# failure FILE: why there is no time, as a cell
failure() {
    last=$(head -n 1 "$1" | tr '|' '/')
    echo "${last:-it took too long}"
}

# torch_rows MODEL SIDE BATCH DTYPE: what PyTorch takes for the same, by each of its ways that has
# no row yet, in one process
torch_rows() {
    new=
    for way in $torch_ways; do
        is_new "$1 | $2 | $3 | $4 | $(kind_of "$way") | $(by "$way")" && new="$new $way"
    done
    [ "$new" ] || return 0
    ended=0
    # shellcheck disable=SC2086 # words
    limited 240 "$python" "$here/device_torch.py" "$1" "$2" "$3" "$4" "$runs" "$torch_device" $new \
        >"$work/ways" 2>"$work/error" || ended=$?
    while IFS='|' read -r way ms attention; do
        way=${way% }
        case $ms in *[0-9].[0-9]*) rate=$(rate_of "$3" "$ms") ;; *) rate= ;; esac
        echo "| $1 | $2 | $3 | $4 | $(kind_of "$way") | $(by "$way") |$ms| $rate |$attention |" |
            say
    done <"$work/ways"
    [ "$ended" = 0 ] || echo "PyTorch ended with $ended: $(last_line "$work/error")"
}

# by WAY: a column; on which device, where it is another
by() { echo "PyTorch, $1$([ "$torch_device" = "$device" ] || echo " on $torch_device")"; }
kind_of() { case $1 in flex) echo "90 % pruned" ;; *) echo dense ;; esac; }
rate_of() {
    awk -v images="$1" -v ms="$2" 'BEGIN { if (ms > 0) printf "%.1f", 1e3 * images / ms }'
}

# tensorrt_row MODEL SIDE BATCH DTYPE
tensorrt_row() {
    case $device in cuda:*) index=${device#cuda:} ;; cuda) index=0 ;; *) return 0 ;; esac
    command -v trtexec >/dev/null || return 0
    what="$1 | $2 | $3 | $4 | dense | TensorRT"
    is_new "$what" || return 0
    case $4 in fp16) flag=--fp16 ;; bf16) flag=--bf16 ;; *) flag=--noTF32 ;; esac
    [ -s "$work/$1-$2.onnx" ] || "$build/vitcod" export --arch "$1" --image-size "$2" \
        -o "$work/$1-$2.onnx" >/dev/null
    ended=0
    limited 180 trtexec --onnx="$work/$1-$2.onnx" --shapes="images:$3x3x$2x$2" \
        --device="$index" $flag >"$work/log" 2>&1 || ended=$?
    is_cut "$ended" "$what" && return
    # From the host to the host, as the others.
    ms=$(sed -n 's/.*\] Latency: .* median = \([0-9.]*\) ms.*/\1/p' "$work/log" | head -n 1)
    if [ "$ended" = 0 ] && [ "$ms" ]; then
        echo "| $what | $ms | $(rate_of "$3" "$ms") | |" | say
    else
        why=$(grep -m 1 '\[E\]' "$work/log" | tr '|' '/' || true)
        why=${why:-$(last_line "$work/log")}
        echo "| $what | ${why:-trtexec ended with $ended} | | |" | say
    fi
}

# same_logits DTYPE SHARE: what the device makes of PyTorch's model, dense and pruned
same_logits() {
    grep -q "^logits of PyTorch, $1: " "$out" && return
    for kind in dense pruned; do
        case $kind in dense) set -- "$1" "$2" ;; *) set -- "$1" "$2" --mask "$work/mask.npy" ;; esac
        dtype=$1 share=$2
        shift 2
        "$build/vitcod" infer "$work/model.safetensors" --input "$work/images.npy" --force \
            -o "$work/have.npy" --device "$device" --dtype "$dtype" "$@" >"$work/log" 2>&1 || {
            echo "logits of PyTorch in $dtype: $(last_line "$work/log")"
            return
        }
        if ! "$python" "$here/device_torch.py" --compare "$work/have.npy" "$work/$kind.npy" \
            "$share" >"$work/log"; then
            why=$(cat "$work/log")
            echo "logits of PyTorch, $kind in $dtype, are others ($why): nothing is timed"
            exit 1
        fi
        echo "logits of PyTorch, $dtype: $kind: $(cat "$work/log")" | say
        set -- "$dtype" "$share"
    done
}

# all_rows MODEL SIDE BATCH DTYPE
all_rows() {
    heads=0
    case $1 in deit_tiny*) heads=3 ;; deit_small*) heads=6 ;; deit_base*) heads=12 ;; esac
    [ "$heads" != 0 ] || [ "$2" = 224 ] || return 0
    row "$1" "$2" "$3" "$4" dense
    [ "$heads" != 0 ] || return 0
    mask 12 "$heads" $((($2 / 16) * ($2 / 16) + 1))
    row "$1" "$2" "$3" "$4" "90 % pruned" --mask "$work/mask.npy"
    torch_rows "$1" "$2" "$3" "$4"
    tensorrt_row "$1" "$2" "$3" "$4"
}

# breakdown MODEL DTYPE: where its time goes
breakdown() {
    title="where the time goes: $1 in $2"
    grep -qxF "$title" "$out" "$work/breakdowns" && return
    if ! time_left; then
        echo "no time left: $title"
    elif limited 120 "$build/vitcod" profile --arch "$1" --device "$device" --dtype "$2" \
        --batch 1 --runs "$runs" >"$work/log" 2>&1; then
        { printf '%s\n\n' "$title" && sed 's/^/    /' "$work/log" && echo; } >>"$work/breakdowns"
        cat "$work/log"
    else
        echo "$title: $(last_line "$work/log")"
    fi
}

if [ "${CHECKS:-}" != none ]; then
    check test_backend_ops
    check test_backend_maps
    [ "${SMALL:-}" ] || check test_backend_golden
fi
torch_ways="" torch_device=${TORCH_DEVICE:-}
if "$python" -c 'import torch' 2>/dev/null; then
    case $device in cuda* | cpu) torch_device=${TORCH_DEVICE:-$device} ;; esac
    [ ! "$torch_device" ] ||
        torch_ways=${TORCH_WAYS:-$("$python" "$here/device_torch.py" --ways "$torch_device")}
    "$python" "$here/device_torch.py" --write "$work" deit_tiny_patch16_224 224
    same_logits fp32 1e-3
    case $dtypes in *fp16*) same_logits fp16 0.02 ;; esac
else
    echo "no PyTorch for $python: its logits and times are not there"
fi

grep -q '^| model |' "$out" || say <<'TABLE'

ms: from images in the host's memory to logits there; in attention: of the device

| model | side | batch | precision | attention | by | ms | images/s | ms in attention |
|---|---|---|---|---|---|---|---|---|
TABLE
# What goals need, as far as it is wanted at all.
for goal in "deit_base_patch16_224 224 64 fp16" "deit_base_patch16_224 512 64 fp16" \
    "deit_base_patch16_224 224 1 fp16" "deit_tiny_patch16_224 224 1 fp16" \
    "deit_small_patch16_224 224 1 fp16"; do
    # shellcheck disable=SC2086 # words
    set -- $goal
    case " $models / $sizes / $batches / $dtypes " in
    *" $1 "*/*" $2 "*/*" $3 "*/*" $4 "*) all_rows "$@" ;;
    esac
done
for model in $models; do
    for dtype in $dtypes; do
        breakdown "$model" "$dtype"
    done
done
for size in $sizes; do
    for model in $models; do
        for batch in $batches; do
            for dtype in $dtypes; do
                all_rows "$model" "$size" "$batch" "$dtype"
            done
        done
    done
done
python3 "$here/device_goals.py" "$out" >"$work/goals"
{ echo && echo goals && echo && cat "$work/goals" && echo; } | say
