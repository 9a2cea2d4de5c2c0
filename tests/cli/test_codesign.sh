#!/bin/sh
# The whole recipe in one command on tiny images: its files in other verbs, going on after a kill
# with the same bits, and what it refuses.
# shellcheck disable=SC2086 # $long is words
# shellcheck source=tests/cli.sh
. tests/cli.sh
export OMP_NUM_THREADS=1 # tiny images

codesign() {
    "$vitcod" codesign model --data data --sparsity 0.6 --threshold 6 --batch 8 "$@"
}
# so far from the dense model that there is something to learn for long
long='--sparsity 0.8 --residual none --compressed 1 --epochs 120 --patience 0 --lr 2e-4'

# A dense model, and a whole run.
setup() {
    idx_data
    check "train" 0 'epoch 40/40' "$vitcod" train --data data --width 12 --depth 2 --heads 3 \
        --batch 16 --epochs 40 --lr 5e-3 -o model
    check "codesign" 0 'model.safetensors: [0-9.]* % of attention pruned' codesign $long -o run
    holds "its text" 'agreement with the dense model' 'top-1 .*, dense' \
        'attention .* cycles on the simulated chip, dense' '10/10 *simulation '
}

case_its_files() {
    check "its commands as it ran them" 0 \
        '"vitcod polarize run/mask.npy --threshold 6 --output run/plan.safetensors' \
        cat run/codesign.json
    check "every step's result and file" 0 '' ls run
    holds "all of them" 1-autoencoder.json 2-coded.json 3-attention.json 4-prune.json \
        5-polarize.json 6-finetune.json evaluation.json evaluation-dense.json simulation.json \
        simulation-dense.json autoencoder.safetensors coded.safetensors attention.npy scores.npy \
        mask.npy plan.safetensors model.safetensors
    check "the summary" 0 '"sparsity": 0\.\(79\|80\)' cat run/result.json
    holds "its keys" '"agreement_before": ' '"agreement": ' '"agreement_coded": ' '"top1": ' \
        '"top1_dense": ' '"attention_cycles": ' '"cycles_dense": ' '"speedup": ' '"bytes": ' \
        '"bytes_dense": ' '"polarize": ' '"seconds": '
    absent "nothing unfinished" run/*.checkpoint* run/*.part
}

case_its_model_in_other_verbs() {
    check "the summary" 0 '' cat run/result.json
    cycles=$(line '"cycles": [0-9]*')
    hash=$(line '"plan_hash": "[0-9a-f]*"')
    top1=$(line '"top1": [0-9.]*')
    check "eval what it made" 0 "$top1" "$vitcod" eval run/model.safetensors --data data --json
    check "simulate it" 0 "$cycles" "$vitcod" simulate run/model.safetensors --json
    check "plan and auto-encoder are inside" 0 "$hash" "$vitcod" info run/model.safetensors --json
    holds "both" '"compressed_heads": 1' '"inside": true'
    check "the learnt one is not the first" 0 '' grep '"best_epoch": [1-9]' run/6-finetune.json
}

case_once_more() {
    cp -r run before
    check "once more" 0 '10/10 .* done before' codesign $long -o run
    check "changes nothing" 0 '' diff -x result.json -r before run
    check "with other settings" 1 'other settings: --sparsity (was 0.8, is 0.5), --patience' \
        codesign --sparsity 0.5 --residual none --compressed 1 --epochs 120 --lr 1e-2 --seed 3 \
        -o run
    holds "all of them" '(was 0, is not set), --lr (was 0.0002, is 0.01)' \
        ', --seed (was 0, is 3); --force'
}

# Everything but times, and commands, which say --resume where a step went on.
without_times() {
    sed -e '/"step_seconds": {/,/}/d' \
        -e '/"\(seconds\|step_seconds\|images_per_s\|peak_mib\|command\|date\)":/d' "$1"
}

# same_files FOLDER FOLDER
same_files() {
    for file in "$1"/*; do
        other=$2/${file##*/}
        case $file in
        */codesign.json) cmp "$file" "$other" ;;
        *.json) [ "$(without_times "$file")" = "$(without_times "$other")" ] ;;
        *) cmp "$file" "$other" ;;
        esac || { echo "$file differs"; return 1; }
    done
}

# gone PID: or a zombie
gone() { ! [ -e "/proc/$1/stat" ] || grep -q ') Z' "/proc/$1/stat"; }

child_of() {
    for stat in /proc/[0-9]*/stat; do
        read -r child _ _ parent _ 2>/dev/null <"$stat" || continue
        [ "$parent" = "$1" ] && echo "$child"
    done
}

# kill_at SIGNAL FILE OPTION...: starts codesign anew and ends it once FILE is there
kill_at() {
    signal=$1 file=$2
    shift 2
    "$vitcod" codesign model --data data --sparsity 0.6 --threshold 6 --batch 8 -o run "$@" \
        >/dev/null 2>&1 &
    pid=$!
    wait_until 60 test -e "$file"
    child=$(child_of "$pid")
    kill -"$signal" "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    for process in $child; do
        wait_until 6 gone "$process" || kill "$process"
    done
}

