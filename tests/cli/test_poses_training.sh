#!/bin/sh
# A Strided Transformer learns from a small made-up set of poses, and what its other verbs do.
# shellcheck source=tests/cli.sh
. tests/cli.sh
golden=$root/tests/data/golden
model=$golden/poses.safetensors
poses=$golden/motion_2d.npz
truth=$golden/motion_3d.npz

# learns OPTION..: from two subjects, judged by the third
learns() {
    case " $* " in *" --init "*) ;; *) set -- --init "$model" "$@" ;; esac
    "$vitcod" train --data "$poses" --truth "$truth" --subjects A,B --batch 16 \
        --lr 1e-2 "$@"
}

# below FILE MOST: whether the MPJPE of subject C is below so many mm
below() {
    "$vitcod" eval "$1" --data "$poses" --truth "$truth" --subjects C --json >measured
    error=$(sed -n 's/^ *"mpjpe": \([0-9.]*\).*/\1/p' measured | head -1)
    echo "MPJPE $error mm, wanted below $2"
    awk "BEGIN { exit !($error < $2) }"
}

# What it learns counts beyond what it saw; as the log says, as eval measures.
case_learns() {
    check "learns" 0 'epoch 20/20 .* test MPJPE ' \
        learns --test-subjects C --epochs 20 --log log -o learnt
    check "its log" 0 '"judged_by":"test","test_loss":.*"test_mpjpe":' tail -1 log
    check "no top-1 in it" 1 '' grep -q top1 log
    logged=$(sed -n '$s/.*"test_mpjpe":\([0-9.]*\).*/\1/p' log)
    check "below a tenth of before" 0 '' below learnt 150
    check "as its log says" 0 '' sh -c \
        "awk 'BEGIN { d = $error - $logged; exit !(d < 0.01 && d > -0.01) }'"
    check "it was bad before" 1 '' below "$model" 2000
}

lines() { [ -f "$1" ] && [ "$(wc -l <"$1")" -ge "$2" ]; }

# Ended by a signal, it writes a checkpoint; gone on with, it ends with the same bits.
case_goes_on() {
    set -- --init "$model" --data "$poses" --truth "$truth" --subjects A,B --batch 16 \
        --epochs 300 --hold-back 2 --drop-path 0.1 --ema 0.9
    "$vitcod" train "$@" -o whole >whole.txt
    check "uninterrupted" 0 'held-back MPJPE .*, averaged ' tail -1 whole.txt
    check "two sequences held back" 0 '^168 frames to learn from, 40 held back' head -1 whole.txt
    "$vitcod" train "$@" --log log --log-every 1 -o ended >out.txt 2>err.txt &
    pid=$!
    wait_until 60 lines log 20
    kill -TERM "$pid"
    wait "$pid"
    check "it says where it ended" 0 'stopped in epoch .*goes on from ended.checkpoint' cat err.txt
    absent "no model yet" ended
    check "gone on with" 0 'epoch 300/300' "$vitcod" train "$@" --resume -o ended
    check "the same bits" 0 '' cmp whole ended
    varying=everything # the epochs that were left
}

case_many_processes() {
    wants_several
    check "together" 0 'epoch 2/2 .* test MPJPE' several 2 "$vitcod" train --init "$model" \
        --data "$poses" --truth "$truth" --subjects A,B --test-subjects C --batch 16 --epochs 2 \
        -o together
}

# By a dense model's poses, without a truth.
case_from_a_teacher() {
    check "a teacher has all of the loss" 0 'epoch 2/2' \
        "$vitcod" train --init "$model" --teacher "$model" --distill 1 --data "$poses" \
        --batch 16 --epochs 2 -o student
    wants_products bf16
    check "bfloat16" 0 'epoch 1/1' learns --epochs 1 --dtype bf16 -o half
}

case_by_name() {
    check "the preset" 0 'epoch 1/1' "$vitcod" train --arch strided_transformer_27 --data "$poses" \
        --truth "$truth" --subjects C --every 11 --batch 4 --epochs 1 -o named
    check "is one" 0 'strides  *3 3 3' "$vitcod" info named
}

# Maps over frames, masks, a plan, what it costs; then learning from the dense model's poses.
case_sparse() {
    learns --epochs 10 -o dense >/dev/null
    check "attention over frames" 0 'averaged over 208 frames' \
        "$vitcod" attention dense --data "$poses" --subjects A,B -o maps
    check "a file for each length" 0 '' ls maps/attention_score_group0.npy \
        maps/attention_score_group1.npy
    check "masks" 0 'masks: 70.0' "$vitcod" prune maps --sparsity 0.7 -o masks
    check "a plan" 0 '29.97 %' "$vitcod" polarize masks -o plan
    check "its cycles" 0 'cycles' "$vitcod" simulate dense --plan plan
    check "its costs" 0 'a run' "$vitcod" profile dense --plan plan
    "$vitcod" eval dense --data "$poses" --truth "$truth" --json >dense.json
    check "a page" 0 'runs 1' "$vitcod" report . -o page.html
    check "its MPJPE" 0 '' grep -q 'MPJPE of poses' page.html
    check "an auto-encoder" 0 'auto-encoder of qk to 2 heads' \
        "$vitcod" autoencoder dense --data "$poses" -o coder
    check "learnt with it, under masks" 0 'epoch 1/1' \
        learns --init dense --autoencoder coder --mask masks --epochs 1 -o coded
    varying=everything
    wants_products int8
    check "no LayerNorm to even out" 1 'has no LayerNorm' \
        "$vitcod" quantize dense --data "$poses" -o even
    check "int8 without that" 0 '^MPJPE ' "$vitcod" eval dense --data "$poses" --truth "$truth" \
        --subjects C --dtype int8
}

