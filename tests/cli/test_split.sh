#!/bin/sh
# How attention's heads are split: as the plan says or by cost, on the model that the project
# trained; what entries cost here, and where that is remembered.
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
    check "polarize" 0 'kept' "$vitcod" polarize mask.npy --threshold 4 -o plan4
    check "polarize to few" 0 'kept' "$vitcod" polarize mask.npy --threshold 30 -o plan30
}

case_costs_are_remembered() {
    unset VC_ATTENTION_COSTS
    export XDG_CACHE_HOME="$dir/cache"
    check "measured" 0 '(measured, .*/cache/vitcod/attention-costs-.*-fp32-.*json)' \
        "$vitcod" profile --costs
    check "from the file" 0 '"source": "cached"' "$vitcod" profile --costs --json
    holds "their keys" '"panel": "fp32"' '"panel_entry"' '"row_entry"' '"row"' '"unit": "ns"'
    first=$(grep -v '"date"' "$out")
    check "and again" 0 '"source": "cached"' "$vitcod" profile --costs --json
    check "to the digit" 0 '' [ "$first" = "$(grep -v '"date"' "$out")" ]
    for file in cache/vitcod/*; do sed -i 's/_ns": *[0-9]/&1/' "$file"; done
    check "a number that was changed" 0 '(measured' "$vitcod" profile --costs
    for file in cache/vitcod/*; do echo '{}' >"$file"; done
    check "a file that says nothing" 0 '(measured' "$vitcod" profile --costs
    check "no place for a file" 0 '(measured' env XDG_CACHE_HOME=/proc/none \
        "$vitcod" profile --costs
}

case_costs_are_given() {
    check "given" 0 'a panel 1, of a row 2.5, a row 9 (given)' \
        env VC_ATTENTION_COSTS=1,2.5,9 "$vitcod" profile --costs
    check "but not anyhow" 1 "VC_ATTENTION_COSTS is '1,2'" \
        env VC_ATTENTION_COSTS=1,2 "$vitcod" profile --costs
    check "of a model" 2 "are the machine's" "$vitcod" profile --costs "$model"
}

case_masks_have_no_split() {
    wants_data
    check "by cost" 0 '"split": "cost"' "$vitcod" bench "$model" --mask mask.npy --runs 1 --json
    check "not as they say" 1 'masks do not say how heads are split' \
        "$vitcod" bench "$model" --mask mask.npy --split-heads plan
    check "nor in a third way" 2 "split-heads is 'some', wanted plan or cost" \
        "$vitcod" bench "$model" --split-heads some
    check "a whole model" 0 '"split": "whole"' "$vitcod" bench "$model" --runs 1 --json
}

# panels PLAN [OPTION..]: kept entries in the panels of all layers
panels() {
    plan=$1
    shift
    "$vitcod" bench "$model" --plan "$plan" --runs 1 --alone --json "$@" |
        awk -F '[:,]' '/"panel_entries"/ { sum += $2 } END { print sum + 0 }'
}

case_a_threshold_moves_keys() {
    wants_data
    check "more global tokens, more in panels" 0 '' \
        [ "$(panels plan4 --split-heads plan)" -gt "$(panels plan30 --split-heads plan)" ]
    check "as the plan says is the default" 0 '' \
        [ "$(panels plan4)" = "$(panels plan4 --split-heads plan)" ]
    check "by cost it is the same" 0 '' \
        [ "$(panels plan4 --split-heads cost)" = "$(panels plan30 --split-heads cost)" ]
}

case_made_for_the_cpu() {
    wants_data
    check "searched" 0 '"cost_unit": "s"' \
        "$vitcod" polarize mask.npy --threshold auto --for cpu -o tuned --json
    chosen=$(sed -n 's/.*"threshold": \([0-9]*\).*/\1/p' "$out")
    check "by hand" 0 'kept' "$vitcod" polarize mask.npy --threshold "$chosen" -o by-hand
    check "run as it says" 0 '' [ "$(panels tuned)" = "$(panels by-hand)" ]
    check "it says so" 0 '"split": "plan"' \
        "$vitcod" bench "$model" --plan tuned --runs 1 --alone --json
    check "in a model's file too" 0 '' "$vitcod" import "$model" --plan tuned -o one
    check "bench" 0 '"split": "plan"' "$vitcod" bench one --runs 1 --alone --json
    check "unless asked" 0 '"split": "cost"' \
        "$vitcod" bench one --runs 1 --alone --split-heads cost --json
    check "eval" 0 '"split": "plan"' "$vitcod" eval one --data "$data" --limit 50 --json
    check "profile" 0 '"split": "plan"' "$vitcod" profile one --runs 1 --json
}

case_profile_of_a_plan() {
    wants_data
    check "as it says" 0 '"split": "plan"' "$vitcod" profile plan4 --runs 1 --json
    check "by cost" 0 '"split": "cost"' "$vitcod" profile plan4 --runs 1 --split-heads cost --json
    check "lengths" 0 '"split": "plan"' \
        "$vitcod" profile --arch deit_tiny_patch16_224 --lengths 70 --runs 1 --split-heads plan \
        --json
}

case_threads_do_not_matter() {
    wants_data
    for split in plan cost; do
        for threads in 1 2 3; do
            check "by $split, with $threads" 0 '"top1"' \
                env OMP_NUM_THREADS="$threads" "$vitcod" eval "$model" --plan plan4 \
                --split-heads "$split" --data "$data" --limit 200 --json
            grep -E '"(top1|loss)":' "$out" >"by$threads"
        done
        check "two are as one" 0 '' cmp by1 by2
        check "three are as one" 0 '' cmp by1 by3
    done
}

run_cases