# ended_at SIGNAL FILE: and gone on with, it has the files of a run that was not
ended_at() {
    varying=everything # what was left to do
    mv run whole
    kill_at "$1" "$2" $long
    absent "killed before its end" run/result.json
    check "gone on with" 0 'done before' codesign $long -o run
    check "to the same files" 0 '' same_files whole run
    absent "nothing unfinished" run/*.checkpoint* run/*.part
}
case_killed_in_coded() { ended_at KILL run/coded.safetensors.checkpoint; }
case_ended_in_attention() { ended_at TERM run/3-attention.json; }
case_killed_in_finetune() { ended_at KILL run/model.safetensors.checkpoint; }

case_from_labels() {
    varying=everything
    set -- --finetune train --epochs 100 --lr 1e-3
    check "from labels" 0 'top-1' codesign "$@" -o taught
    check "by train" 0 'vitcod train --init taught/coded.safetensors --teacher model' \
        cat taught/codesign.json
    rm -r run
    kill_at KILL run/model.safetensors.checkpoint "$@"
    check "gone on with" 0 'done before' codesign "$@" -o run
    for file in coded.safetensors plan.safetensors model.safetensors; do
        check "the same $file" 0 '' cmp taught/$file run/$file
    done
}

case_as_in_vitcod() {
    check "without an auto-encoder" 0 'of attention pruned' \
        codesign --autoencoder none --residual none --rule info --epochs 1 -o bare
    absent "no step for it" bare/1-autoencoder.json bare/2-coded.json bare/coded.safetensors \
        bare/scores.npy
    check "its model is no dense one" 1 'a plan is inside, wanted a dense model' \
        "$vitcod" codesign bare/model.safetensors --data data -o x
}

case_with_summaries() {
    varying=everything # the plan is measured
    check "with summaries" 0 'of attention pruned$' codesign --summary 2x2 --epochs 1 -o pooled
    holds "in fewer steps" '8/8 *simulation '
    check "the plan is calibrate's" 0 'calibrate pooled/coded.safetensors --data data' \
        cat pooled/codesign.json
    holds "without learning" \
        '--rule measured --residual none --summary 2x2 --threshold 6 --epochs 0 --plan-output'
    absent "no mask" pooled/attention.npy pooled/mask.npy pooled/5-polarize.json
    check "its sparsity" 0 '"sparsity": 0\.\(59\|60\)' cat pooled/result.json
    hash=$(line '"plan_hash": "[0-9a-f]*"')
    check "the plan as it was learnt" 0 "$hash" "$vitcod" info pooled/model.safetensors --json
    check "with a residual" 2 'residual mean does not go together with summaries' \
        codesign --summary auto --residual mean -o x
}

case_gradually() {
    varying=everything # it has a time
    check "gradually, on another chip" 0 'of attention pruned' codesign --autoencoder k \
        --compressed 1 --gradual 0.3 --threshold auto --chip vitcod --minutes 0.01 -o gradual
    check "with a residual" 0 'scores gradual/scores.npy --beyond-mean' cat gradual/codesign.json
    holds "in the plan" 'polarize .* --residual gradual/attention.npy'
    check "half the time each" 0 '"--minutes": 0.01' cat gradual/codesign.json
    holds "its stages" 'minutes 0.005 .*gradual 0.3\|gradual 0.3 .*minutes 0.005'
}

case_other_images() {
    mkdir learn
    cp data/train-* learn
    check "images without labels" 0 'agreement' codesign --data learn --epochs 1 -o unlabelled
    absent "no evaluation" unlabelled/evaluation.json unlabelled/evaluation-dense.json
    check "tested on others" 0 '"plan_hash"' \
        codesign --data learn --test data --epochs 1 --json -o tested
    holds "as JSON" '"verb": "codesign"' '"top1": '
    check "--force starts over" 0 '10/10 .* s$' \
        codesign --sparsity 0.5 --epochs 1 -o tested --force
    check "with what is asked for now" 0 '"--sparsity": 0.5' cat tested/codesign.json
    check "a model with an auto-encoder" 1 'an auto-encoder is inside' \
        "$vitcod" codesign tested/coded.safetensors --data data --sparsity 0.6 -o x
}

case_dry_run() {
    check "--dry-run prints the commands" 0 '^vitcod simulate dry/model.safetensors' \
        codesign -o dry --dry-run
    cp "$out" printed
    check "one for each step" 0 '^10$' grep -c ^vitcod printed
    absent "and makes nothing" dry
    mkdir dry
    check "for so many threads and heads" 0 \
        'train --init model .* --teacher-heads 3 .*--heads 3 .* --seed 7 --threads 1 --json' \
        codesign --finetune train --heads 3 --seed 7 --threads 1 -o dry --dry-run
    check "what it printed can be run" 0 'to 2 heads' \
        sh -c "$(sed -n "s,^vitcod\(.* --of .*\) --json,$vitcod\1,p" printed)"
}

# Prints the commands whose verb does not get as far as --help: a word before it is wrong.
refused() {
    sed -n 's/^vitcod //p' "$1" | while read -r words; do
        eval "\"$vitcod\" $words --help" >/dev/null 2>&1 || echo "refused: $words"
    done
}

case_words_of_steps() {
    echo 'vitcod eval model --bogus 3' >bogus
    check "what is no option" 0 'refused: eval model --bogus 3' refused bogus
    for how in '--gradual 0.3,0.5 --hold-back 0.2 --limit 20' '--minutes 1 --residual none' \
        '--finetune train --heads 3 --seed 7 --threads 1 --skip-broken' \
        '--summary auto --gradual 0.3 --hold-back 8 --limit 40 --skip-broken' \
        '--autoencoder none --rule info' '--autoencoder q --compressed 1 --lr 1e-3 --epochs 2'; do
        "$vitcod" codesign model --data data --sparsity 0.6 --batch 8 $how --threshold auto \
            --for cpu -o dry --dry-run >printed 2>&1
        check "its commands, $how" 0 '' grep -c ^vitcod printed
        check "all are what their verbs take" 0 '' refused printed
        [ ! -s "$out" ] || failed "none refused" "a command is"
    done
}

case_two_in_a_folder() {
    "$vitcod" codesign model --data data --sparsity 0.6 --batch 8 --epochs 100000 --patience 0 \
        -o busy >/dev/null 2>&1 &
    pid=$!
    wait_until 60 test -e busy/codesign.json
    check "two in a folder" 1 'busy: another codesign works there' codesign --epochs 1 -o busy
    kill "$pid"
    wait "$pid" 2>/dev/null
}

case_folders_in_its_way() {
    rm run/codesign.json
    check "a folder without its settings" 1 \
        'run: holds files of a run, and no codesign.json' codesign $long -o run
    printf '{}' >run/codesign.json
    check "settings that are none" 1 'run/codesign.json: has no settings' codesign $long -o run
    mkdir own
    cp model own/model.safetensors
    check "a model in its way" 1 'own/model.safetensors: codesign writes files of this name' \
        "$vitcod" codesign own/model.safetensors --data data --sparsity 0.6 -o own --force
    check "which is left alone" 0 '' cmp model own/model.safetensors
    echo >file
    check "RUN is a file" 1 'file: cannot create the directory' codesign -o file
    check "RUN cannot be made" 1 'cannot create the directory' codesign -o /proc/run
    check "too few images" 1 '7 images to learn from and 1 held back, wanted at least 8, a batch' \
        codesign --limit 8 -o few
    absent "nothing is begun" few
}

case_refuses() {
    check "no data" 2 '--data IMAGES is missing' "$vitcod" codesign model -o x
    check "no folder" 2 '-o RUN is missing' "$vitcod" codesign model --data data
    check "data that is not there" 1 'nowhere: cannot open' codesign --data nowhere -o x
    check "a model that is not there" 1 'nowhere: cannot open' \
        "$vitcod" codesign nowhere --data data -o x
    check "a test that is not there" 1 'nowhere: cannot open' codesign --test nowhere -o x
    check "a chip that is none" 1 'nowhere' codesign --chip nowhere -o x
    check "a chip without auto-encoder" 1 "'autoencoder: false', wanted --autoencoder none" \
        codesign --chip dense -o x
    for sparsity in 0 1 1.5 -1; do
        check "sparsity $sparsity" 2 '--sparsity is .*, wanted more than 0, less than 1' \
            codesign --sparsity $sparsity -o x
    done
    check "a sparsity out of reach" 1 'with 17 tokens no more than 0.8858 can be pruned' \
        codesign --sparsity 0.9 -o x
    check "a rule that is none" 2 "--rule is 'best', wanted budget, measured or a rule" \
        codesign --rule best -o x
    check "an auto-encoder that is none" 2 "--autoencoder is 'v', wanted qk, q, k or none" \
        codesign --autoencoder v -o x
    check "a residual that is none" 2 "--residual is 'median'" codesign --residual median -o x
    check "a threshold that is none" 2 "--threshold is 'low', wanted a count or auto" \
        codesign --threshold low -o x
    check "a way to learn that is none" 2 "--finetune is 'dream', wanted calibrate or train" \
        codesign --finetune dream -o x
    check "what training has not" 2 'belong to --finetune' \
        codesign --finetune train --minutes 1 -o x
    check "stages" 2 "--gradual is '0.5,0.3', wanted" codesign --gradual 0.5,0.3 -o x
    check "--compressed without" 2 '--compressed belongs to' \
        codesign --autoencoder none --compressed 1 -o x
    check "no time" 2 '--minutes is 0, wanted more than 0' codesign --minutes 0 -o x
    absent "nothing is left" x
}

run_cases
