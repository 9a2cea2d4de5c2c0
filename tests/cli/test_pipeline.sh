#!/bin/sh
# The pipeline from images to table, on tiny images: every verb's success, what it writes and says,
# and what it refuses on the way.
# shellcheck source=tests/cli.sh
. tests/cli.sh
masks='s/\(bytes"*:*\) [0-9]*$/\1 #/' # of a page

train() { "$vitcod" train --data data --width 12 --depth 2 --heads 3 --batch 16 "$@"; }
finetune() { "$vitcod" train --init "$@" --data data --epochs 1 --batch 16; }

# A run folder, as the verbs fill it.
make_run() {
    mkdir run
    check "eval, dense" 0 '' "$vitcod" eval model --data data --json
    cp "$out" run/dense.json
    check "polarize" 0 '' "$vitcod" polarize mask.npy --threshold 6 -o plan --json
    cp "$out" run/polarize.json
    check "eval, finetuned" 0 '' "$vitcod" eval sparse --plan plan --data data --json
    cp "$out" run/finetuned.json
    check "profile" 0 '"head_dim": 4' "$vitcod" profile plan --model model --runs 3 --json
    cp "$out" run/profile.json
    check "simulate" 0 '' "$vitcod" simulate sparse --plan plan --json
    cp "$out" run/simulate.json
}

# A model, its mask, its plan, its auto-encoder, the model finetuned with both, and images.
setup() {
    idx_data
    npy '\0000\0000\0200\0077' >ones.npy
    npy '\0000\0000\0300\0177' >nan.npy
    check "train" 0 '"test_top1"' \
        train --epochs 3 --lr 5e-3 --log log.jsonl --checkpoint saved -o model --json
    check "attention" 0 'averaged over 96 images' "$vitcod" attention model --data data -o maps.npy
    check "prune" 0 'pruned' "$vitcod" prune maps.npy --sparsity 0.7 -o mask.npy
    check "polarize" 0 'kept' "$vitcod" polarize mask.npy --threshold 6 -o plan
    check "autoencoder" 0 'to 2 heads' "$vitcod" autoencoder model --data data -o coder
    check "finetune" 0 'epoch 1/1' finetune model --autoencoder coder --plan plan -o sparse
    make_run
}

case_train() {
    check "train" 0 '"test_top1"' train --epochs 3 --lr 5e-3 --log log2 -o model2 --json
    check "a line per epoch" 0 '^3$' grep -vc '"step"' log2
    check "resumes to the same bits" 0 '' \
        train --epochs 3 --lr 5e-3 --checkpoint saved --resume -o again
    check "the same model" 0 '' cmp model again
    check "not with other options" 1 'learning_rate (was 0.005, is 0.004)' \
        train --epochs 3 --lr 4e-3 --checkpoint saved --resume -o x
    check "a device has no checkpoint beside it" 0 'epoch 1/1' \
        train --epochs 1 --no-test -o /dev/null
    absent "no leftovers" x x.checkpoint /dev/null.checkpoint
}

# With all tokens the forward pass says what the engine says.
case_fewer_tokens() {
    check "all of them" 0 '"top1"' "$vitcod" eval model --data data --json
    hits() { grep -o '"top[15]": [0-9.]*\|"loss": [0-9]*.[0-9]\{4\}' "$out"; }
    dense=$(hits)
    for rule in prune merge; do
        check "$rule none" 0 '"macs_share": 1.0' \
            "$vitcod" eval model --data data --tokens "$rule" --keep 1 --json
        [ "$(hits)" = "$dense" ] || failed "$rule none" "not '$dense'"
        holds "$rule nothing" '"same_class_percent": 100.0' '"split": "whole"'
        check "$rule" 0 "tokens: $rule, 9 of 17 in the last layer, [0-9.]* % of the MACs" \
            "$vitcod" eval model --data data --tokens "$rule" --keep 0.5
    done
    check "as JSON" 0 '"rule": "prune"' \
        "$vitcod" eval model --data data --tokens prune --keep 0.5 --json
    holds "what was done" '"keep": 0.5' '"layer_tokens": \[' '"macs": ' '"scores_share": 0.' \
        '"divergence": '
}

