#!/bin/sh
# One file with model, auto-encoder and plan inside: every verb takes it as it is, what is said on
# the command line comes before what is inside, and a plan that is broken is refused.
# shellcheck source=tests/cli.sh
. tests/cli.sh
picture=$root/tests/data/golden/grey1.png

# the plan inside MODEL
hash_of() {
    check "info of $1" 0 '"plan_hash"' "$vitcod" info "$1" --json
    hash=$(line '"plan_hash": "[0-9a-f]*"')
}

# A model, its parts, and one file of all of them.
setup() {
    idx_data
    npy '\0000\0000\0200\0077' >ones.npy
    check "train" 0 'epoch 2/2' "$vitcod" train --data data --width 12 --depth 2 --heads 3 \
        --batch 16 --epochs 2 --lr 5e-3 -o dense
    check "attention" 0 'averaged' "$vitcod" attention dense --data data -o maps.npy
    check "prune" 0 'pruned' "$vitcod" prune maps.npy --sparsity 0.7 -o mask.npy
    check "prune less" 0 'pruned' "$vitcod" prune maps.npy --sparsity 0.2 -o other.npy
    check "polarize" 0 'kept' "$vitcod" polarize mask.npy --threshold 6 -o plan
    check "autoencoder" 0 'to 2 heads' "$vitcod" autoencoder dense --data data -o coder
    check "import puts them into one file" 0 'a plan inside' \
        "$vitcod" import dense --plan plan --autoencoder coder -o one
    check "import takes the plan out" 0 '' "$vitcod" import one --plan none -o without
}

case_import() {
    check "import copies it" 0 '' "$vitcod" import one -o copy
    check "bit for bit" 0 '' cmp one copy
    check "and puts the plan back" 0 '' "$vitcod" import without --plan one -o back
    check "to the same file" 0 '' cmp one back
}

case_the_same_as_with_every_file() {
    check "eval with every file" 0 'top-1' \
        "$vitcod" eval dense --autoencoder coder --plan plan --data data
    wanted=$(line 'top-1 .* images,')
    check "eval of one" 0 "$wanted" "$vitcod" eval one --data data
    check "infer with every file" 0 'image 0' \
        "$vitcod" infer dense --autoencoder coder --plan plan --input ones.npy -o want.npy
    check "infer of one" 0 'image 0' "$vitcod" infer one --input ones.npy -o have.npy
    check "the same logits" 0 '' cmp want.npy have.npy
    check "results name the plan" 0 '"plan_hash"' "$vitcod" infer one --input ones.npy --json
}

case_what_is_said_comes_first() {
    check "infer, dense" 0 'image 0' \
        "$vitcod" infer dense --autoencoder coder --input ones.npy -o want.npy
    check "infer with no plan" 0 'image 0' \
        "$vitcod" infer one --plan none --input ones.npy -o have.npy
    check "dense it is" 0 '' cmp want.npy have.npy
    check "infer under another mask" 0 'image 0' "$vitcod" infer dense --autoencoder coder \
        --mask other.npy --input ones.npy -o want.npy
    check "infer of one under it" 0 'image 0' \
        "$vitcod" infer one --mask other.npy --input ones.npy -o have.npy
    check "the mask counts" 0 '' cmp want.npy have.npy
}

case_info() {
    check "info" 0 \
        '^plan inside: kept entries alone, 7[0-9.]* % pruned, [0-9]* to [0-9]* global tokens ' \
        "$vitcod" info one
    check "info as JSON" 0 '"inside": true' "$vitcod" info one --json
    macs=$(line '"attention_macs": [0-9]*')
    check "on the same plan" 0 "$macs" "$vitcod" info without --plan plan --json
    holds "which is outside" '"inside": false' '"kept_sparser"'
    check "info, dense" 0 '"attention_macs"' "$vitcod" info one --plan none --json
    mv "$out" info.json
    check "has no plan" 1 '' grep '"plan_hash"' info.json
}

