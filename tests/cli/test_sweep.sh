#!/bin/sh
# Chips compared and spaces swept, on a mask made here: what is written, gone on with, and refused.
# shellcheck source=tests/cli.sh
. tests/cli.sh
varying=nothing
masks='s/[0-9][0-9.]* s, /# s, /' # how long it took
chips=$root/configs/accelerators

zeros() { head -c "$1" /dev/zero; }
ones() { zeros "$1" | tr '\000' '\001'; }
# One head of DeiT-Tiny's shape: the class token's column and a diagonal are kept.
square() {
    zeros 1
    ones 196
    q=1
    while [ "$q" -lt 197 ]; do
        zeros 1
        ones $((q - 1))
        zeros 1
        ones $((196 - q))
        q=$((q + 1))
    done
}

compare() {
    "$vitcod" compare --arch deit_tiny_patch16_224 --masks masks --attention-only "$@"
}
sweep() { "$vitcod" sweep space.yaml -o "$@"; }
sorted() { tail -n +2 "$1" | sort; }

# masks/, a space of 48 points, and all of them swept
setup() {
    mkdir -p masks/deit_tiny_patch16_224
    square >one
    {
        printf '\223NUMPY\001\000\166\000%-117s\n' \
            "{'descr': '|b1', 'fortran_order': False, 'shape': (12, 3, 197, 197), }"
        for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do cat one one one; done
    } >masks/deit_tiny_patch16_224/0.99.npy
    cat >space.yaml <<'END'
masks: masks
axes:
  model: deit_tiny_patch16_224
  sparsity: [0.99, 0.5]
  chip: [prune-reorder, sanger]
  bandwidth: [38.4 GB/s, 76.8 GB/s]
  lines: [12, 32, 64]
  entries_per_visit: [2, 4]
END
    check "sweep" 0 '48 points, 48 of them computed now' sweep all.jsonl --pareto
    holds "the front" 'Pareto front of latency, energy and area'
    sorted all.jsonl >all.sorted
    echo 'no sweep' >text
}

case_compare() {
    check "compare" 0 'prune + reorder' compare --sparsity 0.99
    holds "every chip" 'systolic' 'sanger' 'spatten' 'reorder only' 'equal substrate' \
        'attention, *times' \
        'prune only (attention 0.*(assumption D1)' 'spatten (.*(assumption E9)' \
        'docs/comparison.md says which assumption'
    check "compare as published" 0 '"setting": "as published"' \
        compare --sparsity 0.99 --published --json
    holds "its keys" '"attention_times_vitcod"' '"energy_times_vitcod"' '"plan_hash"' \
        '"kept_share"' '"sanger_at_0.9": 6.8'
    check "compare with a chip of one's own" 0 'dense' \
        compare --sparsity 0.99 --chip "vitcod,$chips/dense.yaml"
}

case_compare_measured() {
    printf '[{"count": 2}, {"name": "/blocks.0/attn/Softmax", "averageMs": 3}]\n' >profile.json
    check "measured" 0 'profile.json (TensorRT): 1.5 ms an image, attention 1.5 ms' compare \
        --sparsity 0.99 --chip vitcod --measured profile.json --measured-batch 2
    holds "its classes" 'softmax 100.0 %' 'times vitcod with deit_tiny_patch16_224 at 0.99: att' \
        'CPU (Xeon Gold 6230R) 235.3, EdgeGPU (Xavier NX) 142.9, GPU (RTX 2080 Ti) 86.'
    check "as JSON" 0 '"end_to_end_us": 1500.0' compare \
        --sparsity 0.99 --chip vitcod --measured profile.json --measured-batch 2 --json
    printf '[{"name": "{ForeignNode[/blocks.0/norm1/Pow.../head/Gemm]}", "averageMs": 3}]\n' \
        >fused.json
    check "attention that is not told" 0 'fused.json (TensorRT): 3 ms an image, attention not' \
        compare --sparsity 0.99 --chip vitcod --measured fused.json
    echo '{}' >empty.json
    check "nothing measured" 1 'empty.json: wanted the JSON of' compare \
        --sparsity 0.99 --chip vitcod --measured empty.json
}