case_fewer_tokens_refuses() {
    check "an unknown rule" 2 "--tokens is 'drop', wanted prune or merge" \
        "$vitcod" eval model --data data --tokens drop --keep 0.5
    check "a share of nothing" 2 '0 of the tokens kept, wanted more than 0, up to 1' \
        "$vitcod" eval model --data data --tokens prune --keep 0
    check "a rule without a share" 2 'wanted both of --tokens and --keep' \
        "$vitcod" eval model --data data --tokens prune
    check "a share without a rule" 2 'wanted both of --tokens and --keep' \
        "$vitcod" eval model --data data --keep 0.5
    check "another precision" 2 '--tokens runs in fp32, not in bf16' \
        "$vitcod" eval model --data data --tokens prune --keep 0.5 --dtype bf16
    check "heads to split" 2 '--tokens neither splits heads nor packs weights' \
        "$vitcod" eval model --data data --tokens prune --keep 0.5 --split-heads plan
    check "the precision it has" 0 'tokens: prune' \
        "$vitcod" eval model --data data --tokens prune --keep 0.5 --dtype fp32
    check "more than half at once" 1 'layer 0 would go from 16 to 2' \
        "$vitcod" eval model --data data --tokens merge --keep 0.1
    check "a plan" 1 'has a mask or a plan, which names tokens, wanted none (--plan none' \
        "$vitcod" eval sparse --plan plan --data data --tokens prune --keep 0.5
    check "an auto-encoder" 1 'has an auto-encoder' \
        "$vitcod" eval sparse --plan none --data data --tokens prune --keep 0.5
}