case_other_verbs() {
    check "classify" 0 'grey1.png' "$vitcod" classify one "$picture"
    check "attention without the plan" 0 'one: used dense, without the plan inside' \
        "$vitcod" attention one --data data -o m.npy
    check "autoencoder on the plan" 0 'to 2 heads' "$vitcod" autoencoder one --data data -o coder2
    check "calibrate's teacher is dense" 0 'one: used dense, without the plan inside' \
        "$vitcod" calibrate one --data data --batch 8 --threshold 6 --sparsity 0.6 --epochs 1 \
        -o calibrated
    check "what it makes is one file" 0 '"inside": true' "$vitcod" info calibrated --json
    varying=everything # bench names the CPU's operators
    check "bench compares with the dense model" 0 'without mask or plan' \
        "$vitcod" bench one --runs 1
}

case_train_goes_on() {
    hash_of one
    check "on the plan" 0 'epoch 1/1' \
        "$vitcod" train --init one --data data --epochs 1 --batch 16 -o further
    check "and writes it" 0 "$hash" "$vitcod" info further --json
    check "train without it" 0 'epoch 1/1' \
        "$vitcod" train --init one --plan none --data data --epochs 1 --batch 16 -o undone
    check "writes none" 0 '"tokens": 17' "$vitcod" info undone --json
    mv "$out" info.json
    check "none is there" 1 '' grep '"plan_hash"' info.json
}

case_quantize() {
    wants_products int8
    masks='s/"class": [0-9]*/"class": #/' # which of nearly alike ones is first goes by rounding
    hash_of one
    check "quantize" 0 'same class' "$vitcod" quantize one --data data -o int8
    check "carries the plan on" 0 "$hash" "$vitcod" info int8 --json
    holds "with the auto-encoder" '"compressed_heads": 2'
    check "eval in int8" 0 'images, int8,' "$vitcod" eval int8 --data data --dtype int8
    numbers=$(line 'top-1 .* on')
    check "which is what the file is in" 0 "$numbers" "$vitcod" eval int8 --data data
    for verb in "eval int8 --data data" "bench int8 --runs 3" "profile int8 --repeats 3" \
        "profile int8 --count" "classify int8 $picture"; do
        # shellcheck disable=SC2086 # words
        check "$verb" 0 '"dtype": "int8"' "$vitcod" $verb --json
    done
    check "unless asked for" 0 '"dtype": "fp32"' "$vitcod" eval int8 --data data --dtype fp32 --json
    check "fewer tokens have no int8" 1 'int8: is in int8.*wanted --dtype fp32' \
        "$vitcod" eval int8 --plan none --data data --tokens prune --keep 0.5
    check "statistics are fp32's" 0 '"dtype": "fp32"' \
        "$vitcod" attention int8 --data data -o maps.npy --json
}

# tile_of FILE: what the first tile of the run's page, of accuracy lost, says large and below
tile_of() {
    tr -d '\n' <"$1" | sed 's,.*<h3>Accuracy lost</h3>,,;s,</article>.*,,;s,<[^>]*>, ,g'
}

# number KEY FILE
number() { sed -n "s/^  \"$1\": \([0-9.e-]*\),*\$/\1/p" "$2"; }

# Of evaluations alone: the difference of the two, and the plan's share, whoever made the plan.
case_accuracy_lost() {
    varying=everything # the values are computed
    check "calibrate" 0 '' "$vitcod" calibrate dense --data data --batch 8 --threshold 6 \
        --sparsity 0.6 --summary 2x2 --epochs 0 -o calibrated
    check "prune to a plan" 0 '' "$vitcod" attention dense --data data --summary 2x2 -o statistics
    check "with summaries" 0 '' "$vitcod" prune statistics --summary 2x2 --sparsity 0.6 -o summed
    for with in "--mask mask.npy" "--plan plan" "--plan calibrated" "--plan summed"; do
        rm -rf run
        mkdir run
        "$vitcod" eval dense --data data --json >run/dense.json
        # shellcheck disable=SC2086 # words
        "$vitcod" eval dense $with --data data --json >run/sparse.json
        check "a page" 0 'runs 1' "$vitcod" report run -o run/page.html
        lost=$(echo "$(number top1 run/dense.json) $(number top1 run/sparse.json)" |
            awk '{printf "%.2f points", $1 - $2}')
        kept=$(number kept_share run/sparse.json)
        pruned=$(awk "BEGIN {printf \"%.1f\", 100 - 100 * $kept}")
        check "the loss $with" 0 "^ *$lost .*, $pruned % of attention pruned" tile_of run/page.html
        case $with in
            --plan*)
                check "as info says" 0 "\"kept_share\": $kept" "$vitcod" info "${with#* }" --json
                ;;
        esac
    done
}