# By name, in a chip's own file, and what names there are.
case_list() {
    masks='s/^\(cpu\|date\|isa\|threads\|version\),.*/\1,#/' # of CSV
    check "what needs no file" 0 '^chips: simulate and compare --chip' "$vitcod" simulate --list
    holds "all of it" '^  spatten-published ' '^  hbm2 ' '^  info, threshold'
    check "as JSON" 0 '"key": "lpddr4"' "$vitcod" simulate --list --json
    check "as CSV" 0 '^hbm2,' "$vitcod" simulate --list --csv
    check "nothing beside it" 2 'goes with nothing else' \
        "$vitcod" simulate --list --arch levit_128
    mask=masks/deit_tiny_patch16_224/0.99.npy
    printf 'like: %s/vitcod.yaml\nmemory: hbm2\n' "$chips" >named.yaml
    check "a chip that names its memory" 0 '"name": "HBM2, one stack"' \
        "$vitcod" simulate --mask "$mask" --layers 0 --chip named.yaml --json
    grep cycles "$out" >named
    "$vitcod" simulate --mask "$mask" --layers 0 --memory hbm2 --json | grep cycles >given
    check "is the same as --memory" 0 '' cmp named given
    check "a memory that is none" 1 'hbm3: cannot open: no such file, wanted one or a memory of' \
        "$vitcod" simulate --mask "$mask" --memory hbm3
}

case_compare_refuses() {
    check "a sparsity without a mask" 1 'no mask of deit_tiny_patch16_224 at 0.5, wanted' \
        compare --sparsity 0.5
    check "no sparsity has a mask" 1 'no mask of' compare
    check "a model that is none" 1 "'vgg'" \
        "$vitcod" compare --arch vgg --masks masks --sparsity 0.99
    check "a chip that is none" 1 'tpu: cannot open' compare --sparsity 0.99 --chip tpu
    check "a sparsity out of range" 2 "'2', wanted numbers from 0 to 1" compare --sparsity 2
    check "attention that is not there" 1 'neither deit_tiny_patch16_224.npy nor' \
        compare --sparsity 0.99 --attention .
    check "no masks" 2 'wanted --arch NAME and --masks DIR' "$vitcod" compare --arch levit_128
}

case_points() {
    check "count" 0 '^48 points$' "$vitcod" sweep space.yaml --count
    check "the command is there" 0 '' \
        grep -q '"command":"vitcod sweep space.yaml -o all.jsonl --pareto"' all.jsonl
    check "a line for each, and one before" 0 '^49$' grep -c '' all.jsonl
    check "impossible points have a reason" 0 '' \
        grep -q "\"error\":\"'linear_rows' is 8, wanted a divisor of the 12 lines\"" all.jsonl
    check "those without a mask too" 0 '' \
        grep -q '"error":".*no mask of deit_tiny_patch16_224 at 0.5' all.jsonl
    check "and what a chip makes no use of" 0 '' grep -q \
        "\"error\":\"'entries_per_visit' is not as by default, and the dataflow sanger" all.jsonl
    check "as many are counted" 0 '^38$' grep -c '"error":' all.jsonl
    check "also when the file is gone on with" 0 '0 of them computed now, 38 impossible' \
        sweep all.jsonl
}

