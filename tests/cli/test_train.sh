#!/bin/sh
# The full recipe of training on tiny images: options from a file, a moving average, logs, an end
# from outside, older checkpoints, other classes, and what it refuses.
# shellcheck source=tests/cli.sh
. tests/cli.sh
configs=$root/configs/train
export OMP_NUM_THREADS=1 # tiny images
small="--width 12 --depth 2 --heads 3 --batch 16"

# shellcheck disable=SC2086 # words
train() { "$vitcod" train --data data $small "$@"; }
lines() { [ "$(wc -l 2>/dev/null <"$1" || echo 0)" -ge "$2" ]; }

setup() {
    idx_data
    mkdir two
    idx_images two/train-images-idx3-ubyte 96
    idx_labels two/train-labels-idx1-ubyte 96 2
    # shellcheck disable=SC2086 # words
    check "a model of two classes" 0 'epoch 1/1' \
        "$vitcod" train --data two $small --epochs 1 --no-test -o few
}

case_recipe_from_a_file() {
    check "a recipe" 0 'epoch 2/2 .*averaged' train --config "$configs/deit-vitcod.yaml" \
        --epochs 2 --warmup-epochs 1 --log log --log-every 1 -o model
    check "steps are in its log" 0 '"epoch":2,"step":6,"steps":6' cat log
    check "and epochs" 0 '"averaged_top1"' cat log
    check "its learning rate follows the batch" 0 '' \
        grep -q '"learning_rate":3.125[0-9]*e-0*6' log
}

case_options_from_a_file() {
    printf 'epochs: 3\nno-flip: true\nlog: of-file\n' >own.yaml
    check "own options" 0 'epoch 3/3' train --config own.yaml -o model
    check "texts of a file" 0 '"epoch":3' cat of-file
    check "the command line counts more" 0 'epoch 1/1' train --config=own.yaml --epochs 1 -o model
    printf 'epochs: 3\nlearning-rate: 1\n' >bad.yaml
    check "a key that is no option" 1 "bad.yaml:2: .*learning-rate" train --config bad.yaml -o x
    printf 'epochs: many\n' >bad.yaml
    check "a value of another kind" 1 "bad.yaml:1: .*epochs" train --config bad.yaml -o x
    check "a file that is not there" 1 'nowhere.yaml: ' train --config nowhere.yaml -o x
}

case_less_memory() {
    check "all is kept" 0 'epoch 1/1' train --epochs 1 --no-test -o fast
    for memory in less least; do
        check "$memory is kept" 0 'epoch 1/1' train --epochs 1 --no-test --memory "$memory" -o model
        check "with the same bits" 0 '' cmp fast model
    done
    check "another word" 2 "memory is 'none', wanted fast, less or least" train --memory none -o x
}

case_refuses() {
    check "crops beside shifts" 1 'beside random crops' train --crop 0.5 --shift 2 --epochs 1 -o x
    check "a batch larger than the data" 1 'a batch of 4000 from 96 images' \
        train --batch 4000 --epochs 1 -o x
    check "no checkpoint at all" 2 '\-\-keep is 0' train --keep 0 -o x
    check "an average that is none" 1 'decay is 2' train --ema 2 --epochs 1 -o x
    check "labels that the model lacks" 1 'labels go up to 3' \
        "$vitcod" train --init few --data data --epochs 1 --batch 16 -o x
    check "a new head of no model" 2 'belongs to --init' train --new-head -o x
    absent "no leftovers" x x.checkpoint
}

# Ended by a signal, it writes a checkpoint; gone on with, it ends with the same bits.
case_ended_by_a_signal() {
    set -- --epochs 300 --ema 0.9 --operations 2 --mixup 0.8
    check "uninterrupted" 0 'epoch 300/300' train "$@" -o whole
    # shellcheck disable=SC2086 # words
    "$vitcod" train --data data $small "$@" --log ended.log --log-every 1 -o ended \
        >out.txt 2>err.txt &
    pid=$!
    wait_until 60 lines ended.log 20
    kill -TERM "$pid"
    wait "$pid"
    check "its exit status" 0 '^1$' echo $?
    check "it says where it ended" 0 \
        'stopped in epoch [0-9]* after step [0-9]* of 6, which goes on from ended.checkpoint' \
        cat err.txt
    absent "no model yet" ended
    check "gone on with" 0 'epoch 300/300' \
        train "$@" --log ended.log --log-every 1 --resume -o ended
    check "the same bits" 0 '' cmp whole ended
    varying=everything # the epochs that were left
}

case_older_checkpoints() {
    check "older checkpoints" 0 'epoch 3/3' train --epochs 3 --keep 3 --checkpoint saved -o model
    check "are there" 0 '' ls saved saved.1 saved.2
    check "their own are removed" 0 'epoch 3/3' train --epochs 3 --keep 3 -o model
    absent "all of them" model.checkpoint model.checkpoint.1 model.checkpoint.2
}

