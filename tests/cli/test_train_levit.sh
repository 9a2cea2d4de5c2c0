#!/bin/sh
# A LeViT and a DeiT by name: trained from random weights, gone on with, tested, pruned and trained
# again, taught by another.
# shellcheck source=tests/cli.sh
. tests/cli.sh
golden=$root/tests/data/golden
configs=$root/configs/train
export OMP_NUM_THREADS=1 # tiny images

train() { "$vitcod" train --data data --batch 16 --limit 32 --shift 0 --no-flip "$@"; }
by_name() { train --arch levit_128s --image-size 32 "$@"; }

setup() {
    idx_data
    mkdir two
    idx_images two/train-images-idx3-ubyte 32
    idx_labels two/train-labels-idx1-ubyte 32 2
    check "a LeViT by name" 0 'epoch 2/2 .* test top-1' \
        by_name --epochs 2 --keep 2 --checkpoint saved -o levit
}

case_by_name() {
    check "has the data's classes and channels" 0 '"classes": 4' "$vitcod" info levit --json
    holds "and is what it says" '"architecture": "levit"' '"channels": 1' '"image_width": 32'
    check "is tested" 0 'on 32 images' "$vitcod" eval levit --data data
    mv saved.1 saved
    check "gone on with" 0 'epoch 2/2' \
        by_name --epochs 2 --keep 2 --checkpoint saved --resume -o again
    check "the same bits" 0 '' cmp levit again
}

# Pruned after training; trained on under the mask of its parts, and on the plan with a moving
# average.
case_pruned() {
    check "its attention" 0 '' "$vitcod" attention levit --data data --limit 16 -o maps
    check "its masks" 0 '' "$vitcod" prune maps --sparsity 0.3 -o masks
    check "its plan" 0 '' "$vitcod" polarize masks -o plan
    check "under masks" 0 'epoch 1/1' \
        train --init levit --mask masks --epochs 1 --no-test -o masked
    check "on a plan" 0 'epoch 1/1 .*averaged' \
        train --init levit --plan plan --ema 0.5 --epochs 1 -o sparse
    check "which is inside" 0 'on 32 images' "$vitcod" eval sparse --data data
}

case_a_new_head() {
    check "a new head" 0 'epoch 1/1' "$vitcod" train --init levit --new-head --data two --batch 16 \
        --epochs 1 --no-test -o few
    check "of two classes" 0 '"classes": 2' "$vitcod" info few --json
}

case_teachers() {
    check "two heads, a hard teacher" 0 'epoch 1/1' \
        train --init levit --teacher levit --two-heads --hard --epochs 1 --no-test -o taught
    check "the published recipe" 0 'epoch 1/1 .*averaged' "$vitcod" train \
        --config "$configs/levit.yaml" --data data --arch levit_128s --image-size 32 --batch 16 \
        --epochs 1 --warmup-epochs 0 --teacher levit --two-heads --hard -o recipe
    check "a distilled DeiT too" 0 'epoch 1/1' train --arch deit_tiny_distilled_patch16_224 \
        --image-size 32 --teacher levit --two-heads --distill 0.7 --epochs 1 --no-test -o deit
    check "a teacher of other classes" 1 "has 4 classes, wanted the student.s" "$vitcod" train \
        --data two --arch levit_128s --image-size 32 --teacher levit --epochs 1 --batch 16 \
        --no-test -o x
    absent "no leftovers" x x.checkpoint
}

case_class_folders() {
    mkdir -p folders/a folders/b
    for n in 1 2 3 4; do
        cp "$golden/rgb8.png" "folders/a/$n.png"
        cp "$golden/palette8.png" "folders/b/$n.png"
    done
    set -- --data folders --batch 4 --epochs 1 --no-test
    check "class folders" 0 'epoch 1/1' \
        "$vitcod" train --arch levit_128s --image-size 48 "$@" -o model
    check "have ImageNet's normalisation" 0 '"classes": 2' "$vitcod" info model --json
    check "folders and no name" 1 '(--init) or a name (--arch)' "$vitcod" train "$@" -o x
    absent "no leftovers" x x.checkpoint
}

case_refuses() {
    set -- --epochs 1 -o x
    check "an unknown name" 1 "'levit' is unknown" train --arch levit "$@"
    check "a size that does not fit" 1 'levit_128s: .* multiple of 16' \
        train --arch levit_128s --image-size 40 "$@"
    check "a name and a model" 2 'both --init and --arch' \
        train --arch levit_128s --init levit "$@"
    check "a name and sizes" 2 '--arch brings its own sizes' \
        train --arch levit_128s --width 12 "$@"
    check "a name and heads" 2 '--heads belongs' train --arch levit_128s --heads 3 "$@"
    check "two heads of nobody" 2 'need a --teacher' train --init levit --two-heads "$@"
    check "a hard temperature" 2 'has no --temperature' \
        train --init levit --teacher levit --hard --temperature 2 "$@"
    check "a single image" 1 'a levit wants 2 images' \
        "$vitcod" train --data data --init levit --batch 1 --limit 2 "$@"
    check "calibration" 1 'a levit cannot be calibrated' \
        "$vitcod" calibrate levit --data data --sparsity 0.5 -o x
    absent "no leftovers" x x.checkpoint
}

case_stochastic_depth() {
    check "stochastic depth" 0 'epoch 1/1' \
        train --init levit --drop-path 0.1 --epochs 1 -o deep
}

case_bfloat16() {
    wants_products bf16
    check "bfloat16" 0 'epoch 1/1' train --init levit --dtype bf16 --epochs 1 -o half
}

case_several_processes() {
    wants_several
    varying=everything # what processes say comes in any order
    check "two processes" 0 'epoch 1/1 .* test top-1' several 2 "$vitcod" train --data data \
        --init levit --batch 16 --limit 32 --epochs 1 -o together
    check "are tested" 0 'on 32 images' "$vitcod" eval together --data data
}

run_cases