# A space that nothing can compute, and inputs that are broken, are no results.
case_nothing_is_possible() {
    sed 's/\[12, 32, 64\]/[12, 36]/' space.yaml >none.yaml
    check "no point is possible" 1 'none of the 32 points is possible; point 0: .linear_rows' \
        "$vitcod" sweep none.yaml -o none.jsonl --pareto
    check "nor when it is gone on with" 1 'none of the 32 points is possible' \
        "$vitcod" sweep none.yaml -o none.jsonl
    sed 's/masks: masks/masks: nowhere/' space.yaml >nowhere.yaml
    check "no folder of masks" 1 "nowhere.yaml:1: 'masks' is 'nowhere': No such file" \
        "$vitcod" sweep nowhere.yaml -o nowhere.jsonl
    check "nothing is written" 1 '' test -e nowhere.jsonl
    cp text masks/deit_tiny_patch16_224/0.5.npy
    check "a broken mask" 1 'masks/deit_tiny_patch16_224/0.5.npy: ' sweep broken.jsonl
    # shellcheck disable=SC2016 # the inner shell expands
    check "and compare" 1 'masks/deit_tiny_patch16_224/0.6.npy: ' \
        sh -c 'cp text masks/deit_tiny_patch16_224/0.6.npy
        "$0" compare --arch deit_tiny_patch16_224 --masks masks' "$vitcod"
}

# What a run that was killed leaves: some lines, and half of one.
case_goes_on() {
    check "goes on" 0 '48 points, 0 of them computed now' sweep all.jsonl
    head -n 20 all.jsonl >part.jsonl
    printf '{"point":30,"values"' >>part.jsonl
    check "goes on after a kill" 0 '48 points, 29 of them computed now' sweep part.jsonl
    sorted part.jsonl >part.sorted
    check "nothing lost, nothing twice" 0 '' cmp all.sorted part.sorted
    tail -n 1 all.jsonl >>part.jsonl
    check "a point twice" 1 'is there twice' sweep part.jsonl
    head -c 300 all.jsonl >begun.jsonl
    check "half a header is gone on with" 0 '48 of them computed now' sweep begun.jsonl
}

case_other_files() {
    sed 's/\[2, 4\]/[2, 8]/' space.yaml >other.yaml
    check "another space" 1 'another space, seed, mask or chip' \
        "$vitcod" sweep other.yaml -o all.jsonl
    check "another file" 1 'does not begin with the header of a sweep' sweep text
    printf '{"precious": "data"}' >data.json
    check "a file without a line's end" 1 'does not begin with the header of a sweep' \
        sweep data.json
    check "is left as it is" 0 'precious' cat data.json
    check "a front of what cannot be read back" 1 'is no file that --pareto' \
        sweep /dev/null --pareto
    check "a full disk" 1 '/dev/full: cannot write' sweep /dev/full
    check "two at once" 1 'another sweep is writing it' \
        flock all.jsonl "$vitcod" sweep space.yaml -o all.jsonl
}

case_a_chip_of_ones_own() {
    sed 's/rcd: 17/rcd: 18/' "$chips/vitcod.yaml" >chip.yaml
    echo 'axes: {model: levit_128s, chip: chip.yaml, lines: [32, 64]}' >chips.yaml
    check "a chip" 0 '2 of them' "$vitcod" sweep chips.yaml -o chips.jsonl
    sed -i 's/rcd: 18/rcd: 19/' chip.yaml
    check "changed is another sweep" 1 'another space, seed, mask or chip' \
        "$vitcod" sweep chips.yaml -o chips.jsonl
}

# space_fails NAME MESSAGE TEXT
space_fails() {
    printf '%b' "$3" >bad.yaml
    check "$1" 1 "$2" "$vitcod" sweep bad.yaml --count
}
case_spaces_that_are_refused() {
    space_fails "an axis that is none" "'axes.line' is unknown, did you mean 'lines'?" \
        'axes: {model: levit_128, line: 3}\n'
    space_fails "no model" "'axes.model' is missing" 'axes: {lines: [3]}\n'
    space_fails "a model that is none" "'axes.model' has 'vgg'" 'axes: {model: vgg}\n'
    space_fails "no line" "'axes.lines' is '0', wanted 1 to 4096" \
        'axes: {model: levit_128, lines: [0, 3]}\n'
    space_fails "half a line" "'axes.lines' has 1.5, wanted whole numbers" \
        'axes: {model: levit_128, lines: 1.5}\n'
    space_fails "a wrong unit" "'axes.bandwidth' is '3 GHz'" \
        'axes: {model: levit_128, bandwidth: 3 GHz}\n'
    space_fails "bandwidth and channels" 'exclude each other' \
        'axes: {model: levit_128, bandwidth: 1 GB/s, channels: 2}\n'
    space_fails "sparsity without masks" "no 'masks' beside" \
        'axes: {model: levit_128, sparsity: 0.5}\n'
}

