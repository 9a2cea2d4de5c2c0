#!/bin/sh
# Calibration on tiny images: rules, residual, stages, auto-encoders, budgets of time and steps,
# going on after a kill, and what it refuses.
# shellcheck source=tests/cli.sh
. tests/cli.sh
masks='s/plan [0-9a-f]\{16\}/plan #/' # of what was learnt, which no two kinds of CPU round alike
export OMP_NUM_THREADS=1 # tiny images

calibrate() { "$vitcod" calibrate model --data data --batch 8 --threshold 6 "$@"; }
go_on() { "$vitcod" calibrate coded --data data --batch 8 --plan plan --epochs 8 --lr 3e-4 "$@"; }

# kill_at FILE SECONDS OPTION...: starts calibrate and kills it, so long after FILE is there
kill_at() {
    file=$1 seconds=$2
    shift 2
    "$vitcod" calibrate model --batch 8 --threshold 6 "$@" >/dev/null 2>&1 &
    pid=$!
    wait_until 60 test -e "$file"
    sleep "$seconds"
    kill -9 "$pid"
    wait "$pid" 2>/dev/null
}

# A dense model, one calibrated, its plan, and an auto-encoder.
setup() {
    idx_data
    check "train" 0 'epoch 9/9' "$vitcod" train --data data --width 12 --depth 2 --heads 3 \
        --batch 16 --epochs 9 --lr 5e-3 -o model
    check "calibrate" 0 '"agreement": ' \
        calibrate --sparsity 0.6 --epochs 3 -o calibrated --plan-output plan --json
    check "auto-encoder" 0 '' "$vitcod" autoencoder model --data data -o coder
}

case_result() {
    check "calibrate" 0 '"agreement": ' \
        calibrate --sparsity 0.6 --epochs 3 -o again --plan-output plan2 --json
    holds "its keys" '"agreement_before": ' '"feature_distance": ' '"held_back": 19' \
        '"best_epoch": ' '"plan_hash"' '"residual": "none"' \
        '"rule": "measured"' '"summaries"' '"peak_mib"' \
        '"classes_seen"'
    check "the same model" 0 '' cmp calibrated again
    check "the same plan" 0 '' cmp plan plan2
    absent "no checkpoint is left" again.checkpoint again.checkpoint.json
    check "with less memory" 0 '"agreement": ' \
        calibrate --sparsity 0.6 --epochs 3 --memory least -o less --json
    check "the same model again" 0 '' cmp calibrated less
    check "eval what it made" 0 'top-1' "$vitcod" eval calibrated --data data
    check "its plan as a file of its own" 0 'top-1' \
        "$vitcod" eval calibrated --plan plan --data data
}

case_rules() {
    for rule in info threshold ratio std random budget; do
        check "rule $rule" 0 'agreement' \
            calibrate --rule "$rule" --residual mean --sparsity 0.6 --epochs 1 -o x \
            --plan-output "plan-$rule"
    done
    check "without a residual" 0 'agreement' \
        calibrate --residual none --sparsity 0.6 --epochs 1 -o x --plan-output bare
    check "the residual is in the plan" 0 '' grep -q kept_share plan-info
    check "and not in the other" 1 '' grep -q kept_share bare
}

# What calibrate makes by default runs on the chip and beside others, pooled by queries as well.
case_on_the_chip() {
    check "pooled by queries" 0 '"summaries": "1x1q,1x1"' \
        calibrate --summary 1x1q,1x1 --sparsity 0.5 --epochs 0 -o queried --json
    for made in calibrated queried; do
        check "simulate $made" 0 '"method": "with summaries"' "$vitcod" simulate "$made" --json
        check "bit for bit" 0 '"bit_exact": true' \
            "$vitcod" simulate "$made" --functional --json
        check "compare $made" 0 'with summaries' "$vitcod" compare "$made"
    done
}

