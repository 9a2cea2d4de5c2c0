#!/bin/sh
# The program as a user meets it: help, exit codes, messages, files left behind.
# shellcheck source=tests/cli.sh
. tests/cli.sh
vitcod=${VITCOD:?}

for verb in import classify info infer eval attention prune polarize autoencoder calibrate train codesign simulate compare sweep profile report; do
    check "$verb --help" 0 "usage: vitcod $verb" "$vitcod" "$verb" --help
    check "$verb unknown option" 2 "unknown option '--nonsense'" "$vitcod" "$verb" --nonsense
done
check "no command" 2 "usage: vitcod" "$vitcod"
check "unknown command" 2 "unknown command 'fly'" "$vitcod" fly
check "version" 0 "^vitcod [0-9]" "$vitcod" --version
check "number wanted" 2 "wanted a number" "$vitcod" prune a.npy --info x -o b.npy
check "value wanted" 2 "wants a value" "$vitcod" prune a.npy -o
check "one of two" 2 "one of --info and --sparsity" "$vitcod" prune a.npy -o b.npy
check "missing file" 1 "nowhere.npy: cannot open" "$vitcod" prune "$dir/nowhere.npy" --info 0.5 -o "$dir/m.npy"
check "wrong ISA" 1 "VC_ISA is 'mmx'" env VC_ISA=mmx "$vitcod" info x

printf 'not numpy' >"$dir/bad.npy"
check "wrong magic" 1 "magic" "$vitcod" polarize "$dir/bad.npy" -o "$dir/p"
printf 'short' >"$dir/bad.safetensors"
check "bad model" 1 "too short for safetensors" "$vitcod" info "$dir/bad.safetensors"

# A 1 x 1 x 2 x 2 mask, all kept, as NumPy writes it.
printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '|b1', 'fortran_order': False, 'shape': (1, 1, 2, 2), }" >"$dir/mask.npy"
printf '\000\000\000\000' >>"$dir/mask.npy"
check "polarize" 0 '"global_tokens"' "$vitcod" polarize "$dir/mask.npy" --threshold 1 -o "$dir/plan" --pictures "$dir/pictures" --json
check "simulate" 0 '"cycles"' "$vitcod" simulate "$dir/plan" --head-dim 8 --json
check "simulate an arch" 0 'end to end: .* cycles' "$vitcod" simulate --arch levit_128s
check "simulate nothing" 2 'wanted a MODEL, --arch NAME or a plan' "$vitcod" simulate
check "simulate both" 2 'both MODEL and --arch' "$vitcod" simulate x --arch levit_128
check "simulate at a size without a model" 2 '--image-size belongs to a model' "$vitcod" simulate "$dir/plan" --image-size 32
check "an accelerator from a file" 0 'attention: .* cycles' "$vitcod" simulate "$dir/plan" --head-dim 8 --config configs/accelerators/vitcod.yaml
sed 's/lines: 64 /lines: 0 /' configs/accelerators/vitcod.yaml >"$dir/no-lines.yaml"
check "one without lines" 1 "no-lines.yaml:5: 'lines' is '0', wanted 1 to 4096" "$vitcod" simulate "$dir/plan" --config "$dir/no-lines.yaml"
sed 's/key: {size: 53 KiB/key: {size: 100 B/' configs/accelerators/vitcod.yaml >"$dir/no-room.yaml"
check "one without room" 1 "no-room.yaml:26: 'buffers.key.size' is 100 B; layer 0 wants 64 B" "$vitcod" simulate "$dir/plan" --config "$dir/no-room.yaml"
head -c 900 configs/accelerators/vitcod.yaml >"$dir/cut.yaml"
check "one cut off" 1 'cut.yaml:' "$vitcod" simulate "$dir/plan" --config "$dir/cut.yaml"
check "control with a trace" 2 'control takes a plan' "$vitcod" simulate "$dir/plan" --control --trace x
check "simulate without control" 2 "belong to --control" "$vitcod" simulate "$dir/plan" --ratio 0.5
check "disk full" 1 "cannot write" "$vitcod" polarize "$dir/mask.npy" -o /dev/full
check "profile" 0 'ratio' "$vitcod" profile "$dir/plan" --head-dim 8 --repeats 3
check "mask does not carry a model" 1 "not safetensors\|too short" "$vitcod" infer "$dir/mask.npy" --input "$dir/mask.npy"
check "unwritable output" 1 "cannot write" "$vitcod" polarize "$dir/mask.npy" -o "$dir/no/plan"
absent "nothing half-written" "$dir/no" "$dir/m.npy" "$dir/p"
head -c 130 "$dir/mask.npy" >"$dir/cut.npy"
check "truncated npy" 1 "2 bytes of data" "$vitcod" polarize "$dir/cut.npy" -o "$dir/p"
{ head -c 128 "$dir/mask.npy"; printf '\000\000\001\001'; } >"$dir/empty-row.npy"
check "empty row" 1 "row 1 keeps no entry" "$vitcod" polarize "$dir/empty-row.npy" -o "$dir/p"
mkdir "$dir/empty"
check "empty data folder" 1 "holds no folders" "$vitcod" train --data "$dir/empty" -o "$dir/t"
check "empty run folder" 1 "holds no result" "$vitcod" report "$dir/empty"
check "a page by its name" 2 "wanted a name that ends in .html" "$vitcod" report "$dir/empty" -o "$dir/page"
check "runs without a page" 2 "2 runs, wanted one" "$vitcod" report "$dir/empty" "$dir/empty"
absent "no leftovers" "$dir/p" "$dir/t" "$dir"/*.part
check "pictures" 0 "PNG" head -c 4 "$dir/pictures/mask-polarized.png"
exit "$bad"