case_axes() {
    check "axes" 0 '^sanger_rows ' "$vitcod" sweep --axes
    check "with a space" 2 'goes with nothing else' "$vitcod" sweep space.yaml --axes
    check "without one" 2 '0 arguments, wanted 1' "$vitcod" sweep --count
}

# What --json prints fits the schemas.
case_schemas() {
    checker=$(dirname "$vitcod")/tests/check_schema
    schemas=$root/docs/schema
    compare --sparsity 0.99 --json >compare.json
    "$vitcod" sweep --axes --json >axes.json
    "$vitcod" sweep space.yaml --count --json >count.json
    sweep all.jsonl --pareto --json >front.json
    check "compare" 0 '' "$checker" "$schemas/compare.json" compare.json
    mask=masks/deit_tiny_patch16_224/0.99.npy
    "$vitcod" simulate --mask "$mask" --functional --layers 0-1 --json >timeline.json
    "$vitcod" simulate --mask "$mask" --chip sanger --json >rival.json
    "$vitcod" simulate --arch deit_tiny_patch16_224 --json >model.json
    "$vitcod" simulate --mask "$mask" --bound --json >bound.json
    "$vitcod" simulate --mask "$mask" --control --embed-dim 192 --json >control.json
    for result in timeline rival model bound control; do
        check "simulate: $result" 0 '' "$checker" "$schemas/simulate.json" "$result.json"
    done
    for result in axes count front; do
        check "sweep: $result" 0 '' "$checker" "$schemas/sweep.json" "$result.json"
    done
}

case_random_points() {
    {
        echo 'random: 7'
        echo 'axes: {model: levit_128, lines: [8, 16, 24, 32, 40, 48, 56, 64],'
        echo '  macs_per_line: [1, 2, 4, 8, 16], softmax_lanes: [4, 8, 16]}'
    } >random.yaml
    check "random points" 0 '7 points, 7 of them' \
        "$vitcod" sweep random.yaml -o random.jsonl --seed 3
    check "all different" 0 '^7$' \
        sh -c "grep -o '\"values\":{[^}]*}' random.jsonl | sort -u | grep -c ''"
    check "another seed is another sweep" 1 'another space, seed' \
        "$vitcod" sweep random.yaml -o random.jsonl --seed 4
}

case_several_processes() {
    cp "$vitcod" alone
    check "without the module" 1 'one of several processes, and there is no vitcod-mpi.so' \
        env OMPI_COMM_WORLD_SIZE=2 ./alone sweep space.yaml -o x.jsonl
    check "of one process" 0 '48 of them computed now' \
        env OMPI_COMM_WORLD_SIZE=1 ./alone sweep space.yaml -o alone.jsonl
    check "the program is not linked with MPI" 1 '' sh -c "ldd '$vitcod' | grep libmpi"
    : >vitcod-mpi.so
    check "a module that is none" 1 '/vitcod-mpi.so cannot be opened' \
        env OMPI_COMM_WORLD_SIZE=1 ./alone sweep space.yaml -o x.jsonl
    wants_several
    varying=everything # what processes say comes in any order
    for n in 1 2 4; do
        check "sweep in $n processes" 0 '48 of them computed now' \
            several "$n" "$vitcod" sweep space.yaml -o "$n.jsonl"
        sorted "$n.jsonl" >"$n.sorted"
        check "the same results from $n" 0 '' cmp all.sorted "$n.sorted"
    done
    check "processes and a wrong file" 1 'does not begin with the header' \
        several 2 "$vitcod" sweep space.yaml -o text
}

run_cases