# The scores of summaries, per row as many as there are blocks for 17 keys, count as kept.
case_summaries() {
    for grid in 1x1 2x2 2x1,1x1; do
        check "summaries $grid" 0 "\"summaries\": \"$grid\"" calibrate --summary "$grid" \
            --rule threshold --sparsity 0.5 --epochs 0 -o x --plan-output summed --json
        holds "count as kept" '"sparsity": 0\.\(49\|5\)' '"residual": "none"' '"divergence_before"'
        check "they are in the plan" 0 '' grep -q summary_bias summed
        check "info names them" 0 "plan, with summaries" "$vitcod" info summed
        holds "of each layer" "[0-9] to [0-9]*, [0-9]* summar[yi]"
    done
    check "none" 0 '"residual": "mean"' \
        calibrate --summary none --sparsity 0.6 --epochs 0 -o x --json
    check "learning on them" 0 'epoch 1/1' \
        calibrate --summary 2x2s1.5,2x2q --sparsity 0.5 --epochs 1 -o x
    check "they run on the chip" 0 'bit for bit' \
        sh -c "\"$vitcod\" simulate x --functional | tail -n 1"
    check "too many for the budget" 1 \
        'summaries alone are 52.94 % of the scores, and a sparsity of 0.6 leaves 40.00 %' \
        calibrate --summary 3x3 --rule threshold --sparsity 0.6 -o y
    check "too many beside the class token" 1 \
        'a sparsity of 0.7 and summaries of 23.53 % of the scores leave 6.47 % for entries: ' \
        calibrate --summary 2x2 --rule threshold --sparsity 0.7 -o y
    check "more blocks than tokens" 1 'layer 1: 4 x 4 tokens have no 5 x 5 blocks' \
        calibrate --summary 1x1,5x5 --sparsity 0.6 -o y
    check "of other layers" 1 'are for 3 layers, and the model has 2' \
        calibrate --summary 1x1*3 --sparsity 0.6 -o y
    check "no grid" 2 "summaries are '3', wanted blocks as 3x3" \
        calibrate --summary 3 --sparsity 0.6 -o y
    check "and a residual" 2 'residual mean does not go together with summaries' \
        calibrate --summary 1x1 --residual mean --sparsity 0.6 -o y
    absent "no leftovers" y y.checkpoint
}

# The budget by what the heads' sparsity costs.
case_measured() {
    check "rule measured" 0 '"rule": "measured"' calibrate --rule measured --sparsity 0.5 \
        --epochs 0 -o x --curves curves.json --json
    holds "chooses summaries" '"summaries": "' '"residual": "none"'
    check "the curves" 0 '"verb": "calibrate --curves"' cat curves.json
    check "with summaries that were said" 0 '"rule": "measured"' \
        calibrate --summary 1x1q,1x1 --sparsity 0.5 --epochs 0 -o x --json
    check "auto is not for another rule" 2 \
        'summaries are chosen by rule measured alone, and the rule is threshold' \
        calibrate --summary auto --rule threshold --sparsity 0.4 --epochs 0 -o y
    check "another rule makes none" 0 '"residual": "mean"' \
        calibrate --rule budget --sparsity 0.6 --epochs 0 -o x --json
    check "more than the budget" 1 'scores must be kept with the summaries' \
        calibrate --rule measured --sparsity 0.95 -o y
    check "with a residual" 2 'residual mean does not go together with rule measured' \
        calibrate --rule measured --residual mean -o y
    absent "no leftovers" y y.checkpoint y.checkpoint.heads
}

# What is held back only judges: of the first five images one may be another without a change.
case_held_back_have_no_say() {
    set -- --summary auto --sparsity 0.5 --epochs 0 -o x --plan-output
    check "the plan" 0 'agreement' calibrate "$@" plan1
    same=0
    for image in 0 1 2 3 4; do
        cp -r data other
        head -c 64 /dev/zero | dd of=other/train-images-idx3-ubyte bs=1 seek=$((16 + 64 * image)) \
            conv=notrunc 2>/dev/null
        check "with image $image black" 0 'agreement' "$vitcod" calibrate model --data other \
            --batch 8 --threshold 6 "$@" plan2
        cmp -s plan1 plan2 && same=$((same + 1))
        rm -r other
    done
    [ "$same" = 1 ] || failed "held back" "$same of five images had no say, wanted 1"
}

case_without_learning() {
    check "prune alone" 0 'best after epoch 0' calibrate --sparsity 0.6 --epochs 0 -o x
    check "dense" 0 'agreement' calibrate --sparsity 0 --epochs 1 -o x
}

