#!/bin/sh
# Where a model's work goes: counts, times, a trace, masks and plans, and what is refused.
# shellcheck source=tests/cli.sh
. tests/cli.sh
export OMP_NUM_THREADS=2

setup() {
    idx_data
    check "a model" 0 'epoch 1/1' "$vitcod" train --data data --width 24 --depth 2 --heads 3 \
        --batch 16 --epochs 1 --no-test -o model
    check "attention" 0 '' "$vitcod" attention model --data data -o maps
    check "mask" 0 '' "$vitcod" prune maps --sparsity 0.6 -o mask
    check "plan" 0 '' "$vitcod" polarize mask --threshold 8 -o plan
}

case_count() {
    check "MACs of a preset" 0 '"macs": 1253683200' \
        "$vitcod" profile --arch deit_tiny_patch16_224 --count --json
    check "at another size" 0 'outside' \
        "$vitcod" profile --arch levit_128s --image-size 64 --count
    check "a mask" 0 '"macs": ' "$vitcod" profile model --mask mask --count --json
}

case_times() {
    varying=everything # a plan runs in one operator or in three, by the instruction set
    check "times" 0 'add up to' "$vitcod" profile model --runs 3 --batch 4
    holds "by work and layer" '^qkv ' '^softmax ' '^layer 1 ' '^outside ' 'roofs of this machine'
    check "as JSON" 0 '"executed_macs": ' "$vitcod" profile model --runs 3 --batch 4 --json
    holds "with what was measured" '"whole_ms": {' '"told_share": {' '"timed_over_untimed": {' \
        '"roofs": {' '"counters": '
    check "what runs on a mask" 0 '^attention\|^qk ' "$vitcod" profile model --mask mask --runs 3
}

# Counted and simulated are the same workload.
case_the_work_of_a_plan() {
    check "on a plan" 0 '"plan_hash"' "$vitcod" profile model --plan plan --count --json
    counted=$(awk '/^      "macs":/ { gsub(/[^0-9]/, ""); m = $0 }
        /^      "work": "(qk|sv)"/ { s += m } END { printf "%d", s }' "$out")
    check "simulated" 0 '"macs": ' "$vitcod" simulate plan --model model --json
    simulated=$(sed -n 's/^ *"macs": \([0-9.]*\),*$/\1/p' "$out" | head -1)
    check "the same MACs of attention" 0 '' test "$counted" = "$simulated"
}

case_trace() {
    varying=everything
    check "a trace" 0 '' "$vitcod" profile model --runs 3 --trace trace.json
    for part in '"ph": "X"' '"tid": 1' '"name": "attention 1"' '"name": "waiting"' '"dur": '; do
        check "has $part" 0 '' grep -q "$part" trace.json
    done
    check "a trace nowhere" 1 'nowhere/x' "$vitcod" profile model --runs 1 --trace nowhere/x
}

case_attention_alone() {
    check "attention alone" 0 'ratio' "$vitcod" profile plan --model model --runs 3
    check "a size without a model" 2 'image-size belongs to --model' \
        "$vitcod" profile plan --image-size 32
    check "a plan and options of a model" 2 'are for a model' "$vitcod" profile plan --count
    check "attention of no plan" 1 'nor a model with one inside' "$vitcod" profile model --attention
}

case_lengths() {
    check "over lengths" 0 '^   196 ' "$vitcod" profile --arch deit_tiny_patch16_224 \
        --lengths 196,50 --linformer 32 --runs 2
    check "Linformer as published" 0 '"macs": ' "$vitcod" profile --runs 2 \
        --arch deit_tiny_patch16_224 --lengths 196,1024,20 --json
    holds "k" '"projected": 24' '"projected": 128' '"projected": 8'
    check "a projection to nothing" 2 'linformer is 0, wanted 1 or more' \
        "$vitcod" profile --arch deit_tiny_patch16_224 --lengths 196 --linformer 0
    check "as JSON" 0 '"linformer": {' "$vitcod" profile --arch levit_128 --lengths 20 \
        --linformer 7 --sparsity 0.5 --runs 2 --json
    check "no length" 1 'lengths' "$vitcod" profile --arch deit_tiny_patch16_224 --lengths 196,many
    check "lengths of a model" 2 'wants --arch' "$vitcod" profile model --lengths 196
    check "everything pruned" 1 'sparsity of 1' \
        "$vitcod" profile --arch deit_tiny_patch16_224 --lengths 196 --sparsity 1
    check "a projection of no length" 2 'belong to --lengths' "$vitcod" profile model --linformer 32
}

case_refuses() {
    check "no such preset" 1 "'deit_huge'" "$vitcod" profile --arch deit_huge --count
    check "neither" 2 'wanted one of MODEL and --arch' "$vitcod" profile --count
    check "a plan of another model" 1 'does not fit' \
        "$vitcod" profile --arch deit_tiny_patch16_224 --plan plan --count
    check "a trace of what does not run" 2 'trace is of a model that runs' \
        "$vitcod" profile model --count --trace x
    check "no images" 2 'batch' "$vitcod" profile model --batch 0
    check "no runs" 2 "runs is 0" "$vitcod" profile model --runs 0
    check "repeats of a count" 2 'runs nothing' "$vitcod" profile model --count --runs 3
    check "a precision" 2 "dtype is 'fp8'" "$vitcod" profile model --dtype fp8
    check "a head's size" 2 'brings its own --head-dim' "$vitcod" profile model --head-dim 8
}

run_cases
