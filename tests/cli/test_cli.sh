#!/bin/sh
# The program as a user meets it: help, exit codes, messages, files left behind.
# shellcheck source=tests/cli.sh
. tests/cli.sh
varying=nothing
accelerator=$root/configs/accelerators/vitcod.yaml

# A mask of 1 x 1 x 2 x 2, all kept, as NumPy writes it, and a plan of it.
setup() {
    {
        printf '\223NUMPY\001\000\166\000%-117s\n' \
            "{'descr': '|b1', 'fortran_order': False, 'shape': (1, 1, 2, 2), }"
        printf '\000\000\000\000'
    } >mask.npy
    check "polarize" 0 '"global_tokens"' "$vitcod" polarize mask.npy --threshold 1 -o plan --json
}

# The verbs are what the program lists, and each explains itself, in 80 columns.
case_help() {
    varying=everything
    check "no command" 2 'usage: vitcod' "$vitcod"
    check "help" 0 'usage: vitcod COMMAND' "$vitcod" --help
    verbs=$(sed -n 's/^  \([a-z][a-z]*\)  *.*/\1/p' "$out")
    [ "$(echo "$verbs" | wc -l)" -ge 19 ] || failed "the list of verbs" "it is short"
    for verb in $verbs; do
        check "$verb --help" 0 "usage: vitcod $verb" "$vitcod" "$verb" --help
        awk 'length > 80 { exit 1 }' "$out" || failed "$verb --help" "more than 80 columns"
        sed -n '/^examples:$/,/^$/s/^  //p' "$out" >"$verb.examples"
        cp "$out" "$verb.help"
        check "help $verb" 0 '' cmp -s "$verb.help" - <<EOF
$("$vitcod" help "$verb")
EOF
    done
    check "help of no verb" 2 "unknown command 'fly'" "$vitcod" help fly
}

# Prints the examples that do not parse.
broken_examples() {
    sed -e :a -e '/\\$/N; s/\\\n//; ta' "$1.examples" >commands
    while IFS= read -r words; do
        eval "\"$vitcod\" ${words#vitcod} --help" >/dev/null 2>&1 || echo "$words"
    done <commands
}

# Each verb shows at least one example, and all of them have options that there are.
case_examples() {
    varying=everything
    for verb in $("$vitcod" --help | sed -n 's/^  \([a-z][a-z]*\)  *.*/\1/p'); do
        "$vitcod" "$verb" --help | sed -n '/^examples:$/,/^$/s/^  //p' >"$verb.examples"
        check "$verb has some" 0 "^vitcod $verb " cat "$verb.examples"
        check "$verb's parse" 0 '' [ "$(broken_examples "$verb")" = "" ]
    done
}

# A word that is not known is answered by one line, with what was meant.
case_typos() {
    check "a verb" 2 "unknown command 'evla', did you mean eval?" "$vitcod" evla
    check "far from all" 2 "unknown command 'fly'" "$vitcod" fly
    check "an option" 2 "unknown option '--dtpye', did you mean --dtype?" \
        "$vitcod" eval model --dtpye int8
    check "its beginning" 2 "'--image', did you mean --image-size?" "$vitcod" eval model --image 8
    check "with a value" 2 "'--sparsty=0.9', did you mean --sparsity?" \
        "$vitcod" prune maps --sparsty=0.9
    check "a single dash" 2 "'-force'" "$vitcod" prune -force
    check "far from all" 2 "unknown option '--nonsense'" "$vitcod" prune --nonsense
    check "two lines" 0 '^2$' wc -l <<EOF
$("$vitcod" eval --nonsense 2>&1)
EOF
}

# Arguments are counted and named; what follows -- is no option.
case_arguments() {
    check "too many" 2 "2 arguments ('a', 'b'), wanted at most 1" "$vitcod" info a b
    check "too few" 2 "0 arguments, wanted 1" "$vitcod" prune --info 1 -o x
    check "at least" 2 "1 argument ('a'), wanted at least 2" "$vitcod" classify a
    check "no option" 1 "^vitcod: --json: cannot open" "$vitcod" info -- --json
    check "none at all" 2 "unknown option '--jsno'" "$vitcod" info --jsno --
}