case_plans_and_stages() {
    check "on a plan from elsewhere" 0 'agreement' \
        "$vitcod" calibrate model --data data --batch 8 --plan plan --epochs 1 -o x
    check "gradually to a plan from elsewhere" 0 'stage 2/2  epoch 2/2' \
        calibrate --plan plan --gradual 0.3 --epochs 2 -o x --plan-output same
    check "which comes last" 0 '' cmp plan same
    check "gradually" 0 'stage 3/3  epoch 2/2' \
        calibrate --sparsity 0.6 --gradual 0.3,0.5 --epochs 2 -o x
    absent "stages leave nothing" x.checkpoint.stage1 x.checkpoint.stage2
}

case_auto_encoders() {
    for of in qk q k; do
        check "with an auto-encoder of $of" 0 'agreement' \
            calibrate --residual mean --sparsity 0.6 --epochs 1 --autoencoder "$of" --compressed 2 \
            -o coded
        check "it is inside" 0 "compressed_of *$of" "$vitcod" info coded
    done
    absent "its file is not kept" coded.autoencoder
    check "with one from a file" 0 'agreement' \
        calibrate --residual mean --sparsity 0.6 --epochs 1 --autoencoder coder -o coded
    echo mine >kept.autoencoder
    check "one beside the model" 0 'agreement' \
        calibrate --residual mean --sparsity 0.6 --epochs 0 --autoencoder qk --compressed 2 -o kept
    check "is not touched" 0 'mine' cat kept.autoencoder
}

# An auto-encoder has a learning rate of its own.
case_rates_of_auto_encoders() {
    set -- --residual mean --sparsity 0.6 --epochs 2 --patience 0 --autoencoder coder
    check "the default" 0 'epoch 2/2' calibrate "$@" -o usual
    check "is ten times the other" 0 'epoch 2/2' \
        calibrate "$@" --lr 5e-5 --lr-autoencoder 5e-4 -o same
    check "the same model" 0 '' cmp usual same
    check "not learnt" 0 'epoch 2/2' calibrate "$@" --lr-autoencoder 0 -o fixed
    check "another model" 1 '' cmp -s usual fixed
    check "no auto-encoder" 1 'is of an auto-encoder, and there is none' \
        calibrate --sparsity 0.6 --lr-autoencoder 0 -o x
    check "too fast" 2 '--lr-autoencoder is 2, wanted 0 to 1' \
        calibrate --sparsity 0.6 --autoencoder qk --lr-autoencoder 2 -o x
}

# Step by step: first the auto-encoder, then the plan, both times learning from the model as it was.
case_teachers() {
    check "the auto-encoder alone" 0 'agreement' \
        calibrate --sparsity 0 --autoencoder coder --epochs 1 -o coded
    check "then from another teacher" 0 'agreement' go_on --teacher model -o taught
    check "from its own self" 0 'agreement' go_on --teacher coded -o same
    check "which is the default" 0 'agreement' go_on -o own
    check "so they are the same" 0 '' cmp own same
    check "the teacher counts" 1 '' cmp -s own taught
    check "a teacher that is not there" 1 'nowhere: cannot open' \
        calibrate --teacher nowhere --sparsity 0.6 -o y
    check "another" 0 'epoch 1/1' "$vitcod" train --data data --width 12 --depth 1 --heads 3 \
        --epochs 1 -o small
    check "a teacher of other blocks" 1 \
        "the teacher's blocks are not the student's: wanted a DeiT of 2 blocks" \
        calibrate --teacher small --sparsity 0.6 -o y
    check "a plan of another model" 1 'does not fit a model' \
        "$vitcod" calibrate small --data data --batch 8 --plan plan -o y
    absent "no leftovers" y y.checkpoint
}

case_budgets() {
    check "so many steps" 0 'epoch 2/2' calibrate --sparsity 0.6 --steps 10 --patience 0 -o x
    varying=everything # how many epochs a time has
    check "a time" 0 'agreement' calibrate --sparsity 0.6 --minutes 0.005 --patience 2 -o x
}

