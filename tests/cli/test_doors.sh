#!/bin/sh
# What comes in and goes out: files that must not be replaced, standard input and output, pipes.
# shellcheck source=tests/cli.sh
. tests/cli.sh
masks='s/[0-9.]* images\/s/#/'

# npy_of DTYPE SHAPE BYTES: an array on stdout
npy_of() {
    printf '\223NUMPY\001\000\166\000%-117s\n' \
        "{'descr': '$1', 'fortran_order': False, 'shape': ($2), }"
    printf '%b' "$3"
}

# A model of 8 x 8 pixels, its maps, a mask, a plan, and what nobody has made.
setup() {
    idx_data
    check "train" 0 '' "$vitcod" train --data data --epochs 1 --width 8 --depth 1 --heads 2 \
        --patch 4 --limit 32 --batch 16 -o model
    check "attention" 0 '' "$vitcod" attention model --data data --limit 8 -o maps
    check "prune" 0 '' "$vitcod" prune maps --sparsity 0.3 -o mask
    check "polarize" 0 '' "$vitcod" polarize mask --threshold 1 -o plan
    npy '\000\000\000\277' >images
    echo "what somebody wrote" >notes
    mkdir -p folder/run
    check "a result" 0 '' \
        sh -c "'$vitcod' prune maps --sparsity 0.3 -o mask --json >folder/run/prune.json"
}

# same NAME FILE: the file is as setup left it
same() {
    cmp -s "$2" "$2.before" || failed "$1" "$2 is another"
}
keep() {
    for file; do cp "$file" "$file.before"; done
}

# Neither what is read nor what is written elsewhere is written over, whatever it is called.
case_the_same_file() {
    keep model maps mask plan
    ln -s model link
    ln model hard
    check "a model by its maps" 2 "output is 'model', the same file as the argument 'model'" \
        "$vitcod" attention model --data data -o model
    check "maps by a mask" 2 'the same file' "$vitcod" prune maps --sparsity 0.5 -o maps
    check "in another spelling" 2 "'./maps', the same file as the argument 'maps'" \
        "$vitcod" prune maps --sparsity 0.5 -o ./maps
    check "through a folder" 2 'the same file' "$vitcod" prune maps --info 1 -o folder/../maps
    check "a link" 2 'the same file' "$vitcod" import model -o link
    check "a hard link" 2 'the same file' "$vitcod" import hard -o model
    check "even by force" 2 'the same file' "$vitcod" import model -o model --force
    check "an option's" 2 "the same file as --plan 'plan'" \
        "$vitcod" import model --plan plan -o plan
    check "one of several" 2 "the same file as --data 'data/train-images-idx3-ubyte'" \
        "$vitcod" attention model --data data --data data/train-images-idx3-ubyte \
        -o data/train-images-idx3-ubyte
    check "where it starts" 2 "the same file as --init 'model'" \
        "$vitcod" train --init model --data data -o model
    check "the teacher" 2 "the same file as --teacher 'model'" \
        "$vitcod" calibrate maps --teacher model --data data -o model
    check "twice" 2 "output is 'new', the same file as --scores './new'" \
        "$vitcod" attention model --data data -o new --scores ./new
    check "twice, by a link" 2 'the same file as --plan-output' \
        "$vitcod" calibrate model --data data -o folder/new --plan-output ./folder/../folder/new
    check "a checkpoint" 2 "output is 'a', the same file as --checkpoint 'a'" \
        "$vitcod" train --data data -o a --checkpoint a
    same "kept" model
    same "kept" maps
    same "kept" plan
    absent "nothing new" new folder/new a
    check "a device is nobody's" 0 '' "$vitcod" attention model --data data --limit 8 \
        -o /dev/null --scores /dev/null
}

