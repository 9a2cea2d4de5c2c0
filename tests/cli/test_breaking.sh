#!/bin/sh
# What happens to a run from outside: kills, other runs, files that change under it, no more
# descriptors, hostile names.
# shellcheck disable=SC2086 # $tiny and $logged are words
# shellcheck source=tests/cli.sh
. tests/cli.sh
varying=everything
export OMP_NUM_THREADS=1 # tiny images

# A tiny model to train, by words.
tiny="--data data --width 8 --depth 1 --heads 2 --patch 4 --batch 8 --hold-back 8"
logged="$tiny --epochs 12 --log log --log-every 1 --save-every 5 -o killed"

setup() {
    idx_data
    check "train" 0 '' "$vitcod" train --data data --epochs 1 --width 8 --depth 1 --heads 2 \
        --patch 4 --batch 16 -o model
    check "attention" 0 '' "$vitcod" attention model --data data --limit 8 -o maps
    check "prune" 0 '' "$vitcod" prune maps --sparsity 0.3 -o mask
    check "polarize" 0 '' "$vitcod" polarize mask --threshold 1 -o plan
}

# steps_of LOG: epochs and steps, one per line
steps_of() {
    sed 's/.*"epoch":\([0-9]*\)\(,"step":\([0-9]*\)\)*.*/\1 \3/' "$1"
}

# A run that is killed and goes on has every step once in its log, as one that never stopped.
case_a_log_has_every_step_once() {
    check "whole" 0 '' "$vitcod" train $tiny --epochs 12 --log whole.log --log-every 1 -o whole
    head -n 1 whole.log | grep -q '"step":1' || failed "its first line" "no step 1"
    for lines in 3 14 40; do
        rm -f killed killed.checkpoint log
        "$vitcod" train $logged >"$out.killed" 2>&1 &
        run=$!
        wait_until 20 sh -c "[ -f killed.checkpoint ] && [ \$(wc -l <log) -ge $lines ]"
        kill -9 "$run" || : # it may have been too fast
        wait "$run"
        if [ -f killed ]; then
            rm -f killed log
            continue
        fi
        printf '{"epoch":' >>log # the beginning of a line
        check "goes on" 0 '' "$vitcod" train $logged --resume
        steps_of whole.log >whole.steps
        steps_of log >killed.steps
        check "every step once" 0 '' diff whole.steps killed.steps
        check "the same model" 0 '' cmp whole killed
        absent "no leftovers" killed.lock killed.checkpoint killed.*.part
        rm -f killed log
    done
}

# Two runs cannot write the same files; what a killed one left holds nobody up.
case_one_run_at_a_time() {
    "$vitcod" train $tiny --epochs 4000 -o model2 --log log >"$out.first" 2>&1 &
    run=$!
    wait_until 20 [ -f log ]
    check "the same output" 1 'model2: another run writes it, and holds model2.lock' \
        "$vitcod" train $tiny --epochs 1 -o model2
    check "calibrate as well" 1 'another run writes it' \
        "$vitcod" calibrate model --data data --sparsity 0.3 --rule info --batch 8 -o model2
    check "the same checkpoint" 1 'another run writes it' \
        "$vitcod" train $tiny --epochs 1 -o model3 --checkpoint model2
    check "the same log" 1 'log: another run writes it' \
        "$vitcod" train $tiny --epochs 1 -o model4 --log log
    kill -9 "$run"
    wait "$run"
    check "it was killed" 0 '' ls model2.lock
    check "the next" 0 '' "$vitcod" train $tiny --epochs 1 -o model2
    absent "no leftovers" model2.lock
}

# Nothing belongs beside a device.
case_devices() {
    mkdir place
    ls /dev >before
    small="--data data --sparsity 0.3 --rule info --batch 8 --epochs 1"
    check "full" 1 '/dev/full: cannot write' "$vitcod" calibrate model $small -o /dev/full
    check "null" 0 '' env TMPDIR="$dir/place" "$vitcod" calibrate model $small \
        --autoencoder qk -o /dev/null
    check "no way back" 1 '/dev/null: nothing can be gone on from beside it' \
        "$vitcod" calibrate model $small --resume -o /dev/null
    ls /dev >after
    check "nothing new" 0 '' cmp before after
    check "nor there" 0 '' rmdir place
}