# Killed in the middle and resumed: the same files.
case_resumed_after_a_kill() {
    varying=everything # the epochs that were left
    set -- --sparsity 0.6 --gradual 0.4 --epochs 200 --patience 0
    check "uninterrupted" 0 'agreement' calibrate "$@" -o whole
    for pause in 0.05 0.2 0.4; do
        rm -f half half.checkpoint*
        kill_at half.checkpoint.stage1 "$pause" --data data "$@" -o half
        check "resumed after $pause s" 0 'agreement' calibrate "$@" --resume -o half
        check "the same model" 0 '' cmp whole half
    done
    # Killed between the last stage's first journal entry and its checkpoint: it is done again.
    rm -f half half.checkpoint*
    kill_at half.checkpoint 0 --data data "$@" -o half
    rm -f half.checkpoint
    check "resumed in an earlier stage" 0 'agreement' calibrate "$@" --resume -o half
    check "the same model again" 0 '' cmp whole half
}

# Killed once heads are being measured, or have been: the same model and plan.
case_measuring_resumed() {
    varying=everything # how far it got
    set -- --summary auto --sparsity 0.5 --epochs 60 --patience 0
    check "uninterrupted" 0 'agreement' calibrate "$@" -o whole --plan-output plan1
    kill_at half.checkpoint.heads 0 --data data "$@" -o half
    rm -f half.checkpoint half.checkpoint.json
    check "not at another sparsity" 1 'other settings: --sparsity (was 0.5, is 0.4)' \
        calibrate --summary auto --sparsity 0.4 --epochs 60 --patience 0 --resume -o half
    cp model other
    check "another model" 0 'epoch 1/1' "$vitcod" train --data data --width 12 --depth 2 \
        --heads 3 --epochs 1 -o model
    check "not with other weights" 1 'half.checkpoint.heads: was begun with another model' \
        calibrate "$@" --resume -o half
    mv other model
    check "resumed" 0 'agreement' calibrate "$@" --resume -o half --plan-output plan2
    check "the same model" 0 '' cmp whole half
    check "the same plan" 0 '' cmp plan1 plan2
    absent "nothing is left" half.checkpoint half.checkpoint.json half.checkpoint.heads
    check "nothing to resume" 1 \
        'nowhere.checkpoint.json: cannot open, nor nowhere.checkpoint.heads: there is nothing' \
        calibrate --sparsity 0.5 --resume -o nowhere
    check "no place for curves" 1 '/dev/full' \
        calibrate --summary auto --sparsity 0.5 --epochs 1 --curves /dev/full -o full
    check "keeps what was measured" 0 '' ls full.checkpoint.heads
    check "is resumed" 0 'agreement' \
        calibrate --summary auto --sparsity 0.5 --epochs 1 --resume -o full
}

case_resumed_otherwise() {
    kill_at half.checkpoint 0 --data data --sparsity 0.6 --epochs 4000 --patience 0 -o half
    check "not with other settings" 1 \
        'other settings: --sparsity (was 0.6, is 0.7), --epochs (was 4000, is 3)' \
        calibrate --sparsity 0.7 --epochs 3 --patience 0 --resume -o half
    kill_at third.checkpoint 0 --data data --sparsity 0.6 --epochs 200 --patience 0 -o third
    check "resumed with curves" 0 'agreement' calibrate --sparsity 0.6 --epochs 200 --patience 0 \
        --resume --curves curves.json -o third
    check "nothing to resume" 1 'cannot open' calibrate --sparsity 0.6 --resume -o nowhere
}