# distance KEY: of a result of calibrate
distance() { sed -n "s/^ *\"$1\": \([0-9.]*\).*/\1/p" made | head -1; }

case_calibrated() {
    learns --epochs 10 -o dense >/dev/null
    set -- --data "$poses" --subjects A,B --sparsity 0.8 --feature-weight 0.01 --lr 1e-3
    "$vitcod" calibrate dense "$@" --summary none --rule measured --epochs 20 -o sparse --json >made
    check "by curves of its heads" 0 '"rule": "measured"' cat made
    check "nearer to the dense model's poses" 0 '' awk \
        "BEGIN { exit !($(distance distance) < 0.8 * $(distance distance_before)) }"
    check "whole sequences are held back" 0 '"held_back": 32' cat made
    check "runs of frames" 0 '"summaries": "1x1"' \
        "$vitcod" calibrate dense --data "$poses" --sparsity 0.7 --summary 1x1 --epochs 1 \
        --feature-weight 0.01 -o pooled --json
    check "no squares of them" 1 'layer 0: 9 x 1 tokens have no 3 x 3 blocks' \
        "$vitcod" calibrate dense "$@" --summary 3x3 --epochs 1 -o x
    check "the numbers of runs" 0 'none,1x1,4x1,9x1,16x1,1x1q,4x1q' \
        "$vitcod" attention dense --data "$poses" --summary auto -o averages
    check "masks" 0 '' "$vitcod" prune averages --rule threshold --sparsity 0.5 -o masks
    check "in four runs, in the last block one" 0 '^kept' "$vitcod" polarize masks \
        --attention averages --summary '4x1*2,1x1' -o plan
    check "a model with runs" 0 '^MPJPE ' "$vitcod" eval dense --plan plan --data "$poses" \
        --truth "$truth" --subjects C
    check "crops" 1 'crop is of images, and a strided_transformer takes poses' \
        "$vitcod" calibrate dense "$@" --crop 0.25 -o x
    check "mixed windows" 1 'poses are mirrored and no more' \
        "$vitcod" calibrate dense "$@" --mix 0.5 --rule budget --summary none -o x
    check "over its own file" 0 '' "$vitcod" calibrate dense "$@" --summary none --rule budget \
        --epochs 1 -o sparse
    varying=everything
}

case_refuses() {
    check "no truth" 1 'without what they are in 3-D: wanted a truth' \
        "$vitcod" train --init "$model" --data "$poses" -o x
    check "crops" 1 'poses are mirrored and no more' learns --crop 0.5 -o x
    check "shifts" 1 'poses are mirrored and no more' learns --shift 2 -o x
    check "mixup" 1 'poses are mirrored and no more' learns --mixup 0.5 -o x
    check "smoothing" 1 'smoothing is of classes' learns --smoothing 0.2 -o x
    check "a head" 1 'are of images, not of poses' learns --new-head -o x
    check "hard distillation" 1 'hard distillation is of classes' \
        learns --teacher "$model" --hard -o x
    check "a class list" 1 'which have neither a class list nor EXIF data' \
        learns --classes "$model" -o x
    check "nobody" 1 "no poses of subject 'D'" learns --test-subjects D -o x
    check "two judges" 2 'wanted one' learns --test-subjects C --no-test -o x
    check "no model" 1 'poses want a model to start from' \
        "$vitcod" train --data "$poses" --truth "$truth" -o x
    check "a model of pictures" 1 'poses, but a deit takes pictures' "$vitcod" train \
        --init "$root/tests/models/golden/deit_distilled.pth" --heads 3 --data "$poses" \
        --truth "$truth" -o x
    check "one window in a step" 1 'wants 2 frames or more in each' learns --batch 1 -o x
    check "two files" 1 'poses beside others, wanted one npz' \
        "$vitcod" attention "$model" --data "$poses" --data "$poses" -o maps
    mkdir photos
    cp "$golden/rgb8.png" photos
    check "subjects of pictures" 1 'is no npz of poses' \
        "$vitcod" attention "$model" --data photos --subjects A -o maps
    check "codesign" 1 'passes nothing on to its steps' \
        "$vitcod" codesign "$model" --data "$poses" -o run
}

run_cases
