#!/bin/sh
# bench/device.sh on CUDA's stub, beside a PyTorch and a TensorRT that are made up here: what they
# are called with, what becomes of what they print, failures, absence, and going on where a run
# stopped. No number in it is a time of anything.
# shellcheck source=tests/cli.sh
. tests/cli.sh
varying=all
stub=$(cd "$(dirname "$vitcod")" && pwd)/tests/device_stub.so
model=deit_tiny_patch16_224

# Prints as trtexec of TensorRT 8 and 10 does.
write_trtexec() {
    cat >tools/trtexec <<'FAKE'
#!/bin/sh
echo "$*" >>trtexec.calls
for word; do
    case $word in --onnx=*) [ -s "${word#--onnx=}" ] || exit 3 ;; esac
done
[ -z "${TRT_FAILS:-}" ] || { echo "[11/30/2026-05:00:00] [E] Error[2]: no | tactic"; exit 1; }
cat <<'LOG'
[11/30] [I] === Performance summary ===
[11/30] [I] Throughput: 800 qps
[11/30] [I] Latency: min = 1.1 ms, max = 1.9 ms, mean = 1.3 ms, median = 1.25 ms, p = 1
[11/30] [I] Enqueue Time: min = 0.1 ms, max = 0.2 ms, mean = 0.1 ms, median = 0.11 ms
[11/30] [I] H2D Latency: min = 0.1 ms, max = 0.3 ms, mean = 0.2 ms, median = 0.21 ms
[11/30] [I] GPU Compute Time: min = 0.9 ms, max = 1.4 ms, mean = 1 ms, median = 0.98 ms
&&&& PASSED TensorRT.trtexec
LOG
FAKE
}

