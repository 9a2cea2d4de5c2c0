#!/bin/sh
# Models whose images are wider than high: every verb, with three rows and five columns of patches.
# shellcheck source=tests/cli.sh
. tests/cli.sh
golden=$root/tests/data/golden
# A distilled DeiT of 16 x 16 pixels, patches of 8 and 4 classes, from PyTorch.
pth=$root/tests/models/golden/deit_distilled.pth

setup() {
    check "import for other images" 0 'deit of 23 tensors' \
        "$vitcod" import "$pth" --heads 3 --image-size 24x40 -o model
    mkdir -p data/n1 data/n2 data/n3 data/n4
    cp "$golden/baseline420.jpg" data/n1/a.jpg
    cp "$golden/progressive.jpg" data/n1/b.jpg
    cp "$golden/rgb8.png" data/n2/c.png
    cp "$golden/ycck.jpg" data/n3/d.jpeg
    cp "$golden/palette8.png" data/n4/e.png
    check "maps" 0 'averaged over 5 images' "$vitcod" attention model --data data -o maps.npy
    check "a mask" 0 '' "$vitcod" prune maps.npy --sparsity 0.5 -o mask.npy
    check "a plan" 0 'kept: ' "$vitcod" polarize mask.npy --threshold 10 -o plan
}

case_files() {
    check "the size is kept" 0 'image  *24 x 40' "$vitcod" info model
    holds "and the grid" 'grid_rows  *3' 'grid_columns  *5' 'tokens  *17'
    check "as JSON" 0 '"image_height": 24' "$vitcod" info model --json
    holds "both sides" '"image_width": 40' '"grid_columns": 5'
    check "from one grid to another" 0 'deit of 23 tensors' \
        "$vitcod" import model --image-size 40x24 -o tall
    check "as many tokens" 0 'image  *40 x 24' "$vitcod" info tall
    check "and other positions" 1 '' cmp model tall
    check "a square again" 0 '"image_width": 24' "$vitcod" info model --image-size 24 --json
    check "a size that is no multiple" 1 \
        "model: an image of 24 x 41 pixels, wanted a multiple of the patches' 8" \
        "$vitcod" info model --image-size 24x41
    check "a preset" 0 '"grid_rows": 20' \
        "$vitcod" info --arch deit_tiny_patch16_224 --image-size 320x160 --json
    check "a LeViT" 1 'a levit takes square images, not 320 x 160' \
        "$vitcod" info --arch levit_128s --image-size 320x160
    for size in 24x 24xx40 x24 24x40x3 0x8 24-40; do
        check "a size of $size" 2 "'$size', wanted pixels as 224, or height and width as 224x384" \
            "$vitcod" info model --image-size "$size"
    done
    check "a plan of a square model" 1 'does not fit' \
        "$vitcod" simulate plan --model model --image-size 16
}

case_images() {
    check "eval" 0 'on 5 images' "$vitcod" eval model --data data
    wanted=$(sed 's/,[^,]*$//' "$out")
    check "at the same size by an option" 0 "$wanted" \
        "$vitcod" eval "$pth" --heads 3 --image-size 24x40 --data data
    check "on the plan" 0 'top-1' "$vitcod" eval model --plan plan --data data
    check "fewer tokens" 0 'top-1' "$vitcod" eval model --data data --tokens prune --keep 1
    check "by neighbours" 0 'nearest' "$vitcod" eval model --data data --train-data data --knn 1
    check "classify" 0 '^  *[0-9.]* %' "$vitcod" classify model data/n2/c.png --top 1
}

case_summaries() {
    check "averages" 0 'averaged over 5 images' "$vitcod" attention model --data data \
        --summary 2x4 -o averages
    check "are of the grid" 0 '' grep -q '"grids":"3x5"' averages
    check "a plan with summaries" 0 '' "$vitcod" prune averages --summary 2x4 --sparsity 0.3 -o cut
    check "polarized" 0 'kept: ' "$vitcod" polarize cut --threshold 10 -o summed
    check "runs" 0 'top-1' "$vitcod" eval model --plan summed --data data
    check "more rows than there are" 1 '3 x 5 tokens have no 4 x 2 blocks' "$vitcod" calibrate \
        model --data data --sparsity 0.3 --summary 4x2 --epochs 0 --batch 4 -o x
    check "calibrate" 0 '' "$vitcod" calibrate model --data data --sparsity 0.2 --summary 2x4 \
        --epochs 1 --batch 4 -o calibrated
    check "is a model" 0 'image  *24 x 40' "$vitcod" info calibrated
    absent "no leftovers" x
    check "runs of one row" 0 'none,1x1,1x4,1x9,1x16,1x1q,1x4q' "$vitcod" attention "$pth" \
        --heads 3 --image-size 8x48 --data data --summary auto -o row
}

case_training() {
    check "train" 0 'epoch 1/1' "$vitcod" train --init model --data data --epochs 1 --batch 4 \
        --mixup 0.8 --cutmix 1 --plan plan -o trained
    check "keeps the size" 0 'image  *24 x 40' "$vitcod" info trained
    printf 'image-size: 40x24\nepochs: 1\nbatch: 4\n' >settings.yaml
    check "by a file of settings" 0 'epoch 1/1' "$vitcod" train --init model --data data \
        --config settings.yaml -o tall
    check "has its size" 0 'image  *40 x 24' "$vitcod" info tall
    check "quantize" 0 '' "$vitcod" quantize model --data data -o even
    check "is the same size" 0 'image  *24 x 40' "$vitcod" info even
}

case_chips() {
    check "simulate" 0 'end to end' "$vitcod" simulate plan --model model
    check "profile" 0 'ratio' "$vitcod" profile plan --model model --runs 3
    check "profile of a model" 0 '24 x 40 pixels' "$vitcod" profile model --runs 3
    check "bench" 0 '"image_width": 40' "$vitcod" bench model --runs 3 --batch 1 --json
    check "export" 0 '' "$vitcod" export model --plan plan -o model.onnx
}

run_cases
