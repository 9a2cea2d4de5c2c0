#!/bin/sh
# What the engine does for the program: precisions, bench, quantize, on the model that the project
# trained.
# shellcheck source=tests/cli.sh
. tests/cli.sh
model=$root/models/fashion-vit.safetensors
data=${FASHION_MNIST:-/usr/share/datasets/fashion-mnist}

wants_data() {
    [ -d "$data" ] || skip "no Fashion-MNIST in $data (Debian: dataset-fashion-mnist)"
}

setup() {
    [ -d "$data" ] || return
    check "attention" 0 'averaged' \
        "$vitcod" attention "$model" --data "$data" --limit 50 -o maps.npy
    check "prune" 0 '90.00 % pruned' "$vitcod" prune maps.npy --sparsity 0.9 -o mask.npy
}

case_bench() {
    check "bench" 0 'images/s' "$vitcod" bench "$model" --runs 3 --threads 2
    holds "its operators" 'qkv' 'attention' 'fc1' 'waiting'
    holds "how long and how much" 'p50 .* ms, p90 .* ms, p99 .* ms; 3 runs after 2 to warm up, ' \
        '; peak [0-9]* MiB'
    check "bench as JSON" 0 '"median_ms"' "$vitcod" bench "$model" --runs 3 --batch 2 --json
    holds "its keys" '"images_per_second"' '"attention_ms"' '"operators"' '"batch": 2' \
        '"dtype": "fp32"'
    check "bench of a preset" 0 'images/s' "$vitcod" bench --arch levit_128s --runs 1
    check "another size" 0 '"image_width": 32' \
        "$vitcod" bench "$model" --image-size 32 --runs 1 --json
}

case_refuses() {
    check "no such precision" 2 "'fp8', wanted fp32, bf16, fp16 or int8" \
        "$vitcod" bench "$model" --dtype fp8
    check "a precision of devices" 1 "the CPU has no products in fp16, wanted fp32, bf16 or int8" \
        "$vitcod" bench "$model" --dtype fp16
    check "no runs" 2 'runs is 0' "$vitcod" bench "$model" --runs 0
    check "no images" 2 'wanted' "$vitcod" bench "$model" --batch 0
    check "no model" 2 'wanted one of MODEL and --arch' "$vitcod" bench
    check "a model that is not there" 1 'cannot open' "$vitcod" bench none
    check "eval says the same of precisions" 2 'wanted fp32' \
        "$vitcod" eval "$model" --data . --dtype half
}

case_bench_under_a_mask() {
    wants_data
    check "bench under a mask" 0 'without mask or plan' \
        "$vitcod" bench "$model" --mask mask.npy --runs 3
    holds "layer by layer" 'layer 0' 'layer 3' 'ratio'
    check "alone" 0 '"images_per_second"' \
        "$vitcod" bench "$model" --mask mask.npy --runs 3 --alone --json
}

case_threads_do_not_matter() {
    wants_data
    check "eval" 0 'top-1' "$vitcod" eval "$model" --data "$data" --limit 500
    exact=$(sed 's/ on .*//' "$out")
    for threads in 1 2 3; do
        check "with $threads" 0 "$exact" \
            env OMP_NUM_THREADS="$threads" "$vitcod" eval "$model" --data "$data" --limit 500
    done
}

case_precisions() {
    wants_data
    wants_products int8
    wants_products bf16
    check "eval in bf16" 0 'top-1' "$vitcod" eval "$model" --data "$data" --limit 500 --dtype bf16
    check "quantize" 0 'same class as fp32 on' \
        "$vitcod" quantize "$model" --data "$data" --limit 64 -o q
    check "eval in int8" 0 'top-1' "$vitcod" eval q --data "$data" --limit 500 --dtype int8
    check "an int8 file as it is" 0 'images, int8,' "$vitcod" eval q --data "$data" --limit 500
    check "an int8 file in fp32" 0 'images, fp32,' \
        "$vitcod" eval q --data "$data" --limit 500 --dtype fp32
    check "quantize without images" 2 'data PATH is missing' "$vitcod" quantize "$model" -o q
    check "quantize to nowhere" 2 'output FILE is missing' \
        "$vitcod" quantize "$model" --data "$data"
}

run_cases
