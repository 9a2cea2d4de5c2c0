#!/bin/sh
# Packed weights in the user's cache: the same results, files that are old, broken or nowhere,
# several processes at once.
# shellcheck source=tests/cli.sh
. tests/cli.sh
export OMP_NUM_THREADS=1 # tiny images
varying=everything # what is told depends on the CPU
pth=$root/tests/models/golden/deit_distilled.pth

classify() { "$vitcod" classify model "$root/tests/data/golden/rgb8.png" --json "$@"; }
# result FILE: of the last command, without what differs between runs
result() { sed -n '/^{/,/^}/p' "$out" | sed '/"date"\|"command"\|"threads"/d' >"$1"; }
# The case's own cache, and a model that was not written this moment, as such are not remembered.
begin() {
    export XDG_CACHE_HOME="$PWD/cache"
    sleep 0.1
}
kept() { ls cache/vitcod/packed-*-"$1"-*.safetensors; }

setup() {
    check "a model" 0 '' "$vitcod" import "$pth" --heads 3 -o model
    for class in n1 n2 n3 n4; do
        mkdir -p "data/$class"
        cp "$root/tests/data/golden/rgb8.png" "$root/tests/data/golden/grey8.png" "data/$class"
    done
    check "another" 0 '' "$vitcod" train --init model --data data --no-test --epochs 1 --batch 2 \
        --lr 1e-2 -o other
    rm -r data
}

case_the_same_results() {
    begin
    for dtype in fp32 bf16 int8; do
        has_products "$dtype" || continue
        check "$dtype without" 0 '"images"' classify --dtype "$dtype"
        result without
        check "$dtype, which makes it" 0 '"images"' classify --dtype "$dtype" --cache
        result makes
        check "is the same" 0 '' diff without makes
        made=$(stat -c %i "$(kept "$dtype")")
        check "$dtype, which takes it" 0 '"images"' classify --dtype "$dtype" --cache
        result takes
        check "is the same again" 0 '' diff without takes
        grep -q '^vitcod:' "$out" && failed "nothing to note" "it notes something"
        [ "$made" = "$(stat -c %i "$(kept "$dtype")")" ] || failed "the file" "was written again"
    done
    check "it is listed" 0 'packed-.*fp32' "$vitcod" cache
    holds "with what is known of the model" 'values-.*json'
    check "and removed" 0 '"cleared": true' "$vitcod" cache --clear --json
    check "all of it" 0 ': 0 files, 0.00 MiB' "$vitcod" cache
}

# Other numbers of images want other products, of which the file then knows too.
case_several_verbs() {
    begin
    mkdir -p data/n1 data/n2 data/n3 data/n4
    for class in n1 n2 n3 n4; do cp "$root/tests/data/golden/rgb8.png" "data/$class"; done
    check "one image" 0 '' classify --cache
    check "four" 0 'top-1' "$vitcod" eval model --data data --batch 4 --cache
    made=$(stat -c %i "$(kept fp32)")
    check "one again" 0 '' classify --cache
    check "four again" 0 'top-1' "$vitcod" eval model --data data --batch 4 --cache
    [ "$made" = "$(stat -c %i "$(kept fp32)")" ] || failed "the file" "was written again"
}

case_old_and_broken() {
    begin
    check "kept" 0 '' classify --cache
    packed=$(kept fp32)
    cp "$packed" good
    cat other >model
    sleep 0.1
    check "of another model" 0 '' "$vitcod" classify model "$root/tests/data/golden/rgb8.png" --json
    result without
    check "an old one is told" 0 'is of another model, file, program or CPU: it is made anew' \
        classify --cache
    result with
    check "and not used" 0 '' diff without with
    check "but made anew" 0 '' classify --cache
    grep -q 'made anew' "$out" && failed "the new one" "is old"
    cp "$packed" whole
    head -c 3000 whole >"$packed"
    check "cut off" 0 'it is made anew' classify --cache
    result with
    check "is not used" 0 '' diff without with
    check "but whole again" 0 '' cmp whole "$packed"
    sed 's/verdicts/verdicto/' whole >"$packed"
    check "another name" 0 'damaged: its checksum is .*: it is made anew' classify --cache
    result with
    check "is not used either" 0 '' diff without with
    echo nothing >"$packed"
    check "something else" 0 'it is made anew' classify --cache
    for known in cache/vitcod/values-*.json; do
        sed -i 's/"model_hash": "./"model_hash": "x/' "$known"
    done
    check "what was known is checked" 0 '' classify --cache
    result with
    check "and found out again" 0 '' diff without with
}