# Broken images end train with 1 as they end every verb.
case_broken_images() {
    for class in a b; do
        mkdir -p "images/train/$class"
        for i in 1 2 3 4; do
            cp "$root/tests/data/golden/palette1.png" "images/train/$class/$i.png"
        done
    done
    head -c 60 "$root/tests/data/golden/palette1.png" >images/train/a/5.png
    check "named" 1 'train/a/5.png' "$vitcod" train --data images --init model --new-head \
        --convert-channels --no-test --epochs 1 --batch 2 -o new
    holds "says what became of it" '1 image could not be read and was left out'
    check "written all the same" 0 '' ls new
    check "allowed" 0 '"broken_images": \[' "$vitcod" train --data images --init new --no-test \
        --convert-channels --epochs 1 --batch 2 --skip-broken -o newer --json
    holds "named there too" '"images/train/a/5.png"'
}

# Without a further descriptor a verb ends in words and leaves nothing half made.
case_no_more_descriptors() {
    for verb in "simulate plan --head-dim 4 --trace new --dram-trace new2" "info model" \
        "prune maps --sparsity 0.5 -o new" "polarize mask -o new" "import model -o new" \
        "attention model --data data --limit 8 -o new" "eval model --data data" \
        "train $tiny --epochs 1 -o new"; do
        for most in 4 5 6 7 8; do
            rm -f new new2
            # shellcheck disable=SC3045 # every shell that is sh somewhere has it
            (ulimit -n "$most" && exec "$vitcod" $verb) >"$out" 2>&1
            status=$?
            [ "$status" -le 2 ] || failed "$verb with $most" "status $status"
            [ "$status" -eq 0 ] || [ -s "$out" ] || failed "$verb with $most" "nothing is said"
            [ "$status" -eq 0 ] || absent "$verb with $most" new new2 new.checkpoint new.lock
        done
    done
}

# Names of files and classes come from outside: no terminal obeys them, in text or in JSON.
case_names_are_no_orders() {
    csi=$(printf '\302\233')
    escape=$(printf '\033')
    mkdir named
    cp "$root/tests/data/golden/palette1.png" "named/${escape}[31m${csi}31m.png"
    printf 'a %s[2J\nb %s2J\nc c\nd d\n' "$escape" "$csi" >classes
    for form in "" --json --csv; do
        check "classify $form" 0 'palette\|31m' "$vitcod" classify model named --convert-channels \
            --classes classes --top 4 $form
        ! grep -q "$escape\|$csi" "$out" || failed "classify $form" "a control character"
    done
    check "messages" 1 '31m' "$vitcod" info "${csi}31m"
    ! grep -q "$csi" "$out" || failed "messages" "a control character"
    check "what is wrong" 2 '31m' "$vitcod" "${escape}[31m"
    ! grep -q "$escape" "$out" || failed "what is wrong" "a control character"
}

# A model that somebody makes shorter, or writes into, while it is read.
case_a_file_that_changes() {
    set -- --data data --sparsity 0.3 --rule info --batch 8 --epochs 4000 --patience 0
    cp model teacher
    "$vitcod" calibrate model --teacher teacher "$@" -o new >"$out.run" 2>&1 &
    run=$!
    wait_until 30 grep -q 'epoch 2/' "$out.run"
    : >teacher
    wait "$run"
    check "its status" 0 '^1$' echo $?
    check "shorter" 0 'teacher: became shorter while it was read' cat "$out.run"
    rm -f new* "$out.run" # or it tells of the run before
    cp model teacher
    "$vitcod" calibrate model --teacher teacher --data data --sparsity 0.3 --rule info --batch 8 \
        --epochs 60 --patience 0 -o new >"$out.run" 2>&1 &
    run=$!
    wait_until 30 grep -q 'epoch 2/' "$out.run"
    cat model >teacher
    wait "$run"
    check "written into" 0 'teacher: .* \(changed\|shorter\).* while it was read' cat "$out.run"
}