case_refuses() {
    check "a rule that is none" 2 "--rule is 'best', wanted budget, measured or a rule" \
        calibrate --rule best --sparsity 0.6 --epochs 1 -o y
    check "neither on nor off" 2 "--exif is 'yes', wanted on or off" \
        calibrate --exif yes --sparsity 0.6 -o y
    check "a sparsity out of range" 2 '--sparsity is 1.5, wanted 0 to less than 1' \
        calibrate --sparsity 1.5 -o y
    check "out of reach" 1 'out of reach' calibrate --sparsity 0.99 -o y
    check "too few images" 1 \
        '8 images to learn from and 2 held back, wanted at least a batch of 16' \
        calibrate --limit 10 --batch 16 -o y
    check "neither share nor number" 2 '--hold-back is 0.7, wanted 0.01 to 0.5, or 2 images' \
        calibrate --hold-back 0.7 -o y
    check "for others than there are" 2 "--hold-back is '2,3', wanted a number, or one for each" \
        calibrate --hold-back 2,3 -o y
    check "a share of one image" 2 '--hold-back is 1, wanted 0.01 to 0.5, or 2 images or more' \
        calibrate --hold-back 1 -o y
    check "a learning rate without another" 2 '--lr is 0, wanted more than 0 beside --lr-bias' \
        calibrate --lr 0 --lr-bias 1e-3 -o y
    check "a learning rate out of range" 2 '--lr-bias is 2, wanted 0 to 1' \
        calibrate --lr-bias 2 -o y
    check "no time" 2 '--minutes is 0, wanted more than 0' calibrate --minutes 0 -o y
    check "time and steps" 2 'wanted one of --epochs, --steps and --minutes' \
        calibrate --minutes 1 --steps 5 -o y
    check "stages that do not ascend" 2 "--gradual is '0.5,0.3', wanted" \
        calibrate --sparsity 0.6 --gradual 0.5,0.3 -o y
    check "a residual that is none" 2 "--residual is 'median', wanted mean or none" \
        calibrate --residual median -o y
    check "a plan and how to make one" 2 '--plan is there already' \
        calibrate --plan plan --sparsity 0.5 -o y
    check "a plan and curves for it" 2 '--plan is there already' \
        calibrate --plan plan --curves c.json -o y
    check "where to" 2 '-o MODEL is missing' calibrate
    absent "no leftovers" y y.checkpoint y.checkpoint.json
}

# Options that would do nothing, and files that would be lost.
case_in_vain() {
    for options in "--summary none --rule budget" "--residual mean" "--rule info"; do
        # shellcheck disable=SC2086
        check "curves with $options" 2 '--curves belongs to --rule measured' \
            calibrate $options --curves c.json -o y
    done
    for options in "--summary 2x2" "--rule info" "--residual none" "--curves c.json"; do
        # shellcheck disable=SC2086
        check "nothing pruned, with $options" 2 '--sparsity 0 prunes nothing: no --rule' \
            calibrate --sparsity 0 $options -o y
    done
    for options in "--summary none" "--rule budget" "--sparsity 0"; do
        # shellcheck disable=SC2086
        check "no summaries, with $options" 2 '--lr-bias is of summaries, and there are none' \
            calibrate $options --lr-bias 1e-3 -o y
    done
    for options in "--curves y" "--plan-output y" "--plan-output model" "--curves model" \
        "--checkpoint y" "--plan-output z --curves z"; do
        # shellcheck disable=SC2086
        check "one file for two, $options" 2 'the same file as' \
            calibrate $options -o y
    done
    check "over the model itself" 2 'the same file as' calibrate -o model
    check "over the plan" 2 'the same file as' \
        "$vitcod" calibrate model --data data --batch 8 --plan plan -o plan
    absent "no leftovers" y z c.json y.checkpoint
}

# A moving average: it is what is judged and written, and a run that was killed goes on with it.
case_moving_average() {
    varying=everything
    set -- --sparsity 0.6 --epochs 200 --patience 0 --ema 0.99
    check "uninterrupted" 0 'agreement' calibrate "$@" -o whole
    kill_at half.checkpoint 0.2 --data data "$@" -o half
    check "not without it" 1 '--ema (was 0.99, is 0.0)' \
        calibrate --sparsity 0.6 --epochs 200 --patience 0 --resume -o half
    check "resumed" 0 'agreement' calibrate "$@" --resume -o half
    check "the same model" 0 '' cmp whole half
    check "without it" 0 'agreement' calibrate --sparsity 0.6 --epochs 200 --patience 0 -o plain
    check "is another" 1 '' cmp -s whole plain
    check "not more than all of it" 2 '--ema is 1, wanted 0 to less than 1' \
        calibrate --sparsity 0.6 --ema 1 -o y
}

