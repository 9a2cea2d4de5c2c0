#!/bin/sh
# Chips compared and spaces swept, on a mask made here: what is written, gone on with, and refused.
# shellcheck source=tests/cli.sh
. tests/cli.sh
vitcod=${VITCOD:?}
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

# DeiT-Tiny's shape: the class token's column and a diagonal are kept.
zeros() { head -c "$1" /dev/zero; }
ones() { zeros "$1" | tr '\000' '\001'; }
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
mkdir -p "$dir/masks/deit_tiny_patch16_224"
square >"$dir/square"
{
    printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '|b1', 'fortran_order': False, 'shape': (12, 3, 197, 197), }"
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do cat "$dir/square" "$dir/square" "$dir/square"; done
} >"$dir/masks/deit_tiny_patch16_224/0.99.npy"
tiny="--arch deit_tiny_patch16_224 --masks $dir/masks"

# shellcheck disable=SC2086,SC2317 # the words of $tiny are meant; check calls it
compare() { "$vitcod" compare $tiny --attention-only "$@"; }
check "compare" 0 'prune + reorder' compare --sparsity 0.99
holds "every chip" 'systolic' 'sanger' 'spatten' 'reorder only' 'equal substrate'
check "compare as published" 0 '"setting": "as published"' compare --sparsity 0.99 --published --json
holds "its keys" '"attention_times_vitcod"' '"energy_times_vitcod"' '"plan_hash"' '"kept_share"' '"sanger_at_0.9": 6.8'
check "compare with a chip of one's own" 0 'dense' compare --sparsity 0.99 --chips vitcod,configs/accelerators/dense.yaml
check "a sparsity without a mask" 1 'no mask of deit_tiny_patch16_224 at 0.5, wanted' compare --sparsity 0.5
check "no sparsity has a mask" 1 'no mask of' compare
check "a model that is none" 1 "'vgg'" "$vitcod" compare --arch vgg --masks "$dir/masks" --sparsity 0.99
check "a chip that is none" 1 'tpu: cannot open' compare --sparsity 0.99 --chips tpu
check "a sparsity out of range" 2 "'2', wanted numbers from 0 to 1" compare --sparsity 2
check "attention that is not there" 1 'neither deit_tiny_patch16_224.npy nor' compare --sparsity 0.99 --attention "$dir"
check "no masks" 2 'wanted --arch NAME and --masks DIR' "$vitcod" compare --arch levit_128

cat >"$dir/space.yaml" <<'END'
masks: masks
axes:
  model: deit_tiny_patch16_224
  sparsity: [0.99, 0.5]
  chip: [prune-reorder, sanger]
  bandwidth: [38.4 GB/s, 76.8 GB/s]
  lines: [12, 32, 64]
  entries_per_visit: [2, 4]
END
# shellcheck disable=SC2317 # check calls it
sweep() { "$vitcod" sweep "$dir/space.yaml" -o "$@"; }
check "count" 0 '^48 points$' "$vitcod" sweep "$dir/space.yaml" --count
check "sweep" 0 '48 points, 48 of them computed now' sweep "$dir/all.jsonl" --pareto
holds "the front" 'Pareto front of latency, energy and area'
check "a line for each, and one before" 0 '^49$' grep -c '' "$dir/all.jsonl"
check "impossible points have a reason" 0 '' grep -q "\"error\":\"'linear_rows' is 8, wanted a divisor of the 12 lines\"" "$dir/all.jsonl"
check "those without a mask too" 0 '' grep -q '"error":".*no mask of deit_tiny_patch16_224 at 0.5' "$dir/all.jsonl"
check "goes on" 0 '48 points, 0 of them computed now' sweep "$dir/all.jsonl"
# What a run that was killed leaves: some lines, and half of one.
head -n 20 "$dir/all.jsonl" >"$dir/part.jsonl"
printf '{"point":30,"values"' >>"$dir/part.jsonl"
check "goes on after a kill" 0 '48 points, 29 of them computed now' sweep "$dir/part.jsonl"
sorted() { tail -n +2 "$1" | sort; }
sorted "$dir/all.jsonl" >"$dir/all.sorted"
sorted "$dir/part.jsonl" >"$dir/part.sorted"
check "nothing lost, nothing twice" 0 '' cmp "$dir/all.sorted" "$dir/part.sorted"
sed 's/\[2, 4\]/[2, 8]/' "$dir/space.yaml" >"$dir/other.yaml"
check "another space" 1 'another space, seed, mask or chip' "$vitcod" sweep "$dir/other.yaml" -o "$dir/all.jsonl"
tail -n 1 "$dir/all.jsonl" >>"$dir/part.jsonl"
check "a point twice" 1 'is there twice' sweep "$dir/part.jsonl"
echo 'no sweep' >"$dir/text"
check "another file" 1 'does not begin with the header of a sweep' sweep "$dir/text"
printf '{"precious": "data"}' >"$dir/data.json"
check "a file without a line's end" 1 'does not begin with the header of a sweep' sweep "$dir/data.json"
check "is left as it is" 0 'precious' cat "$dir/data.json"
head -c 300 "$dir/all.jsonl" >"$dir/begun.jsonl"
check "half a header is gone on with" 0 '48 of them computed now' sweep "$dir/begun.jsonl"
sed 's/rcd: 17/rcd: 18/' configs/accelerators/vitcod.yaml >"$dir/chip.yaml"
cat >"$dir/chips.yaml" <<END
axes: {model: levit_128s, chip: $dir/chip.yaml, lines: [32, 64]}
END
check "a chip of one's own" 0 '2 of them' "$vitcod" sweep "$dir/chips.yaml" -o "$dir/chips.jsonl"
sed -i 's/rcd: 18/rcd: 19/' "$dir/chip.yaml"
check "changed is another sweep" 1 'another space, seed, mask or chip' "$vitcod" sweep "$dir/chips.yaml" -o "$dir/chips.jsonl"
check "a front of what cannot be read back" 1 'is no file that --pareto' sweep /dev/null --pareto
check "a full disk" 1 '/dev/full: cannot write' sweep /dev/full
if command -v flock >/dev/null; then
    check "two at once" 1 'another sweep is writing it' flock "$dir/all.jsonl" "$vitcod" sweep "$dir/space.yaml" -o "$dir/all.jsonl"