case_train_refuses() {
    check "a full disk behind the log" 1 '/dev/full: cannot write' \
        train --epochs 1 --log /dev/full --checkpoint kept -o x
    check "an output that cannot be written is found first" 1 'nowhere/x: cannot write' \
        train --epochs 999 -o nowhere/x
    check "a teacher's options without one" 2 'need a --teacher' train --distill 0.5 -o x
    check "a checkpoint that cannot be written is found first" 1 'nowhere/c: cannot write' \
        train --epochs 999 --checkpoint nowhere/c -o x
    absent "no leftovers" x x.checkpoint nowhere ./*.part
}

case_teacher() {
    check "a teacher with other heads" 0 'epoch 1/1' \
        "$vitcod" train --data data --width 12 --depth 1 --heads 2 --teacher model --distill 0.7 \
        --epochs 1 --batch 16 --lr 1e-7 --log taught.jsonl -o taught
    check "its loss is in the log" 0 '"distillation_loss":' cat taught.jsonl
}

case_info_and_eval() {
    check "info" 0 '"parameters": ' "$vitcod" info model --json
    holds "info knows the sizes" '"tokens": 17' '"heads": 3' '"classes": 4'
    check "heads that contradict the file" 1 'has 3 heads, --heads wants 2' \
        "$vitcod" info model --heads 2
    check "eval" 0 '"top1": ' "$vitcod" eval model --data data --json
    holds "eval's keys" '"top5": ' '"images": 32' '"loss": ' \
        '"command": "vitcod eval model --data data --json"'
    check "eval on the plan" 0 '"images": 32' "$vitcod" eval sparse --plan plan --data data --json
    check "eval under the mask" 0 'top-1' "$vitcod" eval sparse --mask mask.npy --data data
    check "two restrictions" 2 'both --mask and --plan' \
        "$vitcod" eval model --data data --mask mask.npy --plan plan
    check "batch" 2 'wanted 1 to 4096' "$vitcod" eval model --data data --batch 4611686018427387904
    check "a full disk behind stdout" 1 'cannot write to stdout' \
        sh -c "'$vitcod' eval model --data data >/dev/full"
}

case_prune_and_polarize() {
    check "prune" 0 '"sparsity": 0.\(69\|70\)' \
        "$vitcod" prune maps.npy --sparsity 0.7 -o again.npy --json
    check "the same mask" 0 '' cmp mask.npy again.npy
    check "polarize" 0 '"kept_share"' "$vitcod" polarize mask.npy --threshold 6 -o again --json
    holds "global tokens are layers x heads" '"global_tokens": \[' '"kept_sparser": '
    check "the same plan" 0 '' cmp plan again
    check "odd bytes in a name" 0 'odd\\\\xff' \
        "$vitcod" polarize mask.npy -o "$(printf 'odd\377')" --json
    check "attention on a plan" 2 'wanted --mask' \
        "$vitcod" attention model --data data --plan plan -o x
    check "a full disk" 1 'cannot write' \
        sh -c "trap '' XFSZ; ulimit -f 1; '$vitcod' attention model --data data -o big.npy"
    absent "no leftovers" x big.npy ./*.part
}

# auto_encoder_of q|k: of one operand alone
auto_encoder_of() {
    of=$1
    check "of $of alone" 0 "of $of to 2 heads" \
        "$vitcod" autoencoder model --data data --of "$of" -o "coder-$of"
    check "finetune with it" 0 'epoch 1/1' finetune model --autoencoder "coder-$of" -o "coded-$of"
    check "info tells" 0 "compressed_of *$of" "$vitcod" info "coded-$of"
    check "eval with it" 0 'top-1' "$vitcod" eval "coded-$of" --data data --dtype fp32
    check "simulate with it" 0 'end to end: .* cycles' \
        "$vitcod" simulate "coded-$of" --functional
}
case_auto_encoder_of_q() { auto_encoder_of q; }
case_auto_encoder_of_k() { auto_encoder_of k; }

case_auto_encoder_refuses() {
    check "of what is neither" 2 "'v', wanted qk, q or k" \
        "$vitcod" autoencoder model --data data --of v -o x
    check "wider than the model" 1 "5 compressed heads, wanted at most the model's 3" \
        "$vitcod" autoencoder model --data data --compressed 5 --of q -o x
    absent "no leftovers" x
}

case_simulate() {
    check "simulate" 0 '"end_to_end": {' \
        "$vitcod" simulate sparse --plan plan --functional --trace trace.json --json
    holds "simulate's totals" '"mac_utilisation"' '"energy_uj"' '"busy_line_cycles"' \
        '"bit_exact": true' '"plan_hash"' '"area_mm2"'
    check "its trace" 0 '"name": "SpMM"' grep -m 1 SpMM trace.json
    check "simulate a mask" 0 'attention: .* cycles' "$vitcod" simulate sparse --mask mask.npy
    check "simulate, dense" 0 'end to end: .* cycles' "$vitcod" simulate model
    check "simulate a plan, Q compressed" 0 'attention: .* cycles' \
        "$vitcod" simulate plan --head-dim 4 --compressed 2 --of q
    check "what is compressed" 2 '--of belongs to --compressed' \
        "$vitcod" simulate plan --head-dim 4 --of q
    cp plan "it's"
    check "a quoted command" 0 "simulate 'it'.*'s' --json" "$vitcod" simulate "it's" --json
    check "a trace on a full disk" 1 '/dev/full: cannot write' \
        "$vitcod" simulate plan --head-dim 4 --trace /dev/full
    check "simulate's help" 0 'beats, all overlapping' "$vitcod" simulate --help
}

case_simulate_an_image() {
    { printf 'P5 8 8 255\n' && head -c 64 <"$vitcod"; } >photo.pgm
    check "an image's own values" 0 '"data": "photo.pgm"' \
        "$vitcod" simulate sparse --plan plan --functional --image photo.pgm --json
    holds "sent as they are" '"bit_exact": true'
    check "on a dense chip" 0 'results of 2 layers of photo.pgm are the reference' \
        "$vitcod" simulate model --chip dense --functional --image photo.pgm
    check "an image of one layer" 0 'results of 1 layers of photo.pgm' \
        "$vitcod" simulate model --layers 1 --functional --image photo.pgm
    check "no image" 1 'mask.npy' "$vitcod" simulate model --functional --image mask.npy
    mkdir two && cp photo.pgm two/a.pgm && cp photo.pgm two/b.pgm
    check "two images" 1 'two: 2 images, wanted one' \
        "$vitcod" simulate model --functional --image two
    check "no data of it" 2 '--image belongs to --functional' \
        "$vitcod" simulate model --image photo.pgm
    check "an image without a model" 2 '--image belongs to --functional' \
        "$vitcod" simulate plan --head-dim 4 --functional --image photo.pgm
}

case_simulate_layers() {
    check "simulate a layer" 0 'attention: .* cycles' \
        "$vitcod" simulate sparse --plan plan --layers 0 --dram-trace dram.trace
    check "the memory's requests" 0 '0x[0-9A-F]* WRITE [0-9]' grep -m 1 WRITE dram.trace
    check "a layer that is none" 1 "wanted layers of 0 to" \
        "$vitcod" simulate sparse --plan plan --layers 0-99
    check "layers of no shape" 1 "wanted N or A-B" \
        "$vitcod" simulate sparse --plan plan --layers 1:2
    check "requests on a full disk" 1 '/dev/full: cannot write' \
        "$vitcod" simulate plan --head-dim 4 --dram-trace /dev/full
}

# A dense model's products are all of its MACs; attention without a model, those of its heads.
case_simulate_gemms() {
    check "products" 0 'end to end: .* cycles' "$vitcod" simulate model --gemms gemms.csv
    check "as SCALE-Sim reads them" 0 '^layer1_sddmm_head2,17,17,4,$' grep sddmm gemms.csv
    "$vitcod" simulate model --json | sed -n '/"end_to_end"/,$s/^    "macs": \([0-9]*\),$/\1/p' |
        head -n 1 >macs
    # shellcheck disable=SC2016 # awk expands
    check "all MACs" 0 '' awk -F, -v macs="$(cat macs)" \
        'NR > 1 { sum += $2 * $3 * $4 } END { print sum, macs; exit sum != macs }' gemms.csv
    check "as Timeloop does" 0 'attention: .* cycles' \
        "$vitcod" simulate plan --head-dim 4 --gemms gemms.yaml
    check "a problem" 0 'instance: {M: 17, N: 17, K: 4}' cat gemms.yaml
    check "of no bound" 2 '--bound has no' "$vitcod" simulate plan --bound --gemms new
}

# The commands of the memory, which a checker that shares nothing with the simulator looks at.
case_simulate_commands() {
    check "commands" 0 '"kind": "timeline"' "$vitcod" simulate sparse --plan plan \
        --dram-commands commands.txt --trace both.json --json
    cp "$out" result.json
    check "a trace beside them" 0 'channel 0' grep -m 1 -o 'channel 0' both.json
    check "its mapping" 0 'DRAMsim3: address_mapping = rorabacobgch' head -n 1 commands.txt
    check "they keep all gaps" 0 '[1-9][0-9]* commands, 0 violations' \
        python3 "$root/tools/check-dram.py" result.json commands.txt
    for kind in RD WR PRE REF; do
        grep -q " $kind " commands.txt || continue
        awk -v kind="$kind" '$2 == kind && !done { $1 -= $1 > 8 ? 8 : 0; done = 1 } 1' \
            commands.txt >"early-$kind"
    done
    check "a read that comes early" 1 'tRCD\|data bus\|tCCD\|open is' \
        python3 "$root/tools/check-dram.py" result.json early-RD
    grep -v -m 3 ' ACT ' commands.txt >closed
    check "a row that nobody opened" 1 'open is None' \
        python3 "$root/tools/check-dram.py" result.json closed
    check "no DRAM" 1 "--dram-commands: the memory's model is bandwidth" "$vitcod" \
        simulate sparse --plan plan --memory bandwidth --dram-commands new
    absent "no commands" new
}

case_simulate_for_rtl() {
    check "parameters and vectors" 0 'attention: .* cycles' "$vitcod" simulate plan --head-dim 4 \
        --memory bandwidth --functional --rtl-parameters rtl.svh --vectors vectors.safetensors
    check "macros" 0 'define VITCOD_LINES 64' cat rtl.svh
    holds "the memory's rate" 'VITCOD_MEMORY_BYTES 768'
    check "no data" 2 '--vectors belongs to --functional' "$vitcod" simulate plan --vectors new
    check "of no bound" 2 '--bound has no' "$vitcod" simulate plan --bound --rtl-parameters new
    check "a DRAM" 1 "the memory's model is dram; RTL has a DMA for bandwidth" \
        "$vitcod" simulate plan --head-dim 4 --rtl-parameters new
    check "a rival" 1 'there is RTL of the dataflow vitcod, not of sanger' \
        "$vitcod" simulate plan --head-dim 4 --chip sanger --memory bandwidth --rtl-parameters new
    check "an auto-encoder" 1 'has an auto-encoder, which RTL of attention has not' "$vitcod" \
        simulate plan --head-dim 4 --compressed 2 --memory bandwidth --rtl-parameters new
    check "its integers" 1 'has an auto-encoder, of which there are no vectors' \
        "$vitcod" simulate plan --head-dim 4 --compressed 2 --functional --vectors new
    printf 'model: bandwidth\nname: odd\nrate: 76.8000001 GB/s\nenergy: 12.5 pJ/bit\n' >odd.yaml
    check "an odd rate" 1 'RTL wants a whole number of bytes' \
        "$vitcod" simulate plan --head-dim 4 --memory odd.yaml --rtl-parameters new
    sed 's/76.8000001/5000.000001/' odd.yaml >fast.yaml # 5,000,000,001 bytes in 500,000 cycles
    check "a rate that is no int" 1 'RTL wants a whole number of bytes .* less than 2^31' \
        "$vitcod" simulate plan --head-dim 4 --memory fast.yaml --rtl-parameters new
    check "forwarding" 1 "'forward' is true, and RTL loads Q, K and V" "$vitcod" simulate plan \
        --head-dim 4 --chip "$root/configs/accelerators/vitcod-paper.yaml" --memory bandwidth \
        --rtl-parameters new
    printf 'like: %s\nline_latency: 1\n' "$root/configs/accelerators/vitcod.yaml" >quick.yaml
    check "no latency" 1 "'line_latency' is 1 .*: RTL wants 2 and 8 at least" "$vitcod" \
        simulate plan --head-dim 4 --chip quick.yaml --memory bandwidth --rtl-parameters new
    check "a batch" 1 "'precision' is 8 and 'batch' 2, and RTL has one image of 8 bit" "$vitcod" \
        simulate plan --head-dim 4 --batch 2 --memory bandwidth --rtl-parameters new
    absent "nothing is written" new
}

# From one image size to another and back.
case_image_sizes() {
    check "a model for larger images" 0 'deit of 32 tensors' \
        "$vitcod" import model --image-size 12 -o larger
    check "has more tokens" 1 'does not fit a model' "$vitcod" simulate plan --model larger
    check "simulate at the plan's size" 0 'end to end' \
        "$vitcod" simulate plan --model larger --image-size 8
    check "profile at the plan's size" 0 'ratio' \
        "$vitcod" profile plan --model larger --image-size 8 --runs 3
    check "eval enlarges images" 0 'top-1' "$vitcod" eval model --image-size 12 --data data
    check "a plan at its size" 0 'top-1' \
        "$vitcod" eval larger --image-size 8 --plan plan --data data
    check "so does training" 0 'epoch 1/1' finetune larger -o enlarged
    check "finetune at another size" 0 'epoch 1/1' finetune larger --image-size 8 -o back
    check "is what is written" 0 '"tokens": 17' "$vitcod" info back --json
}

case_infer() {
    check "infer" 0 'image 0: class [0-3]' "$vitcod" infer model --input ones.npy -o logits.npy
    check "features of the class token" 0 '' "$vitcod" infer model --input ones.npy \
        --features cls -o cls.npy
    check "features of all tokens, on the plan" 0 '' "$vitcod" infer sparse --plan plan \
        --input ones.npy --features tokens -o tokens.npy
    check "(N, C)" 0 '' grep -aqE "'shape': \([0-9]+, [0-9]+\)" cls.npy
    check "(N, T, C)" 0 '' grep -aqE "'shape': \([0-9]+, [0-9]+, [0-9]+\)" tokens.npy
    check "other features" 2 'cls, pool or tokens' "$vitcod" infer model --input ones.npy \
        --features patches
    check "infer on the plan" 0 '"reconstruction_loss"' \
        "$vitcod" infer sparse --plan plan --input ones.npy --reconstruction --json
    check "NaN in an image" 1 "nan.npy: 'images' holds nan at flat index 0" \
        "$vitcod" infer model --input nan.npy
}

case_data_that_do_not_fit() {
    mkdir labels ranks counts short
    cp data/t10k* labels && idx_labels labels/t10k-labels-idx1-ubyte 32 9
    check "labels outside the classes" 1 \
        'labels: labels go up to 8, the model has classes 0 to 3' "$vitcod" eval model --data labels
    cp data/t10k* ranks && cp data/t10k-labels-idx1-ubyte ranks/t10k-images-idx3-ubyte
    check "images of the wrong rank" 1 'images (32)' "$vitcod" eval model --data ranks
    cp data/t10k* counts && idx_labels counts/t10k-labels-idx1-ubyte 31 4
    check "images without labels" 1 'labels (31)' "$vitcod" eval model --data counts
    cp data/t10k* short
    head -c 200 data/t10k-images-idx3-ubyte.gz >short/t10k-images-idx3-ubyte.gz
    check "truncated gzip" 1 'truncated' "$vitcod" eval model --data short
}

# What ran, on what and when, in every result of a model.
case_what_results_carry() {
    varying=everything # speeds
    npy '\000\000\000\000' >x.npy
    check "info" 0 '"model_hash": "' "$vitcod" info model --json
    hash=$(line '"model_hash": "[0-9a-f]*"')
    for verb in "infer model --input x.npy" "eval model --data data" "bench model --runs 3" \
        "classify model $root/tests/data/golden/grey.jpg" "profile model --repeats 3" \
        "attention model --data data -o maps.npy" "autoencoder model --data data -o coder" \
        "calibrate model --data data -o learnt --sparsity 0.5 --epochs 1" \
        "train --init model --data data --epochs 1 -o trained"; do
        # shellcheck disable=SC2086 # words
        check "$verb" 0 '"dtype": "fp32"' "$vitcod" $verb --json
        holds "what ran" "$hash" '"cpu": "[^"]' '"date": "20[0-9-]*T[0-9:]*Z"'
    done
    check "another model" 0 '"model_hash": "' "$vitcod" info trained --json
    grep -q "$hash" "$out" && failed "it has another hash" "$hash"
    check "as CSV" 0 '^model_hash,' "$vitcod" eval model --data data --csv
    holds "the same" '^dtype,fp32,$' '^date,' "$(echo "$hash" | tr -d '" ' | tr : ,)"
}

# Which images a run was given.
case_some_images() {
    check "the first" 0 'images: the first 8 of each --data, in their order' \
        "$vitcod" eval model --data data --limit 8
    check "at random" 0 'images: 8 of each --data, at random over classes, seed 0' \
        "$vitcod" eval model --data data --sample 8
    check "in the result" 0 '"images_chosen": "8 of each --data, at random over classes, seed 3"' \
        "$vitcod" eval model --data data --sample 8 --seed 3 --json
    [ "$(grep -c '"images": 2,' "$out")" -eq 4 ] || failed "over classes" "not 2 of each"
    check "all of them" 0 'on 32 images' "$vitcod" eval model --data data --sample 32
    check "both" 2 'both --limit and --sample' "$vitcod" eval model --data data --limit 8 --sample 8
    for verb in "attention model -o maps.npy" "autoencoder model -o coder" \
        "calibrate model -o learnt --sparsity 0.5 --epochs 0" \
        "train --init model -o trained --epochs 1 --batch 8"; do
        # shellcheck disable=SC2086 # words
        check "$verb" 0 '"images_chosen": "40 of each --data, at random' \
            "$vitcod" $verb --data data --sample 40 --json
    done
    check "codesign" 0 'autoencoder model --data data --sample 40' \
        "$vitcod" codesign model --data data --sample 40 --sparsity 0.8 -o designed --dry-run
    check "train learns from them" 0 '"images": 30' \
        "$vitcod" train --init model --data data --sample 40 --hold-back 0.25 --epochs 1 --batch 8 \
        -o trained --json
}

# The model takes images of 1 channel.
case_channels_that_do_not_fit() {
    photo=$root/tests/data/golden/baseline420.jpg
    mkdir -p photos/a photos/b photos/c photos/d
    for class in a b c d; do cp "$photo" "photos/$class/1.jpg"; done
    check "classify" 1 'is in colour, the model takes images of 1 channel' \
        "$vitcod" classify model "$photo"
    check "grey files fit" 0 '%' "$vitcod" classify model "$root/tests/data/golden/grey.jpg"
    check "or those made so" 0 '%' "$vitcod" classify model "$photo" --convert-channels
    for verb in "eval model" "attention model -o x" "autoencoder model -o x" \
        "calibrate model -o x --batch 1 --hold-back 2" \
        "train --init model -o x --batch 1 --epochs 1"; do
        # shellcheck disable=SC2086 # words
        check "$verb" 1 'is in colour.*--convert-channels' "$vitcod" $verb --data photos
    done
    check "codesign" 1 'is in colour' \
        "$vitcod" codesign model --data photos --sparsity 0.8 -o designed
    check "all made grey" 0 'on 4 images' "$vitcod" eval model --data photos --convert-channels
    check "colours for grey images" 1 'images of 1 channel, wanted 3, or --convert-channels' \
        "$vitcod" attention --arch levit_128s --data data -o maps
    absent "nothing is written" x designed
}

case_models_that_do_not_fit() {
    check "another model" 0 'epoch 1/1' \
        "$vitcod" train --data data --width 12 --depth 1 --heads 3 --epochs 1 -o small
    check "the plan does not fit" 1 'does not fit a model' \
        "$vitcod" eval small --plan plan --data data
    # A model whose head holds whole numbers: the header alone is changed.
    sed 's/\("head.weight":{"dtype":\)"F32"/\1"I32"/' model >whole
    check "a wrong dtype" 1 "whole: 'head.weight' is I32 (4, 12), wanted F32" "$vitcod" info whole
}

case_report() {
    check "report" 0 'top-1, pruned + auto-encoder' "$vitcod" report run
    holds "the table" 'top-1, dense' 'attention kept' 'layer 1' 'dense / sparse' 'end to end'
    check "result.json" 0 '"finetuned": {' grep '"finetuned"' run/result.json
    cp log.jsonl run/finetune.jsonl
    cp maps.npy mask.npy run/ && cp plan run/plan.safetensors
    check "report as a page" 0 'page.html: runs 1, figures [1-9]' "$vitcod" report run -o page.html
    for part in 'id="accuracy"' 'id="attention"' 'id="heads"' 'id="cpu"' 'id="accelerator"' \
        'id="training"' 'data:image/png;base64,' 'vitcod eval model --data data --json'; do
        check "the page has $part" 0 '' grep -q "$part" page.html
    done
    check "what was gathered, alone" 0 'runs 1, figures [1-9]' \
        "$vitcod" report run/result.json -o page.html
    check "a folder has a name" 0 'runs 1' sh -c "cd run && '$vitcod' report . -o ../page.html"
    check "in the title" 0 '' grep -q '<h1>run</h1>' page.html
    check "a title" 0 'runs 1' "$vitcod" report run -o page.html --title 'My run'
    check "is the title" 0 '' grep -q '<h1>My run</h1>' page.html
    check "a title of a table" 2 'wanted -o PAGE.html' "$vitcod" report run --title x
    check "a title too many" 2 '2 titles, wanted at most one for each of 1 runs' \
        "$vitcod" report run -o page.html --title x --title y
}

# The plan that results are of is told from another beside it.
case_report_plans() {
    cp maps.npy mask.npy run/ && cp plan run/plan.safetensors
    check "another plan" 0 '' \
        "$vitcod" polarize mask.npy --threshold 1 -o run/another.safetensors
    check "beside the run's" 0 'runs 1' "$vitcod" report run -o page.html
    check "is not taken for it" 1 '' grep 'which the results are of' page.html
    mv run/plan.safetensors gone
    check "alone in its place" 0 'runs 1' "$vitcod" report run -o page.html
    check "it is told" 0 '' \
        grep -q 'which the results are of, is not there; run/another.safetensors' page.html
}

case_report_of_what_it_does_not_know() {
    mkdir odd 'a<b>&c'
    echo '{"verb": "someday", "nothing": {"known": 7}}' >odd/later.json
    echo '{"verb": "eval", "command": "<script>x</script>", "top1": 3}' >'a<b>&c/<i>.json'
    printf '{"epoch":1,"loss":2.5}\nhalf a li' >odd/log.jsonl
    check "report compares" 0 '"runs": 3' "$vitcod" report run odd 'a<b>&c' -o page.html --json
    for part in 'log.jsonl: line 2 is no JSON object' 'nothing › known</th><td>7' \
        'a&lt;b&gt;&amp;c' '&lt;i&gt;.json' '&lt;script&gt;x&lt;/script&gt;'; do
        check "the page has $part" 0 '' grep -q "$part" page.html
    done
    echo '{"verb": "codesign", "speedup": 2.5}' >odd/result.json
    check "a table of any folder" 0 'not results, and not shown: notes' \
        sh -c "echo x >odd/notes && '$vitcod' report odd"
    # shellcheck disable=SC2016 # the name is in backticks
    holds "the table" 'later .*of `someday`: no number' 'result: Cycles end to end.* 2.5 ×'
    check "another verb's result stays" 0 '"codesign"' cat odd/result.json
    check "a single file" 0 'runs 1' "$vitcod" report log.jsonl -o page.html
    check "a page of nothing" 1 'holds no result' "$vitcod" report data -o page.html
}

run_cases