# What does not fit is refused before it is asked for, in words.
case_memory_limit() {
    check "too large a model" 1 'out of memory: wanted [0-9.]* MiB in one block, and of the 200.0' \
        "$vitcod" train --data data --epochs 1 --width 384 --batch 64 -o new --memory-limit 200MiB
    absent "nothing written" new new.checkpoint new.lock
    check "by the environment" 1 'of the 200.0 MiB' env VC_MEMORY_LIMIT=200MiB \
        "$vitcod" train --data data --epochs 1 --width 384 --batch 64 -o new
    check "progress to nobody" 1 "VC_PROGRESS is '2', wanted the number of an open descriptor" \
        env VC_PROGRESS=2 "$vitcod" info model
    check "none by the environment" 1 "VC_MEMORY_LIMIT: a limit of memory is '2G', wanted" \
        env VC_MEMORY_LIMIT=2G "$vitcod" info model
    check "no such limit" 2 "a limit of memory is '1KiB', wanted" \
        "$vitcod" info model --memory-limit 1KiB
    check "enough" 0 'top-1' "$vitcod" eval model --data data --memory-limit 1GiB
}

# Libraries, too, end in words.
case_libraries_without_memory() {
    ! ldd "$vitcod" | grep -q libasan || skip "the sanitizer wants more addresses than that"
    for space in 150 200 300 400; do # MiB
        # shellcheck disable=SC3045 # as above
        (ulimit -v $((space * 1024)) && exec "$vitcod" eval model --data data) >"$out" 2>&1
        status=$?
        [ "$status" -le 1 ] || [ "$status" -eq 127 ] || failed "$space MiB" "status $status"
        [ -s "$out" ] || failed "$space MiB" "nothing is said"
    done
}

# An archive that unpacks to thousands of times its size is none of images.
case_a_packed_bomb() {
    mkdir -p cat
    head -c 100000000 /dev/zero >cat/one.png
    tar -cf - cat | xz -0 >bomb.tar.xz
    rm -r cat
    check "xz" 1 'bomb.tar.xz: unpacks to more than 2000 times its [0-9]* bytes\|no xz' \
        "$vitcod" eval model --data bomb.tar.xz
}

# What a run goes on from must be what was written: a value, a position, a setting that is another
# is noticed.
case_damaged_checkpoints() {
    "$vitcod" train $logged --epochs 4000 >"$out.run" 2>&1 &
    run=$!
    wait_until 30 [ -f killed.checkpoint ]
    kill "$run"
    wait "$run"
    cp killed.checkpoint whole
    length=$(wc -c <whole)
    head -c 8 whole | od -An -tu8 | tr -d ' ' >header
    for at in $(($(cat header) + 8)) $(($(cat header) + 5000)) $((length - 1)); do
        cp whole killed.checkpoint
        printf '\001' | dd of=killed.checkpoint bs=1 seek="$at" conv=notrunc 2>/dev/null
        check "a byte" 1 'killed.checkpoint: damaged: its checksum is' \
            "$vitcod" train $logged --epochs 4000 --resume
    done
    for position in '9\2 \4\6' '\2 9\4 \6' '-\2 \4 \6'; do # of the same length, or longer
        LC_ALL=C sed "s/\(\"position\":\"\)\([0-9]*\)\( \)\([0-9]*\)\( \)\([0-9]*\)/\1$position/" \
            whole >killed.checkpoint
        check "a position" 1 'killed.checkpoint: ' \
            "$vitcod" train $logged --epochs 4000 --resume
    done
    head -c $((length - 1)) whole >killed.checkpoint
    check "its end" 1 'killed.checkpoint: ' "$vitcod" train $logged --epochs 4000 --resume
    set -- --data data --sparsity 0.3 --rule info --batch 8 --epochs 4000 --patience 0 -o cal
    "$vitcod" calibrate model "$@" >"$out.run" 2>&1 &
    run=$!
    wait_until 30 grep -q 'epoch 3/' "$out.run"
    kill -9 "$run"
    wait "$run"
    sed 's/"best_epoch": [0-9]*/&0/; s/"agreement": 1.0/"agreement": 0.9/' cal.checkpoint.json \
        >changed
    mv changed cal.checkpoint.json
    check "a journal" 1 'cal.checkpoint.json: damaged: its checksum is' \
        "$vitcod" calibrate model "$@" --resume
}

run_cases