# Where files cannot have second names, as on FAT, older checkpoints are copies.
case_older_checkpoints_without_links() {
    shim=$(dirname "$vitcod")/tests/no_links.so
    [ -f "$shim" ] || skip "no no_links.so"
    ! ldd "$vitcod" | grep -q libasan || skip "the sanitizer wants to be loaded first"
    set -- --epochs 3 --keep 3 --checkpoint saved -o model
    check "with links" 0 'epoch 3/3' train "$@"
    mkdir linked
    mv saved saved.1 saved.2 linked
    check "without" 0 'epoch 3/3' env LD_PRELOAD="$shim" VC_LINK_TOLD=told "$vitcod" train \
        --data data --width 12 --depth 2 --heads 3 --batch 16 "$@"
    check "one was wanted" 0 '' ls told
    for file in saved saved.1 saved.2; do
        check "$file is the same" 0 '' cmp "$file" "linked/$file"
    done
}

# A disk that fills: files may grow to one block, where a checkpoint has more.
case_a_full_disk() {
    varying=everything # where it was stopped
    set -- --epochs 300 --save-every 2 --checkpoint kept
    # shellcheck disable=SC2086 # words
    "$vitcod" train --data data $small "$@" -o full >out.txt 2>err.txt &
    pid=$!
    wait_until 60 test -s kept
    kill -TERM "$pid"
    wait "$pid"
    check "stopped early" 0 'stopped in epoch' cat err.txt
    cp kept good
    # shellcheck disable=SC2016 # the inner shell expands
    check "a full disk is told" 1 'kept.*: File too large' sh -c '
        trap "" XFSZ
        ulimit -f 1
        exec "$@"' - "$vitcod" train --data data --width 12 --depth 2 --heads 3 --batch 16 "$@" \
        --resume -o full
    check "the old checkpoint stays" 0 '' cmp kept good
    check "and serves" 0 'epoch 300/300' train "$@" --resume -o full
}

# IDX files without test images, and images held back from data that has some.
case_judged_by() {
    # shellcheck disable=SC2086 # words
    check "no test files" 0 'two: no test images, so no test top-1' \
        "$vitcod" train --data two $small --epochs 1 -o x
    check "held back" 0 'held-back top-1' train --hold-back 0.25 --epochs 1 -o x
    check "test images" 0 '"judged_by": "test"' train --epochs 1 -o x --json
    rm data/t10k-labels-idx1-ubyte
    check "a broken test set" 1 'no labels lie beside it, wanted t10k-labels' train --epochs 1 -o y
    absent "is no missing one" y
}

case_a_head_for_other_classes() {
    check "a head" 0 'epoch 1/1' \
        "$vitcod" train --init few --new-head --data data --epochs 1 --batch 16 -o more
    check "has them" 0 '"classes": 4' "$vitcod" info more --json
}

# Several processes: the losses of one, each step.
together() {
    n=$1
    shift
    # shellcheck disable=SC2086 # words
    several "$n" "$vitcod" train --data data $small --epochs 2 --drop-path 0.2 --mixup 0.8 \
        --operations 2 --erase 0.5 --ema 0.9 --log-every 1 "$@"
}
# near FILE FILE: every loss within 1e-5
near() {
    paste "$1" "$2" | sed 's/"loss":/\n&/g' | sed -n 's/^"loss":\([0-9.]*\).*/\1/p' |
        awk 'NR % 2 { first = $1 }
            NR % 2 == 0 { d = first - $1; if (d > 1e-5 || d < -1e-5) bad = 1 }
            END { exit bad || NR < 28 }'
}
case_several_processes() {
    wants_several
    check "one process" 0 'epoch 2/2' together 1 --log one.log -o one
    for n in 2 4; do
        check "$n processes" 0 'epoch 2/2' together "$n" --log several.log -o several
        check "have the losses of one" 0 '' near one.log several.log
        rm -f several.log
    done
    check "a batch that they cannot share" 1 'wanted a multiple of 6' together 3 -o x
    absent "nothing is written" x x.checkpoint
    varying=everything # what processes say comes in any order
}

case_several_processes_ended() {
    wants_several
    varying=everything
    set -- "$vitcod" train --data data --width 12 --depth 2 --heads 3 --batch 16 --epochs 200
    $several 2 "$@" --log log --log-every 1 -o ended >out.txt 2>err.txt &
    pid=$!
    wait_until 60 lines log 20
    kill -TERM "$pid"
    wait "$pid"
    # what they say may be lost with mpirun
    absent "no model" ended
    check "a checkpoint" 0 '' ls ended.checkpoint
    check "go on together" 0 'epoch 200/200' several 2 "$@" --resume -o ended
    check "as if they had not ended" 0 'epoch 200/200' several 2 "$@" -o whole
    check "to the same bits" 0 '' cmp ended whole
}

run_cases
