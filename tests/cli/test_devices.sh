#!/bin/sh
# Devices: what there are, a model on OpenCL's first one beside the CPU, what is refused.
# shellcheck source=tests/cli.sh
. tests/cli.sh
model=$root/models/fashion-vit.safetensors
# no driver, no loader, no headers when it was built
no_driver='\(finds no driver of OpenCL\|no loader of OpenCL\|this build has no OpenCL\)'

setup() {
    { printf '\223NUMPY\001\000\166\000%-117s\n' \
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 1, 28, 28), }"
    tail -c 9408 "$model"; } >images.npy
}

wants_device() {
    "$vitcod" devices | grep -q '^opencl:0 ' || skip "no device of OpenCL (Debian: pocl-opencl-icd)"
}

case_list() {
    check "as text" 0 '^cpu  ' "$vitcod" devices
    check "as JSON" 0 '"absences"' "$vitcod" devices --json
    check "without a driver" 0 "opencl: none: .*$no_driver" \
        env OCL_ICD_VENDORS=/proc/none "$vitcod" devices
    check "nothing beside it" 2 'usage' "$vitcod" devices opencl
}

# run DEVICE [OPTION..]: the likeliest classes
run() {
    device=$1
    shift
    "$vitcod" infer "$model" --input images.npy --device "$device" "$@"
}

case_beside_the_cpu() {
    wants_device
    check "on the CPU" 0 'image 2: class' run cpu -o cpu.npy
    classes=$(cat "$out")
    check "on OpenCL" 0 'image 2: class' run opencl -o opencl.npy
    check "the same classes" 0 '' [ "$classes" = "$(cat "$out")" ]
    check "and again" 0 'image 2: class' run opencl:0 -o again.npy
    check "to the bit" 0 '' cmp opencl.npy again.npy
    check "in bf16" 0 '"device": "opencl"' run opencl --dtype bf16 --json
    check "in fp16" 0 '"dtype": "fp16"' run opencl --dtype fp16 --json
}

# near FILE FILE: float32 of the same shape, no value 1e-5 apart
near() {
    python3 - "$@" <<'PYTHON'
import array, sys
def read(path):
    data = open(path, "rb").read()
    start = 10 + int.from_bytes(data[8:10], "little")
    return data[:start], array.array("f", data[start:])
(head, have), (other, want) = map(read, sys.argv[1:3])
sys.exit(head != other or len(have) == 0 or max(abs(a - b) for a, b in zip(have, want)) > 1e-5)
PYTHON
}

case_maps() {
    wants_device
    maps() {
        "$vitcod" attention "$model" --input images.npy --batch 2 "$@"
    }
    check "on the CPU" 0 'over 3 images' maps -o cpu.npy
    check "on OpenCL" 0 'over 3 images' maps -o opencl.npy --device opencl
    check "nearly the same" 0 '' near opencl.npy cpu.npy
    check "which is said" 0 '"device": "opencl:0"' maps -o opencl.npy --device opencl:0 --json
    check "no such device" 2 "there is no device 'gpu'" maps -o no.npy --device gpu
    check "maps alone" 2 'a device averages maps alone' maps -o no.npy --scores s.npy \
        --device opencl
}

# Each would have its own sums.
case_maps_in_several_processes() {
    wants_device
    wants_several
    check "in one" 1 'device averages in one process, not in 2' several 2 "$vitcod" attention \
        "$model" --input images.npy --batch 1 -o maps.npy --device opencl
    absent "no maps" maps.npy
    check "on the CPU in several" 0 'over 3 images' several 2 "$vitcod" attention \
        "$model" --input images.npy --batch 1 -o maps.npy --device cpu
}

case_times() {
    wants_device
    check "bench" 0 '"images_per_second"' "$vitcod" bench "$model" --device opencl --runs 1 --json
    holds "no share of the CPU's peak" '"device": "opencl"' '"name": "attention"'
    check "profile" 0 'roof %' "$vitcod" profile "$model" --device opencl --batch 1 --runs 1 \
        --trace trace.json
    holds "attention's parts" '^qk ' '^softmax ' '^sv ' 'attention is one kernel of'
    holds "what it can do at best" 'roofs of this device, by multiply-adds and a copy'
    check "its events" 0 '' grep -q '"attention' trace.json
}

case_refusals() {
    check "no such device" 2 "there is no device 'gpu', wanted cpu" run gpu
    check "no such number" 2 "there is no device 'opencl:x'" run opencl:x
    check "a number of the CPU" 2 "there is no device 'cpu:1'" run cpu:1
    check "no driver of OpenCL" 1 "$no_driver" \
        env OCL_ICD_VENDORS=/proc/none "$vitcod" infer "$model" --input images.npy --device opencl
    check "no driver of CUDA" 1 'no driver of CUDA' \
        env VC_CUDA=/proc/none "$vitcod" infer "$model" --input images.npy --device cuda
    check "fewer tokens" 2 'runs on the CPU, not on opencl' "$vitcod" eval "$model" --data none \
        --tokens prune --keep 0.5 --device opencl
    check "counting" 2 'runs nothing, so there is no --device' \
        "$vitcod" profile "$model" --count --device opencl
    check "costs" 2 "are the CPU's" "$vitcod" profile --costs --device opencl
    wants_device
    check "products of another kind" 1 "VC_PRODUCTS is 'fast', wanted plain or library" \
        env VC_PRODUCTS=fast "$vitcod" infer "$model" --input images.npy --device opencl
    check "a device too many" 1 'there is no device opencl:99, wanted 0 to' run opencl:99
    check "int8" 1 'opencl has no products in int8, wanted fp32, bf16 or fp16' \
        run opencl --dtype int8
}

run_cases
