#!/bin/sh
# The most memory that each verb takes is no more than docs/limits.md says, and not far less: what
# is run is here, with a DeiT-Tiny of random weights and one thread. UPDATE=1 writes the page's
# numbers anew.
# shellcheck source=tests/cli.sh
. tests/cli.sh
varying=everything
export OMP_NUM_THREADS=1
page=$root/docs/limits.md

setup() {
    idx_data
    check "train" 0 '' "$vitcod" train --arch deit_tiny_patch16_224 --data data --convert-channels \
        --epochs 1 --batch 4 --limit 4 --no-test -o model
    check "attention" 0 '' "$vitcod" attention model --data data --limit 2 -o maps
    check "prune" 0 '' "$vitcod" prune maps --sparsity 0.9 -o mask
    check "polarize" 0 '' "$vitcod" polarize mask -o plan
    check "import" 0 '' "$vitcod" import model --plan plan -o planned
}

# peak VERB ARGUMENT...: what it takes against the page's number
peak() {
    ! ldd "$vitcod" | grep -q libasan || skip "the sanitizer takes memory of its own"
    check "$1" 0 '' "$(dirname "$vitcod")/tests/peak" most "$vitcod" "$@"
    most=$(cat most)
    more=$((most * 11 / 10))
    [ -z "${UPDATE:-}" ] ||
        sed -i "s/^\(| \`$1\` |.*| \)[0-9]* |\$/\1$((more - more % 5 + 5)) |/" "$page"
    said=$(sed -n "s/^| \`$1\` |.*| \([0-9]*\) |\$/\1/p" "$page")
    [ "$most" -le "${said:-0}" ] || failed "$1" "$most MiB, and limits.md says '$said'"
    [ "$1" = profile ] || # which goes by the CPU's cache
        [ $((2 * most)) -ge "${said:-0}" ] || failed "$1" "only $most of '$said' MiB"
}

case_every_verb_has_a_number() {
    "$vitcod" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p' >verbs
    while read -r verb; do
        check "$verb is there" 0 '' grep "^| \`$verb\` |" "$page"
        check "$verb is tried" 0 '' grep "^ *peak $verb\\>" "$root/tests/cli/test_peaks.sh"
    done <verbs
}

case_models() {
    cp "$root/tests/data/golden/palette1.png" picture.png
    { # zeros, (1, 1, 224, 224) float32
        printf '\223NUMPY\001\000\166\000'
        printf '%-117s\n' \
            "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 224, 224), }"
        head -c $((224 * 224 * 4)) /dev/zero
    } >image.npy
    peak info model
    peak import model -o imported
    peak classify model picture.png --convert-channels
    peak infer model --input image.npy -o logits.npy
    peak export model -o model.onnx
    peak eval model --data data --limit 8
}

case_averages() {
    peak attention model --data data --limit 2 -o maps2
    peak prune maps --sparsity 0.9 -o mask2
    peak polarize mask -o plan2
    peak autoencoder model --data data --limit 8 -o coder
    peak quantize model --data data --limit 8 -o quantized
}

case_chips_and_times() {
    printf 'axes: {model: deit_tiny_patch16_224, lines: [32, 64]}\n' >space.yaml
    export OCL_ICD_VENDORS=/proc/none # drivers take what they like
    peak devices
    peak cache
    peak simulate model --plan plan
    peak compare planned
    peak sweep space.yaml -o lines.jsonl
    peak bench model --plan plan --runs 1
    peak profile model --plan plan --runs 1
}

case_learning() {
    peak train --init model --plan plan --data data --epochs 1 --batch 4 --limit 4 --no-test -o new
    peak calibrate model --data data --limit 12 --hold-back 4 --statistics 4 --epochs 1 --batch 4 \
        --rule info -o calibrated
}

case_a_run_folder() {
    peak codesign model --data data --limit 12 --hold-back 4 --epochs 1 --batch 4 --rule info \
        --residual none --autoencoder none -o run
    peak report run -o page.html
}

run_cases