# Something else is replaced by force alone, and what the verb writes without it.
case_something_else() {
    keep notes model maps mask plan images
    for pair in "import model" "infer model --input images" "attention model --data data" \
        "prune maps --sparsity 0.5" "polarize mask" "autoencoder model --data data" \
        "quantize model --data data" "export model" "train --data data" \
        "calibrate model --data data" "report folder"; do
        # shellcheck disable=SC2086 # words
        check "$pair" 1 '' \
            "$vitcod" $pair -o notes
    done
    check "says what" 1 \
        "notes: is there and is not a mask or a plan, which --output would replace it by" \
        "$vitcod" prune maps --sparsity 0.5 -o notes
    check "maps by a mask" 1 'maps: is there and is not a mask' \
        "$vitcod" prune mask --sparsity 0.5 -o maps
    check "images by maps" 1 'images: is there and is not averaged attention' \
        "$vitcod" attention model --data data -o images
    check "a model by a plan" 1 'model: is there and is not a plan' "$vitcod" polarize mask -o model
    check "a plan by a model" 1 'plan: is there and is not a model' "$vitcod" import model -o plan
    check "a trace" 1 'notes: is there and is not a trace' "$vitcod" simulate plan --trace notes
    check "requests" 1 'notes: is there and is not requests' \
        "$vitcod" simulate plan --dram-trace notes
    check "vectors" 1 'notes: is there and is not vectors for RTL' \
        "$vitcod" simulate plan --functional --vectors notes
    check "parameters" 1 'notes: is there and is not parameters of RTL' \
        "$vitcod" simulate plan --rtl-parameters notes
    check "a profile's trace" 1 'notes: is there' "$vitcod" profile model --trace notes
    check "a log" 1 'notes: is there and is not a log' \
        "$vitcod" train --data data -o new --log notes
    check "a checkpoint" 1 'notes: is there and is not a checkpoint' \
        "$vitcod" train --data data -o new --checkpoint notes
    check "curves" 1 'notes: is there and is not curves' \
        "$vitcod" calibrate model --data data -o new --curves notes
    mkdir groups
    cp notes groups/mask_dpt0.npy
    check "in a folder" 1 'groups/mask_dpt0.npy: is there and is not a mask' \
        "$vitcod" prune maps --sparsity 0.5 -o groups
    cp notes page.html
    check "a page" 1 'page.html: is there and is not a page' "$vitcod" report folder -o page.html
    for file in notes model maps mask plan images; do same "kept" "$file"; done
    absent "nothing new" new
    check "by force" 0 '' "$vitcod" prune maps --sparsity 0.5 -o notes --force
    : >empty
    check "an empty one" 0 '' "$vitcod" prune maps --sparsity 0.5 -o empty
}

# What a verb wrote it writes again.
case_its_own() {
    for again in "import model -o a" "infer model --input images -o b" \
        "prune maps --info 1 -o mask" \
        "attention model --data data --limit 8 -o maps --scores c" "polarize mask -o plan" \
        "autoencoder model --data data -o d" "quantize model --data data -o e" \
        "export model -o l" "simulate plan --head-dim 4 --trace f --dram-trace g" \
        "simulate plan --head-dim 4 --memory bandwidth --functional --vectors p \
        --rtl-parameters q" \
        "profile model --runs 1 --trace h" \
        "train --data data --epochs 1 --width 8 --depth 1 --heads 2 --patch 4 --limit 32 \
        --batch 16 -o i --log j --checkpoint k"; do
        # shellcheck disable=SC2086 # words
        check "$again" 0 '' "$vitcod" $again
        # shellcheck disable=SC2086 # words
        check "again" 0 '' "$vitcod" $again
    done
    check "another's log" 1 'a: is there' "$vitcod" train --data data -o new --log a
}