# What an option is called is the same in all verbs; what it was called before is taken as well.
case_one_name() {
    varying=everything
    for verb in $("$vitcod" --help | sed -n 's/^  \([a-z][a-z]*\)  *.*/\1/p'); do
        "$vitcod" "$verb" --help
    done >helps
    check "chips" 0 '^1$' grep -c -- '^  --config' helps
    check "files of options" 0 'configs/train' grep -A1 -- '^  --config' helps
    check "runs" 1 '' grep -e '^  --repeats' -e '^  --chips' helps
    check "splits" 1 '' grep -e '^  --split HOW' helps
    check "what was" 0 'cycles' "$vitcod" simulate plan --head-dim 8 --config dense
    check "a list" 1 'no mask of deit' \
        "$vitcod" compare --arch deit_tiny_patch16_224 --masks . --sparsity 0.5 --chips tpu
    check "what counts" 0 'ratio' "$vitcod" profile plan --head-dim 8 --repeats 1 --split cost
}

# Every verb has a source, and every source a verb.
case_verbs_have_sources() {
    "$vitcod" --help | sed -n 's/^  \([a-z][a-z]*\)  *.*/\1/p' | sort >listed
    for source in "$root"/src/cli/cmd_*.c; do basename "$source" .c | sed 's/cmd_//'; done |
        sort >sources
    check "verbs and sources" 0 '' diff listed sources
}

case_version() {
    check "version" 0 '^vitcod [0-9]' "$vitcod" --version
}

case_options() {
    check "number wanted" 2 "wanted numbers" "$vitcod" prune a.npy --info x -o b.npy
    check "value wanted" 2 "wants a value" "$vitcod" prune a.npy -o
    check "one of two" 2 "one of --info and --sparsity" "$vitcod" prune a.npy -o b.npy
    check "missing file" 1 "nowhere.npy: cannot open" \
        "$vitcod" prune nowhere.npy --info 0.5 -o m.npy
    check "wrong ISA" 1 "VC_ISA is 'mmx'" env VC_ISA=mmx "$vitcod" info x
    absent "no output" b.npy m.npy
}

# The same numbers as --json has, with their units, and each list as a table.
case_csv() {
    masks='s/^\(cpu\|date\|isa\|threads\|version\),.*/\1,#/'
    check "values" 0 '^kept_share,1,$' "$vitcod" polarize mask.npy --threshold 1 -o p --csv
    holds "the frame" '^name,value,unit$' '^verb,polarize,$' '^threads,[0-9]*,$'
    check "units and tables" 0 '^attention.dram_bytes,64,B$' \
        "$vitcod" simulate plan --head-dim 8 --csv
    holds "a table" '^attention.engines$' '^unit,busy_line_cycles (cycles),'
    check "not both" 2 'both --json and --csv' "$vitcod" info plan --json --csv
}

case_broken_files() {
    printf 'not numpy' >bad.npy
    check "no npy" 1 "bad.npy: is text that begins 'not numpy', wanted an npy array" \
        "$vitcod" polarize bad.npy -o p
    printf 'short' >bad.safetensors
    check "bad model" 1 "is text that begins .short., wanted weights" "$vitcod" info bad.safetensors
    check "mask does not carry a model" 1 "is a mask, BOOL (1, 1, 2, 2), wanted weights" \
        "$vitcod" infer mask.npy --input mask.npy
    head -c 130 mask.npy >cut.npy
    check "truncated npy" 1 "2 bytes of data" "$vitcod" polarize cut.npy -o p
    { head -c 128 mask.npy; printf '\000\000\001\001'; } >empty-row.npy
    check "empty row" 1 "row 1 keeps no entry" "$vitcod" polarize empty-row.npy -o p
    absent "nothing written" p p.part
}