# Does what device_torch.py does, as one line says of each way.
write_python() {
    cat >tools/python <<'FAKE'
#!/bin/sh
echo "$*" >>python.calls
[ -z "${NO_TORCH:-}" ] || exit 1
[ "$1" != -c ] || exit 0
shift
case $1 in
--ways) echo sdpa graphs compiled flex ;;
--write) cp "$MODEL_FILES"/* "$2" ;;
--compare) echo "off by 0.5 of the largest" && [ -z "${LOGITS_DIFFER:-}" ] ;;
*)
    shift 6
    for way; do
        case $way in
        sdpa) echo "sdpa | 4.0000 | 24.0000" ;;
        graphs) echo "graphs | 0.5000 | " ;;
        compiled) echo "compiled | OutOfMemoryError: CUDA out of memory. | " ;;
        flex) exit 9 ;;
        esac
    done
    ;;
esac
FAKE
}

# With LATE set, time is up while trtexec runs.
write_clock() {
    cat >tools/date <<'FAKE'
#!/bin/sh
[ -e late ] && exec echo 9999999999
exec /bin/date "$@"
FAKE
    cat >tools/timeout <<'FAKE'
#!/bin/sh
[ -z "${LATE:-}" ] || [ "$2" != trtexec ] || { touch late && exit 124; }
exec /usr/bin/timeout "$@"
FAKE
}

setup() {
    mkdir tools files
    write_trtexec
    write_python
    write_clock
    chmod +x tools/*
    cp "$root/models/fashion-vit.safetensors" files/model.safetensors
    { printf '\223NUMPY\001\000\166\000%-117s\n' \
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 1, 28, 28), }"
    tail -c 9408 files/model.safetensors; } >files/images.npy
    python3 - files/mask.npy <<'PYTHON'
import sys
head = "{'descr': '|b1', 'fortran_order': False, 'shape': (4, 3, 197, 197), }"
with open(sys.argv[1], "wb") as out:
    out.write(b"\x93NUMPY\x01\x00v\x00" + head.ljust(117).encode() + b"\n" + bytes(12 * 197 * 197))
PYTHON
}

# bench DEVICE [SECONDS]
bench() {
    env PATH="$dir/tools:$PATH" MODEL_FILES="$dir/files" PYTHON="$dir/tools/python" \
        XDG_CACHE_HOME=/proc/none VC_CUDA="$stub" VC_NVRTC="$stub" VC_CUBLASLT="$stub" \
        CHECKS=none MODELS="$model" SIZES=224 BATCHES="${SOME:-1}" DTYPES=fp16 RUNS=1 \
        sh "$root/bench/device.sh" "$(dirname "$vitcod")" "$1" "${2:-540}" table.md
}

case_all_of_it() {
    check "with all" 0 '^goals$' bench cuda
    check "a table" 0 '' cat table.md
    holds "ours" "^| $model | 224 | 1 | fp16 | dense | vitcod | [0-9.]* | [0-9.]* | [0-9.]* |$" \
        "^| $model | 224 | 1 | fp16 | 90 % pruned | vitcod | [0-9.]* | [0-9.]* | [0-9.]* |$"
    holds "PyTorch's" '| dense | PyTorch, sdpa | 4.0000 | 250.0 | 24.0000 |$' \
        '| dense | PyTorch, graphs | 0.5000 | 2000.0 |  |$' \
        '| dense | PyTorch, compiled | OutOfMemoryError: CUDA out of memory. |  |  |$'
    holds "TensorRT's, from the host to the host" '| dense | TensorRT | 1.25 | 800.0 | |$'
    holds "the rest" '^logits of PyTorch, fp16: pruned: off by 0.5 of the largest$' \
        "^where the time goes: $model in fp16$" '^    qkv ' \
        'PyTorch.s with CUDA graphs, DeiT-Tiny: ' 'compiled SDPA: not measured (ours and theirs)$'
    check "what ends is told" 0 '' grep -q -- "--ways cuda" python.calls
    check "asked once for all" 0 "$model 224 1 fp16 1 cuda sdpa graphs compiled flex" \
        cat python.calls
    check "TensorRT's arguments" 0 '\.onnx --shapes=images:1x3x224x224 --device=0 --fp16$' \
        cat trtexec.calls
}

case_goes_on() {
    check "one" 0 '^goals$' bench cuda
    SOME="1 2"
    check "and another, in turn" 0 'PyTorch ended with 9' bench cuda
    check "a table" 0 '' cat table.md
    check "each row once" 0 '^1$' grep -c '| 224 | 1 | fp16 | dense | vitcod |' table.md
    check "the new one" 0 '^1$' grep -c '| 224 | 2 | fp16 | dense | vitcod |' table.md
    check "goals once" 0 '^1$' grep -c '^goals$' table.md
    check "the breakdown once" 0 '^1$' grep -c '^where the time goes' table.md
    check "with two images a goal" 0 "197 tokens, $model, 2 images: " cat table.md
    check "another device's" 1 'is of another device' bench cuda:0
    rm table.md
    check "no time" 0 'no time left: | ' bench cuda 0
    check "no row" 1 '' grep '| vitcod |' table.md
}

case_time_is_up() {
    LATE=1
    export LATE
    check "while TensorRT runs" 0 'no time left: .* TensorRT |' bench cuda
    check "no row" 1 '' grep 'TensorRT' table.md
    unset LATE
    rm late
    check "a further run" 0 '^goals$' bench cuda
    check "has it" 0 '' grep '| dense | TensorRT | 1.25 |' table.md
}

case_failures() {
    TRT_FAILS=1
    export TRT_FAILS
    check "TensorRT refuses" 0 'TensorRT | .*Error\[2\]: no / tactic | | |$' bench cuda
    unset TRT_FAILS
    rm -f table.md tools/trtexec
    NO_TORCH=1
    export NO_TORCH
    check "neither is there" 0 'its logits and times are not there' bench cuda
    check "our rows alone" 1 '' grep 'PyTorch,\|TensorRT' table.md
    unset NO_TORCH
    rm -f table.md
    LOGITS_DIFFER=1
    export LOGITS_DIFFER
    check "others' logits" 1 'dense in fp32, are others .*: nothing is timed' bench cuda
    check "no time of it" 1 '' grep vitcod table.md
    check "no such device" 1 'there is no device cuda:7' bench cuda:7
}

run_cases