# - is standard input, from a file or through a pipe, and standard output.
case_dash() {
    varying=nothing masks='s/^ *\(seconds\|.*images\/s\).*//;s,/dev/fd/[0-9]*,/dev/fd/#,'
    check "a file" 0 'deit' "$vitcod" info - <model
    check "a pipe" 0 'deit' sh -c "cat model | '$vitcod' info -"
    check "an option" 0 'image 0' sh -c "cat images | '$vitcod' infer model --input -"
    check "a mask" 0 'kept' sh -c "cat mask | '$vitcod' polarize - --threshold 1 -o piped"
    check "as from a file" 0 '' cmp piped plan
    check "twice" 2 "standard input ('-') is wanted twice" \
        "$vitcod" infer - --input - <model
    check "nothing" 1 'is empty' sh -c "'$vitcod' info - </dev/null"
    check "out" 0 '' sh -c "'$vitcod' polarize mask --threshold 1 -o - >piped"
    check "as to a file" 0 '' cmp piped plan
    check "in and out" 0 '' \
        sh -c "'$vitcod' prune - --sparsity 0.3 -o - <maps |
            '$vitcod' polarize - --threshold 1 -o piped"
    check "as by files" 0 '' cmp piped plan
    check "two results" 2 "output is '-', and --json wants standard output as well" \
        "$vitcod" polarize mask -o - --json
    check "no name" 2 "output is '-', wanted the name of a file" "$vitcod" train --data data -o -
    absent "no file" - ./-
}

# A pipe without a writer, or a reader, is refused; nothing waits for ever.
case_pipes() {
    mkfifo pipe
    refused() {
        name=$1 pattern=$2
        shift 2
        check "$name" 1 "$pattern" timeout 10 "$vitcod" "$@"
    }
    for verb in info "eval --data data" "bench" "import -o x" "attention --data data -o x" \
        "quantize --data data -o x" "export -o x" "simulate" "profile" "prune --info 1 -o x" \
        "polarize -o x" \
        "calibrate --data data -o x" "classify pipe" "compare" "infer --input images"; do
        # shellcheck disable=SC2086 # words
        refused "$verb" 'pipe: is a pipe, wanted a' $verb pipe
    done
    refused "a chip" 'pipe: is a pipe' simulate plan --head-dim 4 --chip pipe
    refused "a memory" 'pipe: is a pipe' simulate plan --head-dim 4 --memory pipe
    refused "options" 'pipe: is a pipe' train --config pipe
    refused "a space" 'pipe: is a pipe' sweep pipe -o x
    refused "classes" 'pipe: is a pipe' classify model --classes pipe images
    refused "images" 'pipe: is a pipe' infer model --input pipe
    refused "an image" 'could not be read' classify model pipe
    refused "a run" 'holds no result' report pipe
    refused "data" 'neither a folder nor a regular file' eval model --data pipe
    refused "a mask" 'pipe: is a pipe' bench model --mask pipe
    refused "a plan" 'pipe: is a pipe' bench model --plan pipe
    refused "a coder" 'pipe: is a pipe' bench model --autoencoder pipe
    refused "a start" 'pipe: is a pipe' train --init pipe --data data -o x
    refused "a log" 'pipe: is a pipe' train --data data -o x --log pipe
    refused "a result" 'nobody reads the pipe' polarize mask -o pipe
    refused "a trace" 'nobody reads the pipe' simulate plan --head-dim 4 --trace pipe
    mkdir run && mkfifo run/dense.json
    refused "in a run" 'holds no result' report run
    absent "nothing written" x
    timeout 10 cat pipe >got &
    check "read" 0 'kept' timeout 10 "$vitcod" polarize mask --threshold 1 -o pipe
    wait
    check "all of it" 0 '' cmp got plan
}