fi
space_fails() { # NAME MESSAGE TEXT
    printf '%b' "$3" >"$dir/bad.yaml"
    check "$1" 1 "$2" "$vitcod" sweep "$dir/bad.yaml" --count
}
space_fails "an axis that is none" "'axes.line' is unknown, did you mean 'lines'?" 'axes: {model: levit_128, line: 3}\n'
space_fails "no model" "'axes.model' is missing" 'axes: {lines: [3]}\n'
space_fails "a model that is none" "'axes.model' has 'vgg'" 'axes: {model: vgg}\n'
space_fails "no line" "'axes.lines' is '0', wanted 1 to 4096" 'axes: {model: levit_128, lines: [0, 8]}\n'
space_fails "half a line" "'axes.lines' has 1.5, wanted whole numbers" 'axes: {model: levit_128, lines: 1.5}\n'
space_fails "a wrong unit" "'axes.bandwidth' is '3 GHz'" 'axes: {model: levit_128, bandwidth: 3 GHz}\n'
space_fails "bandwidth and channels" 'exclude each other' 'axes: {model: levit_128, bandwidth: 1 GB/s, channels: 2}\n'
space_fails "sparsity without masks" "no 'masks' beside" 'axes: {model: levit_128, sparsity: 0.5}\n'
cat >"$dir/random.yaml" <<'END'
random: 7
axes: {model: levit_128, lines: [8, 16, 24, 32, 40, 48, 56, 64], macs_per_line: [1, 2, 4, 8, 16], softmax_lanes: [4, 8, 16]}
END
check "random points" 0 '7 points, 7 of them' "$vitcod" sweep "$dir/random.yaml" -o "$dir/random.jsonl" --seed 3
check "all different" 0 '^7$' sh -c "grep -o '\"values\":{[^}]*}' '$dir/random.jsonl' | sort -u | grep -c ''"
check "another seed is another sweep" 1 'another space, seed' "$vitcod" sweep "$dir/random.yaml" -o "$dir/random.jsonl" --seed 4

# Several processes, where the program can be one of them.
if command -v mpirun >/dev/null && mpirun -n 1 true 2>/dev/null && ldd "$vitcod" | grep -q libmpi; then
    ASAN_OPTIONS=detect_leaks=0 # Open MPI's own; a sweep alone is looked at above
    export ASAN_OPTIONS
    for n in 1 2 4; do
        check "sweep in $n processes" 0 '48 of them computed now' mpirun --oversubscribe -n $n "$vitcod" sweep "$dir/space.yaml" \
            -o "$dir/$n.jsonl"
        sorted "$dir/$n.jsonl" >"$dir/$n.sorted"
        check "the same results from $n" 0 '' cmp "$dir/all.sorted" "$dir/$n.sorted"
    done
    check "processes and a wrong file" 1 'does not begin with the header' mpirun --oversubscribe -n 2 "$vitcod" sweep \
        "$dir/space.yaml" -o "$dir/text"
else
    echo "skipped: several processes (no MPI)"
    check "alone among several" 1 'built without MPI' env OMPI_COMM_WORLD_SIZE=2 "$vitcod" sweep "$dir/space.yaml" -o "$dir/x.jsonl"
fi

exit "$bad"