# flip FILE AT: the lowest bit of a byte
flip() {
    byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
    echo $((byte % 2 ? byte - 1 : byte + 1)) | bytes |
        dd of="$1" bs=1 conv=notrunc status=none seek="$2"
}

# Values that are another number, and nothing else; and a build of other sources that calls itself
# by the same version.
case_a_flipped_bit_and_another_build() {
    begin
    check "without" 0 '"images"' classify
    result without
    check "kept" 0 '' classify --cache
    packed=$(kept fp32)
    cp "$packed" whole
    size=$(stat -c %s whole)
    for at in $((size - 1)) $((size / 2)) $((size * 3 / 4)); do
        flip "$packed" "$at"
        check "a bit at $at" 0 'damaged: its values have another .*: it is made anew' \
            classify --cache
        result with
        check "is not used" 0 '' diff without with
        check "but made anew" 0 '' cmp whole "$packed"
    done
    sources=$(head -c 65536 whole | grep -ao 'of sources [0-9a-f]\{16\} by' | head -1)
    [ -n "$sources" ] || failed "the sources" "are not said"
    sed "s/$sources/of sources 0123456789abcdef by/" whole >"$packed"
    check "of other sources" 0 'is of another model, file, program or CPU: it is made anew' \
        classify --cache
    check "is made anew" 0 '' cmp whole "$packed"
}

# What tells sources apart: any of them, by name and by bytes.
case_sources_have_a_hash() {
    mkdir -p tree/include/vitcod tree/src/kernels tree/src/engine
    echo 'int a;' >tree/src/engine/a.c
    echo 'int b;' >tree/include/vitcod/b.h
    hash() {
        cmake -DROOT="$PWD/tree" -DOUT="$PWD/hash.c" -DNAME=x \
            -P "$root/tools/sources-hash.cmake" && grep '^const' hash.c
    }
    check "one" 0 '^const char x.. = "[0-9a-f]\{16\}";' hash
    hash >first
    hash >again
    check "the same again" 0 '' cmp first again
    for change in 'echo "int c;" >tree/src/engine/a.c' 'echo "int c;" >tree/include/vitcod/b.h' \
        'mv tree/src/engine/a.c tree/src/kernels/a.c' 'touch tree/src/engine/new.c'; do
        sh -c "$change"
        hash >next
        check "$change" 1 'differ' cmp first next
        mv next first
    done
}

# An index stays as it is when a file that it names is replaced.
case_several_files() {
    begin
    cp model part
    names=$(head -c 65536 part | grep -ao '"[^"]*":{"dtype"' | sed 's/{.*/"part"/' | paste -sd ,)
    echo "{\"weight_map\": {$names}}" >index
    sleep 0.1
    by_index() { "$vitcod" classify index "$root/tests/data/golden/rgb8.png" --json "$@"; }
    check "nothing is kept of it" 0 'not kept: the model is not one file' by_index --cache
    absent "neither weights nor what is known of it" cache
    cat other >part
    sleep 0.1
    check "another behind the same index" 0 '"images"' by_index
    result without
    check "with --cache" 0 '"images"' by_index --cache
    result with
    check "is that other" 0 '' diff without with
}

case_no_place() {
    begin
    echo file >file
    XDG_CACHE_HOME=$(pwd)/file check "a file in place of a folder" 0 \
        'packed weights are not kept: ' classify --cache
    check "no cache at all" 0 'no cache: wanted a folder in XDG_CACHE_HOME' \
        env -u XDG_CACHE_HOME HOME=relative "$vitcod" classify model \
        "$root/tests/data/golden/rgb8.png" --cache
    check "of random weights" 2 'keeps the weights of a MODEL' \
        "$vitcod" infer --arch deit_tiny_patch16_224 --cache --input x
    # shellcheck disable=SC2016 # the inner shell's
    check "of a model that was written this moment" 0 'was written this moment' \
        sh -c 'cp model fresh && touch -d "+1 minute" fresh && "$1" classify fresh "$2" --cache' \
        - "$vitcod" "$root/tests/data/golden/rgb8.png"
    absent "nothing is kept of it" cache/vitcod/packed-*
}

case_several_makers() {
    begin
    check "without" 0 '' classify
    result without
    for i in 1 2 3 4 5 6; do
        classify --cache >"made.$i" 2>&1 &
    done
    wait
    for i in 1 2 3 4 5 6; do
        check "maker $i" 0 '"images"' cat "made.$i"
        result with
        check "finds the same" 0 '' diff without with
    done
    check "one file is left of it" 0 '^2$' sh -c 'ls -A cache/vitcod | wc -l'
    check "which is whole" 0 '' classify --cache
    grep -q '^vitcod:' "$out" && failed "which is whole" "it notes something"
}

run_cases