# An auto-encoder as an array for each weight and bias, and back to the same bits.
case_npy_coders() {
    check "both" 0 '' "$vitcod" autoencoder model --data data --limit 8 -o coder --export arrays
    check "names" 0 '^blocks.0.attn.decoder_k.bias.npy$' ls arrays
    check "shapes" 0 "(1, 2)" head -c 128 arrays/blocks.0.attn.encoder_q.weight.npy
    check "from a file" 0 'again: the auto-encoder of coder' "$vitcod" autoencoder coder \
        --export again
    check "the same" 0 '' diff -r arrays again
    for coder in coder arrays; do
        check "by $coder" 0 '' "$vitcod" infer model --autoencoder "$coder" --input images \
            -o "$coder.npy"
    done
    check "the same logits" 0 '' cmp coder.npy arrays.npy
    check "put inside" 0 '' "$vitcod" import model --autoencoder arrays -o coded
    check "from a model" 0 '' "$vitcod" autoencoder coded --export third
    check "the same again" 0 '' diff -r arrays third
    check "none there" 1 'model: no auto-encoder is inside' "$vitcod" autoencoder model --export x
    mkdir mine && echo mine >mine/blocks.0.attn.encoder_q.weight.npy
    check "not over others" 1 'is there and is no npy array' "$vitcod" autoencoder coder \
        --export mine
    echo cut >again/blocks.0.attn.encoder_q.weight.npy
    check "a broken one" 1 "encoder_q.weight.npy: is text that begins 'cut'" \
        "$vitcod" bench model --autoencoder again
    rm third/blocks.0.attn.encoder_q.bias.npy
    check "one missing" 1 "encoder_q.bias" "$vitcod" bench model --autoencoder third
}

# Whatever is given in place of what: the message says what it is, and what takes such a file.
case_of_another_kind() {
    varying=everything # the patterns say it all
    cp folder/run/prune.json result.json
    check "an auto-encoder" 0 '' "$vitcod" autoencoder model --data data --limit 8 -o coder
    check "a page" 0 '' "$vitcod" report folder/run -o page.html
    check "a log" 0 '' "$vitcod" train --data data --epochs 1 --width 8 --depth 1 --heads 2 \
        --patch 4 --limit 32 --batch 16 -o trained --checkpoint checkpoint --log log
    cp log log.jsonl
    check "a log has no table" 0 'no numbers for a table; -o PAGE.html draws' "$vitcod" report \
        log.jsonl
    printf 'name: chip\n' >chip.yaml
    is_told() {
        for given in $1; do
            case $given in
                model) is="a model of vitcod's, wanted .*; verbs take it as MODEL" ;;
                plan) is="a plan, wanted .*; --plan takes it, or simulate" ;;
                mask) is="a mask, BOOL (1, 2, 5, 5), wanted .*; --mask takes it" ;;
                maps) is="averaged attention, F32 (1, 2, 5, 5), wanted .*; prune makes a mask" ;;
                images) is="an npy array, F32 (1, 1, 8, 8), wanted " ;;
                coder) is="an auto-encoder, wanted .*; --autoencoder takes it" ;;
                checkpoint) is="a checkpoint of learning, wanted .*; train --resume" ;;
                log) is="a log of learning, wanted .*; report draws it" ;;
                page.html) is="a page that report wrote, wanted .*; a browser shows it" ;;
                result.json) is="what a verb printed with --json, wanted .*; report shows it" ;;
                chip.yaml) is="YAML, wanted .*; --chip, --memory, --config and sweep take it" ;;
                chips/dense.yaml) is="a chip (YAML), wanted .*; --chip takes it" ;;
                memories/hbm2.yaml) is="a memory (YAML), wanted .*; --memory takes it" ;;
                space.yaml) is="a space of a sweep (YAML), wanted .*; sweep takes it" ;;
                settings/levit.yaml)
                    is="a file of options (YAML), wanted .*; train --config takes it"
                    ;;
                notes) is="text that begins 'what somebody wrote', wanted " ;;
                folder) is="a folder (run), wanted " ;;
            esac
            shift
            check "$given as $*" 1 "^vitcod: $given: is $is" "$vitcod" "$@" "$given"
            set -- "" "$@"
        done
    }
    neither="coder checkpoint log page.html result.json chip.yaml notes folder"
    for verb in "import -o x" "infer --input images" bench "export -o x" compare \
        "quantize --data data -o x" "eval --data data" "attention --data data -o x" \
        "calibrate --data data -o x"; do
        # shellcheck disable=SC2086 # words
        is_told "plan mask maps images $neither" $verb
    done
    is_told "mask maps images $neither" simulate
    check "in place of a plan" 1 '^vitcod: mask: is a mask, BOOL (1, 2, 5, 5), wanted a plan' \
        "$vitcod" simulate mask --model model
    check "in place of a coder" 1 '^vitcod: plan: is a plan, wanted an auto-encoder; --plan' \
        "$vitcod" bench model --autoencoder plan
    is_told "model plan mask $neither" prune --sparsity 0.5 -o x
    is_told "model maps $neither" polarize -o x
    is_told "model plan mask maps images coder checkpoint log page.html result.json notes" \
        classify model
    is_told "model plan mask maps coder checkpoint log page.html result.json notes" \
        eval model --data
    is_told "model plan mask maps coder checkpoint log page.html result.json" \
        classify model images --classes
    ln -s "$root/configs/accelerators" chips
    ln -s "$root/configs/memory" memories
    ln -s "$root/configs/train" settings
    printf '# two\naxes: {model: deit_tiny_patch16_224, lines: [32, 64]}\n' >space.yaml
    is_told "model mask result.json memories/hbm2.yaml space.yaml settings/levit.yaml" \
        simulate model --chip
    is_told "plan page.html chips/dense.yaml space.yaml settings/levit.yaml" \
        simulate model --memory
    is_told "log maps chips/dense.yaml memories/hbm2.yaml space.yaml" train --config
    is_told "coder checkpoint chips/dense.yaml memories/hbm2.yaml settings/levit.yaml" sweep -o x
    is_told "chips/dense.yaml memories/hbm2.yaml space.yaml settings/levit.yaml" bench
}

