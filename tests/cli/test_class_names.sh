#!/bin/sh
# What classes are called where the images do not say: known data sets, names in a model's file.
# shellcheck source=tests/cli.sh
. tests/cli.sh
fashion=$root/models/fashion-vit.safetensors
data=${FASHION_MNIST:-/usr/share/datasets/fashion-mnist}

wants_data() {
    [ -d "$data" ] || skip "no Fashion-MNIST in $data (Debian: dataset-fashion-mnist)"
}

# few DIR LABEL..: a test split of as many black images of 28 x 28 pixels
few() {
    folder=$1
    shift
    mkdir -p "$folder"
    count=$(printf '\\0%03o' $#)
    printf '%b' "\0\0\010\003\0\0\0$count\0\0\0\034\0\0\0\034" \
        >"$folder/t10k-images-idx3-ubyte"
    head -c $((784 * $#)) /dev/zero >>"$folder/t10k-images-idx3-ubyte"
    {
        printf '%b' "\0\0\010\001\0\0\0$count"
        for label; do printf '%b' "\\0$(printf %03o "$label")"; done
    } >"$folder/t10k-labels-idx1-ubyte"
}

# By its labels, so in a folder of any name.
case_fashion_mnist_is_known() {
    wants_data
    ln -s "$data" any
    check "eval" 0 '"name": "Ankle boot"' "$vitcod" eval "$fashion" --data any --limit 20 --json
    check "the split to learn from" 0 '"name": "Ankle boot"' \
        "$vitcod" eval "$fashion" --data any --split train --limit 20 --json
    for i in 0 1 2 3 4 5 6 7 8 9; do echo "number-$i"; done >list
    check "a list counts more" 0 '"name": "number-9"' \
        "$vitcod" eval "$fashion" --data any --limit 20 --json --classes list
}

# Its folder's name says nothing.
case_others_are_not_guessed() {
    few fashion-mnist 9 2 1
    check "eval" 0 '"name": ""' "$vitcod" eval "$fashion" --data fashion-mnist --json
}

case_named_images_are_judged_by_unnamed_ones() {
    wants_data
    few mixed 9 2 1
    ln -s "$data"/train-* mixed
    few fashion-mnist 9 2 1
    ln "fashion-mnist/t10k-images-idx3-ubyte" fashion-mnist/train-images-idx3-ubyte
    ln "fashion-mnist/t10k-labels-idx1-ubyte" fashion-mnist/train-labels-idx1-ubyte
    check "train" 0 'top-1' "$vitcod" train --init "$fashion" --data mixed --epochs 1 --limit 64 \
        -o trained
    check "the model keeps the names" 0 'Ankle boot' head -c 700 trained
    check "export" 0 '"class_names": 10' "$vitcod" export trained -o t.onnx --json
    check "of those that have none" 0 'top-1' "$vitcod" train --init trained --data fashion-mnist \
        --epochs 1 --batch 1 -o again
    check "none is kept" 0 '"class_names": 0' "$vitcod" export again -o t.onnx --json
}

# A DeiT of 4 classes, trained on a folder of each.
case_a_trained_model_names_classes() {
    golden=$root/tests/data/golden
    "$vitcod" import "$root/tests/models/golden/deit_distilled.pth" --heads 3 -o model \
        2>/dev/null >&2
    for class in ant bee cow dog; do
        mkdir -p "data/$class"
        cp "$golden/baseline420.jpg" "data/$class/1.jpg"
    done
    check "without names" 0 '"name": ""' "$vitcod" classify model data/ant/1.jpg --json
    check "train" 0 '' "$vitcod" train --init model --data data --epochs 1 --batch 2 -o named
    check "classify" 0 '"name": "cow"' "$vitcod" classify named data/ant/1.jpg --json
    printf 'a\nb\nc\nd\n' >list
    check "a list counts more" 0 '"name": "c"' \
        "$vitcod" classify named data/ant/1.jpg --json --classes list
}

run_cases
