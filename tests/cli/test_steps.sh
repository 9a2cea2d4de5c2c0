#!/bin/sh
# From attention to a plan with summaries step by step, by files: the plans of calibrate, going on
# after a kill, and what is refused.
# shellcheck source=tests/cli.sh
. tests/cli.sh
masks='s/plan [0-9a-f]\{16\}/plan #/' # of what was learnt, which no two kinds of CPU round alike
export OMP_NUM_THREADS=1 # tiny images

attention() { "$vitcod" attention model --data data --hold-back 0.2 "$@"; }
calibrate() { "$vitcod" calibrate model --data data --threshold 6 --epochs 0 -o whole "$@"; }
polarize() { "$vitcod" polarize "$@" --threshold 6 -o plan; }

setup() {
    idx_data
    check "train" 0 'epoch 9/9' "$vitcod" train --data data --width 12 --depth 2 --heads 3 \
        --batch 16 --epochs 9 --lr 5e-3 -o model
    check "attention" 0 'averaged over 77 images' attention --summary auto -o attention
    check "prune" 0 'pruned by rule measured' \
        "$vitcod" prune attention --summary auto --sparsity 0.5 -o pruned
    check "polarize" 0 '' polarize pruned
}

# The plan of the steps is that of calibrate, to the byte.
case_the_plan_of_calibrate() {
    check "auto" 0 'agreement' calibrate --summary auto --sparsity 0.5 --plan-output wanted
    check "the same plan" 0 '' cmp plan wanted
    for grid in 1x1q,2x2 2x2s1.5 none; do
        check "attention for $grid" 0 'what sparsity costs each head, by 77 images' \
            attention --rule measured --summary "$grid" -o of
        check "prune with $grid" 0 'pruned by rule measured' \
            "$vitcod" prune of --rule measured --summary "$grid" --sparsity 0.4 -o cut --force
        check "polarize with $grid" 0 '' polarize cut
        check "in one go" 0 'agreement' calibrate --rule measured --summary "$grid" \
            --sparsity 0.4 --plan-output wanted
        check "the same plan with $grid" 0 '' cmp plan wanted
    done
    check "with less that is asked for than is there" 0 'summaries 2x2q' \
        "$vitcod" prune attention --summary 2x2q --sparsity 0.4 -o fewer
    check "polarize" 0 '' polarize fewer
    check "in one go" 0 'agreement' calibrate --summary 2x2q --sparsity 0.4 --plan-output wanted
    check "the same plan of fewer" 0 '' cmp plan wanted
}

case_other_rules() {
    for rule in threshold info budget; do
        check "attention for $rule" 0 '' attention --rule "$rule" --summary 1x1 -o of
        check "prune by $rule" 0 "pruned by rule $rule, summaries 1x1" \
            "$vitcod" prune of --rule "$rule" --summary 1x1 --sparsity 0.5 -o cut
        check "polarize" 0 '' polarize cut
        check "in one go" 0 'agreement' calibrate --rule "$rule" --summary 1x1 --sparsity 0.5 \
            --plan-output wanted
        check "the same plan by $rule" 0 '' cmp plan wanted
    done
    check "attention for a residual" 0 '' attention --rule budget -o of
    check "a mask" 0 'mask.npy: 5.* % pruned by rule budget' \
        "$vitcod" prune of --rule budget --sparsity 0.5 -o mask.npy
    check "polarize" 0 '' polarize mask.npy --residual of
    check "in one go" 0 'agreement' calibrate --rule budget --sparsity 0.5 --plan-output wanted
    check "the same plan with a residual" 0 '' cmp plan wanted
    check "by maps alone" 0 '' "$vitcod" prune attention --info 0.8 -o alone.npy
    check "which attention writes as npy too" 0 '' attention -o maps.npy
    check "by those" 0 '' "$vitcod" prune maps.npy --info 0.8 -o same.npy
    check "the same mask" 0 '' cmp alone.npy same.npy
    check "of some images" 0 'averaged over 5 images' attention --statistics 5 -o few.npy
}

# Whoever takes plans takes these, polarized or not.
case_the_plan_is_used() {
    check "info" 0 'with summaries' "$vitcod" info pruned
    check "info of attention" 0 'averaged attention' "$vitcod" info attention
    for made in pruned plan; do
        check "eval $made" 0 'top-1' "$vitcod" eval model --plan "$made" --data data
        check "simulate $made" 0 'cycles' "$vitcod" simulate model --plan "$made"
    done
    check "searched" 0 'costs least' "$vitcod" polarize pruned --threshold auto --head-dim 4 -o best
    check "its summaries" 0 '"has_summaries": true\|summaries' "$vitcod" info best
    check "inside a model" 0 '' "$vitcod" import model --plan plan -o sparse
    check "run it" 0 'top-1' "$vitcod" eval sparse --data data
    check "pictures" 0 '' "$vitcod" polarize pruned -o drawn --pictures drawings
    check "the choice in JSON" 0 '"summaries": "' \
        "$vitcod" prune attention --summary auto --sparsity 0.5 -o again --json
    holds "what it says" '"plan": "again"' '"plan_hash": "' '"rule": "measured"'
    check "attention in JSON" 0 '"summaries": "none,1x1,2x2,3x3,4x4,1x1q,2x2q,3x3q,4x4q"' \
        attention --summary auto -o x --json
    holds "the heads" '"heads_images": 77'
    check "the curves" 0 '' attention --rule measured --curves curves.json -o y
    check "as calibrate has them" 0 '"verb": "calibrate --curves"' cat curves.json
}