# The learning rate of the summaries' bias: ten times that of all else by default.
case_bias_of_summaries() {
    check "another to learn from" 0 'epoch 1/1' "$vitcod" train --data data --width 12 --depth 2 \
        --heads 3 --epochs 1 --seed 5 -o other
    set -- --teacher other --sparsity 0.5 --summary 2x2 --epochs 4 --lr 2e-3 --patience 0
    check "the default" 0 'epoch 4/4' calibrate "$@" -o usual
    check "which is ten times" 0 'epoch 4/4' calibrate "$@" --lr-bias 0.02 -o same
    check "the same model" 0 '' cmp usual same
    check "not learnt" 0 'epoch 4/4' calibrate "$@" --lr-bias 0 -o fixed --plan-output now
    check "another model" 1 '' cmp -s usual fixed
    check "what it begins with" 0 'agreement' \
        calibrate --teacher other --sparsity 0.5 --summary 2x2 --epochs 0 -o begun \
        --plan-output before
    check "is what it ends with" 0 '' cmp before now
}

# Products in bf16, where the CPU has them: another result, near the same.
case_half_precision() {
    varying=everything
    check "a number format that is none" 2 "--dtype is 'fp16', wanted fp32 or bf16" \
        calibrate --sparsity 0.6 --dtype fp16 -o y
    set -- --rule random --sparsity 0.6 --epochs 4 --patience 0
    check "fp32" 0 'epoch 4/4' calibrate "$@" -o single
    wants_products bf16
    check "bf16" 0 'epoch 4/4' calibrate "$@" --dtype bf16 -o half
    check "again" 0 'epoch 4/4' calibrate "$@" --dtype bf16 -o same
    check "the same" 0 '' cmp half same
    check "and another than fp32" 1 '' cmp -s half single
}

# Images from two places: judged apart, and gone on with; of each the first N and its share.
case_several_sources() {
    mkdir more
    idx_images more/train-images-idx3-ubyte 40
    idx_labels more/train-labels-idx1-ubyte 40 4
    varying=everything # how far it got before it was killed
    check "two sources" 0 'more: 8 images held back, agreement' \
        calibrate --data more --sparsity 0.6 --epochs 200 --patience 0 -o whole
    kill_at half.checkpoint 0.2 --data data --data more --sparsity 0.6 --epochs 200 --patience 0 \
        -o half
    check "not with one of them" 1 '--data (was .*data.*more.*, is .*data' \
        calibrate --sparsity 0.6 --epochs 200 --patience 0 --resume -o half
    check "resumed" 0 'more: 8 images held back' \
        calibrate --data more --sparsity 0.6 --epochs 200 --patience 0 --resume -o half
    check "the same model" 0 '' cmp whole half
    check "the first of each" 0 '"held_back": 8' \
        calibrate --data more --limit 20 --sparsity 0.6 --epochs 1 -o x --json
    holds "each" '"path": "data"' '"path": "more"' '"images": 16' '"held_back": 4' \
        '"divergence_before"' '"sources"'
    check "so many of each" 0 '124 images to learn from, 12 held back' \
        calibrate --data more --hold-back 6 --sparsity 0.6 --epochs 0 -o x
    check "a share of one, so many of the other" 0 '122 images to learn from, 14 held back' \
        calibrate --data more --hold-back 0.1,5 --sparsity 0.6 --epochs 0 -o x
    mkdir few
    idx_images few/train-images-idx3-ubyte 3
    idx_labels few/train-labels-idx1-ubyte 3 4
    check "a source by which nothing is judged" 1 \
        'few: none of its 3 images is held back, wanted --hold-back N' \
        calibrate --data few --sparsity 0.6 --epochs 0 -o y
    check "more than there are" 1 'more: has 40 images, wanted the 50 that are set apart' \
        calibrate --data more --hold-back 50 --sparsity 0.6 --epochs 0 -o x
    check "labels without names" 1 'more: its classes are not those of data' \
        "$vitcod" eval model --split train --data data --data more
    set --
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17; do set -- "$@" --data data; done
    check "too many" 2 '--data is given more than 16 times' "$vitcod" calibrate model "$@" -o x
}