case_polarize() {
    check "polarize" 0 '"global_tokens"' \
        "$vitcod" polarize mask.npy --threshold 1 -o again --pictures pictures --json
    check "the same bytes" 0 '' cmp plan again
    check "pictures" 0 "PNG" head -c 4 pictures/mask-polarized.png
    check "disk full" 1 "cannot write" "$vitcod" polarize mask.npy -o /dev/full
    check "unwritable output" 1 "cannot write" "$vitcod" polarize mask.npy -o no/plan
    absent "nothing half-written" no ./*.part
    check "no target" 2 "wanted vitcod or cpu" "$vitcod" polarize mask.npy --for bogus -o no
    check "no target, auto" 2 "wanted vitcod or cpu" \
        "$vitcod" polarize mask.npy --for bogus --threshold auto -o no
    check "a target of no search" 2 "--for belongs to --threshold auto" \
        "$vitcod" polarize mask.npy --for cpu --threshold 1 -o no
    absent "no plan" no
}

case_simulate() {
    check "simulate" 0 '"cycles"' "$vitcod" simulate plan --head-dim 8 --json
    check "simulate an arch" 0 'end to end: .* cycles' "$vitcod" simulate --arch levit_128s
    check "simulate nothing" 2 'wanted a MODEL, --arch NAME or a plan' "$vitcod" simulate
    check "simulate both" 2 'both MODEL and --arch' "$vitcod" simulate x --arch levit_128
    check "simulate at a size without a model" 2 '--image-size belongs to a model' \
        "$vitcod" simulate plan --image-size 32
    check "control with a trace" 2 'control takes a plan' \
        "$vitcod" simulate plan --control --trace x
    check "simulate without control" 2 "belong to --control" "$vitcod" simulate plan --ratio 0.5
    absent "no trace" x
}

case_accelerator_files() {
    check "an accelerator from a file" 0 'attention: .* cycles' \
        "$vitcod" simulate plan --head-dim 8 --chip "$accelerator"
    sed 's/lines: 64 /lines: 0 /' "$accelerator" >no-lines.yaml
    check "one without lines" 1 "no-lines.yaml:5: 'lines' is '0', wanted 1 to 4096" \
        "$vitcod" simulate plan --chip no-lines.yaml
    sed 's/key: {size: 53 KiB/key: {size: 100 B/' "$accelerator" >no-room.yaml
    check "one without room" 1 \
        "no-room.yaml:29: 'buffers.key.size' is 100 B; layer 0 wants 64 B" \
        "$vitcod" simulate plan --chip no-room.yaml
    head -c 900 "$accelerator" >cut.yaml
    check "one cut off" 1 'cut.yaml:' "$vitcod" simulate plan --chip cut.yaml
}

case_profile() {
    varying=decimals
    check "profile" 0 'ratio' "$vitcod" profile plan --head-dim 8 --runs 3
}

case_closed_descriptors() {
    # shellcheck disable=SC2016 # the inner shell expands
    check "all three closed" 0 '' \
        sh -c '"$0" polarize mask.npy --threshold 1 -o again --json <&- >&- 2>&-' "$vitcod"
    check "nothing printed into the file" 0 '' cmp plan again
    # shellcheck disable=SC2016 # the inner shell expands
    check "a file beyond its limit" 1 "cannot write: File too large" \
        sh -c 'ulimit -f 1 && "$0" simulate plan --head-dim 8 --trace large' "$vitcod"
    absent "nothing half-written" large ./*.part
}

case_empty_folders() {
    mkdir empty
    check "empty data folder" 1 "holds no folders" "$vitcod" train --data empty -o t
    check "empty run folder" 1 "holds no result" "$vitcod" report empty
    check "a page by its name" 2 "wanted a name that ends in .html" "$vitcod" report empty -o page
    check "runs without a page" 2 "2 runs, wanted one" "$vitcod" report empty empty
    absent "no leftovers" t page ./*.part
}

run_cases