# told_alike FILE FILE: but for the moment
told_alike() {
    for file; do grep -v '"date": ' "$file" >"$file.timeless"; done
    cmp -s "$1.timeless" "$2.timeless"
}

# without_memory OUTPUT COMMAND...: whichever request for memory fails, the command fails as well,
# or does what it does with memory. Reading JSON asks most often, so that in the end only
# one request of 41 fails.
without_memory() {
    output=$1 name="$*" at=1 judged=0
    shift
    rm -rf "$output"
    "$vitcod" "$@" >whole.text 2>&1
    mv "$output" whole 2>/dev/null || : >whole
    while [ "$at" -lt 1500 ]; do
        rm -rf told "$output"
        LD_PRELOAD=$(dirname "$vitcod")/tests/failing_alloc.so VC_FAIL_AT=$at VC_FAIL_TOLD=told \
            timeout 20 "$vitcod" "$@" >part.text 2>part.error
        status=$?
        [ -e told ] || break
        judged=$((judged + 1))
        if [ "$status" -eq 0 ]; then
            [ ! -e "$output" ] || cmp -s "$output" whole || failed "$name" "$at: another file"
            told_alike part.text whole.text || failed "$name" "$at: says something else"
        elif [ "$status" -gt 2 ] || [ ! -s part.error ]; then
            failed "$name" "$at: status $status"
        fi
        at=$((at + 1))
        [ "$at" -lt 60 ] || at=$((at + 40))
    done
    check "$name" 0 '' [ "$judged" -ge 4 ]
}

# No file and no result is another than it would be, because memory was missing for a part of it.
case_memory() {
    varying=everything
    [ -f "$(dirname "$vitcod")/tests/failing_alloc.so" ] || skip "no failing_alloc.so"
    ! ldd "$vitcod" | grep -q libasan || skip "the sanitizer has its own malloc"
    ldd "$vitcod" | grep -q libjansson || skip "jansson is inside"
    export OMP_NUM_THREADS=1
    without_memory made prune maps --sparsity 0.5 -o made
    without_memory made prune maps --sparsity 0.5 -o made --json
    without_memory made polarize mask --threshold 1 -o made
    without_memory made import model --plan plan -o made
    without_memory made simulate plan --head-dim 4 --json
    without_memory made info model --json
    printf 'axes: {plan: plan, head_dim: 4, lines: [8, 16]}\n' >space.yaml
    without_memory made sweep space.yaml -o made
    without_memory made.html report folder/run -o made.html
}

run_cases