# Statistics are of some images; whatever cannot be learnt from is told all the same, once.
case_statistics() {
    check "of three images" 0 'agreement' \
        calibrate --sparsity 0.6 --epochs 0 --statistics 3 -o few --plan-output few-plan
    check "of all" 0 'agreement' \
        calibrate --sparsity 0.6 --epochs 0 --statistics 0 -o all --plan-output all-plan
    check "make other plans" 1 '' cmp few-plan all-plan
    mkdir -p pictures/a
    for i in 00 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23; do
        cp "$root/tests/data/golden/grey8.png" "pictures/a/$i.png"
    done
    head -c 150 "$root/tests/data/golden/grey8.png" >pictures/a/05.png
    varying=everything # broken images are met as threads come to them
    check "a broken image among those to learn from" 1 'pictures/a/05.png: PNG: truncated' \
        "$vitcod" calibrate model --data pictures --batch 8 --threshold 6 --sparsity 0.6 \
        --epochs 4 --patience 0 --statistics 2 -o learnt
    holds "is told" '1 image could not be read and was left out'
    [ "$(grep -c 'PNG: truncated' "$out")" = 1 ] || failed "a broken image" "is told twice"
    check "and may be allowed" 0 'pictures/a/05.png' \
        "$vitcod" calibrate model --data pictures --batch 8 --threshold 6 --sparsity 0.6 \
        --epochs 4 --patience 0 --statistics 2 --skip-broken -o learnt --json
}

# Statistics, curves, learning and its judge: the model of one process, to the last bit.
case_several_processes() {
    wants_several
    varying=everything # what processes say comes in any order
    same='/"date"\|"command"\|"threads"\|"seconds"\|"peak_mib"/d'
    set -- "$vitcod" calibrate model --data data --threshold 6 --summary auto --sparsity 0.6 \
        --epochs 2 --batch 16 --json -o made
    check "four parts in one process" 0 '"agreement"' "$@" --parts 4 --curves curves.one
    sed -n '/^{/,/^}/p' "$out" | sed "$same" >one
    mv made made.one
    for n in 2 4; do
        check "in $n" 0 '"agreement"' several "$n" "$@" --parts 4 --curves curves
        sed -n '/^{/,/^}/p' "$out" | sed "$same;s/curves\"/curves.one\"/" >others
        check "say the same" 0 '' diff one others
        check "make the same" 0 '' cmp made made.one
        check "measure the same" 0 '' cmp curves curves.one
        absent "nothing is left" made.checkpoint made.checkpoint.json made.checkpoint.heads
    done
    check "not of a batch as a whole" 1 \
        'batches in 1 part for 2 processes: wanted a multiple of 2, .*--parts' several 2 "$@"
    check "nor of parts that they cannot share" 1 'in 2 parts for 4 processes' \
        several 4 "$@" --parts 2
    check "parts of odd numbers" 2 'parts of 2, 4, .. images' "$@" --parts 3
    check "without learning, one" 0 '"agreement"' \
        "$vitcod" calibrate model --data data --threshold 6 --sparsity 0.6 --epochs 0 --json \
        -o none.one
    check "without learning, four" 0 '"agreement"' \
        several 4 "$vitcod" calibrate model --data data --threshold 6 --sparsity 0.6 --epochs 0 \
        --json -o none
    check "make the same too" 0 '' cmp none none.one
    check "auto-encoders in one process" 1 'made in one process, not in 2' \
        several 2 "$@" --parts 2 --autoencoder qk
    check "nor are they learnt in parts" 1 "auto-encoder's loss is of a whole batch" \
        several 2 "$@" --parts 2 --autoencoder coder
    check "an epoch" 0 '' several 2 "$@" --parts 4 --epochs 200 --patience 0
    cp made made.one
    $several 2 "$@" --parts 4 --epochs 200 --patience 0 >/dev/null 2>&1 &
    pid=$!
    wait_until 60 test -e made.checkpoint
    kill -TERM "$pid"
    wait "$pid" 2>/dev/null
    check "ended, resumed in another number" 0 '"agreement"' \
        several 4 "$@" --parts 4 --epochs 200 --patience 0 --resume
    check "as if never ended" 0 '' cmp made made.one
}

case_images_of_one_class() {
    mkdir one
    idx_labels one/train-labels-idx1-ubyte 24 1
    awk 'BEGIN { print "0 0 8 3 0 0 0 24 0 0 0 8 0 0 0 8"
        for (i = 0; i < 24 * 64; i++) print 7 }' | bytes >one/train-images-idx3-ubyte
    check "images of one class" 0 'warning: the model sees class [0-3] in all 20 images' \
        "$vitcod" calibrate model --data one --batch 8 --threshold 6 --sparsity 0.6 --epochs 1 -o x
}

run_cases