# Where a plan is wanted.
case_as_a_plan() {
    hash_of one
    check "simulate with every file" 0 '"end_to_end": {' \
        "$vitcod" simulate dense --autoencoder coder --plan plan --json
    cycles=$(line '"cycles": [0-9]*')
    check "simulate of one" 0 "$cycles" "$vitcod" simulate one --json
    holds "its plan" "$hash" '"end_to_end": {'
    check "simulate, dense" 0 'end to end' "$vitcod" simulate one --plan none
    check "one as the plan of another" 0 "$hash" "$vitcod" simulate one --model without --json
    check "as --plan" 0 "$hash" "$vitcod" simulate dense --plan one --json
    check "simulate's control" 0 'control' "$vitcod" simulate one --control --head-dim 4
    check "a mask instead" 0 'attention' "$vitcod" simulate one --mask other.npy
}

case_profile_and_compare() {
    hash_of one
    check "profile" 0 '"head_dim": 4' "$vitcod" profile one --attention --runs 3 --json
    check "profile knows the head's size" 2 'brings its own --head-dim' \
        "$vitcod" profile one --attention --head-dim 4
    check "compare" 0 '"arch": "one"' "$vitcod" compare one --json
    holds "on its plan" "$hash" '"end_to_end": {'
    check "beside presets" 2 'wanted --arch NAME and --masks DIR, or a MODEL' \
        "$vitcod" compare --arch levit_128 one
    check "compare a model without" 1 'without: no plan is inside' "$vitcod" compare without
}

case_sweep() {
    mkdir spaces
    printf 'axes:\n  model: [../one, ../without]\n' >spaces/space.yaml
    check "sweep" 0 '2 points, 2 of them' "$vitcod" sweep spaces/space.yaml -o points
    check "no point failed" 1 '' grep error points
    check "the plan makes a difference" 0 '^2$' \
        sh -c "sed -n 's/.*\"cycles\":\([0-9]*\).*/\1/p' points | sort -u | wc -l"
    printf 'masks: .\naxes:\n  model: ../one\n  sparsity: 0.9\n' >spaces/both.yaml
    check "sweep over masks" 1 \
        "both.yaml:4: 'axes.sparsity' is there, and the model '../one' brings its own plan" \
        "$vitcod" sweep spaces/both.yaml --count
}

# Another size has other tokens.
case_another_size() {
    check "a plan of another size" 1 \
        'one: plan layer 0 (3, 17, 17) does not fit a model that wants (3, 37, 37)' \
        "$vitcod" import one --image-size 12 -o x
    check "goes without" 0 '' "$vitcod" import one --image-size 12 --plan none -o larger
    absent "nothing is left" x
}

# Names are changed in the header alone.
case_broken_plans() {
    sed 's/vitcod.plan.layers.1.rows/vitcod.plan.layers.1.rowz/' one >broken
    for verb in "info broken" "eval broken --data data" "simulate broken" "import broken -o x" \
        "compare broken"; do
        # shellcheck disable=SC2086 # words
        check "a broken plan: $verb" 1 \
            "broken: tensor 'vitcod.plan.layers.1.rowz' is no part of a plan of 2 layers" \
            "$vitcod" $verb
    done
    check "goes without as well" 0 'top-1' "$vitcod" eval broken --plan none --data data
    sed 's/"vitcod.plan.threshold":"6"/"vitcod.plan.threshold":"x"/' one >broken
    check "a broken threshold" 1 \
        "metadata 'vitcod.plan.threshold' of a plan is 'x', wanted a whole number" \
        "$vitcod" info broken
    absent "nothing is left" x
}

run_cases