# A mask from elsewhere gets summaries when it is polarized.
case_masks_with_summaries() {
    check "a mask" 0 '' "$vitcod" prune attention --rule threshold --sparsity 0.6 -o mask.npy
    check "with summaries" 0 '' polarize mask.npy --summary 2x2q --attention attention
    check "they are inside" 0 'with summaries' "$vitcod" info plan
    check "eval" 0 'top-1' "$vitcod" eval model --plan plan --data data
    check "of kinds that were not averaged" 1 \
        'attention: nothing is averaged of summaries 3x2, but of none,1x1' \
        polarize mask.npy --summary 3x2 --attention attention
    check "auto" 2 'is chosen by .vitcod prune.' polarize mask.npy --summary auto --attention a
    check "from nowhere" 2 'belong together' polarize mask.npy --summary 2x2
    check "and a residual" 2 'not beside --residual' \
        polarize mask.npy --summary 2x2 --attention attention --residual attention
    check "twice" 1 'pruned: is a plan with summaries, wanted no --residual and no --summary' \
        polarize pruned --summary 2x2 --attention attention
    check "another model" 0 '' "$vitcod" train --data data --width 12 --depth 1 --heads 3 \
        --epochs 1 -o small
    check "its attention" 0 '' \
        "$vitcod" attention small --data data --summary 1x1 --rule info -o other
    check "does not fit" 1 'other' polarize mask.npy --summary 1x1 --attention other
}

case_refuses() {
    check "maps alone" 0 '' attention -o maps.npy
    ln -s data "$(printf 'odd\377')"
    check "of images under an odd name" 0 '' \
        "$vitcod" attention model --data "$(printf 'odd\377')" --limit 8 -o odd.npy
    check "have no summaries" 1 'maps.npy: is averaged attention, .*attention --summary. writes' \
        "$vitcod" prune maps.npy --summary 2x2 --sparsity 0.5 -o y
    check "nor heads" 1 '.vitcod attention --summary. writes' \
        "$vitcod" prune maps.npy --rule measured --sparsity 0.5 -o y
    check "a model" 1 'model: is not what .vitcod attention --summary. writes' \
        "$vitcod" prune model --summary 2x2 --sparsity 0.5 -o y
    check "attention for one rule" 0 '' attention --rule threshold --summary 2x2 -o of
    check "is not for another" 1 'of: heads are not measured' \
        "$vitcod" prune of --summary 2x2 --sparsity 0.5 -o y
    check "nor for scores" 1 'of: holds no scores that rule budget prunes' \
        "$vitcod" prune of --rule budget --sparsity 0.5 -o y
    check "more than the budget" 1 'scores must be kept with the summaries' \
        "$vitcod" prune attention --summary auto --sparsity 0.95 -o y
    check "auto by another rule" 2 'and the rule is threshold' \
        "$vitcod" prune attention --summary auto --rule threshold --sparsity 0.5 -o y
    check "a cut" 2 'wanted --sparsity' "$vitcod" prune attention --summary 2x2 --info 0.5 -o y
    check "no grid" 2 "summaries are '3'" attention --summary 3 -o y
    check "more blocks than tokens" 1 'layer 0: 4 x 4 tokens have no 5 x 5 blocks' \
        attention --summary 5x5 -o y
    check "a rule that is none" 2 "--rule is 'best'" attention --rule best -o y
    check "curves without heads" 2 'belong to rule measured' \
        attention --rule info --summary 1x1 --curves c.json -o y
    check "curves of maps" 2 'belong to --summary' attention --curves c.json -o y
    check "changed images" 2 'do not go together' attention --summary 1x1 --train-transforms -o y
    check "nothing to go on from" 1 'y.checkpoint: cannot open: there is nothing to go on from' \
        attention --summary auto --resume -o y
    absent "no leftovers" y y.checkpoint y.lock c.json
}

# A run that could not end, since its curves could not be written: the same file.
case_resumed() {
    check "no place for curves" 1 '/dev/full' attention --summary auto --curves /dev/full -o half
    absent "it did not end" half
    check "not with other settings" 1 'other settings: --hold-back (was "0.2", is "0.3")' \
        "$vitcod" attention model --data data --hold-back 0.3 --summary auto --resume -o half
    check "resumed" 0 'averaged over 77 images' attention --summary auto --resume -o half
    check "the same" 0 '' cmp attention half
    absent "nothing is left" half.checkpoint half.lock
    check "no folder for curves" 1 'nowhere/c.json: ' \
        attention --summary auto --curves nowhere/c.json -o half
    absent "is told at once" half.checkpoint
}

run_cases
