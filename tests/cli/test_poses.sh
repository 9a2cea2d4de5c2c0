#!/bin/sh
# A Strided Transformer from the file to MPJPE, and what is refused of it.
# shellcheck source=tests/cli.sh
. tests/cli.sh
golden=$root/tests/data/golden
model=$golden/poses.safetensors

# evaluates NAME STATUS PATTERN MODEL OPTION..: on the made-up set
evaluates() {
    name=$1 wanted=$2 pattern=$3 of=$4
    shift 4
    check "$name" "$wanted" "$pattern" "$vitcod" eval "$of" --data "$golden/poses_2d.npz" \
        --truth "$golden/poses_3d.npz" --cameras "$golden/poses_cameras.json" "$@"
}

# The numbers of tools/golden/poses.json.
case_errors() {
    evaluates "all frames" 0 '^MPJPE 2601.45 mm (95 %: 2450.62 to 2752.28)  P-MPJPE 883.82 mm' \
        "$model"
    evaluates "some, as JSON" 0 '"frames": ' "$model" --subjects S9 --every 2 --mirror --json
    holds "what it holds" '"sequences": 6' '"p_mpjpe": ' '"mpjpe_low": ' '"name": "Sitting"'
}

case_one_after_the_other() {
    check "import" 0 'strided_transformer of ' "$vitcod" import "$model" -o imported
    check "info" 0 'strides  *3 3' "$vitcod" info imported
    evaluates "the same number" 0 '^MPJPE 2601.45 mm' imported
    wants_products bf16
    evaluates "in bfloat16" 0 '^MPJPE 2[56][0-9][0-9]' imported --dtype bf16
}

case_several_processes() {
    wants_several
    check "one alone" 1 'truth runs in one process, not in 2' several 2 "$vitcod" eval "$model" \
        --data "$golden/poses_2d.npz" --truth "$golden/poses_3d.npz" \
        --cameras "$golden/poses_cameras.json"
}

case_refuses() {
    check "poses without the truth" 1 'takes poses: wanted --truth' \
        "$vitcod" eval "$model" --data "$golden/poses_2d.npz"
    check "options of the truth" 2 'belong to --truth' \
        "$vitcod" eval "$model" --data "$golden/poses_2d.npz" --mirror
    check "no cameras" 1 'which --cameras describes' "$vitcod" eval "$model" \
        --data "$golden/poses_2d.npz" --truth "$golden/poses_3d.npz"
    evaluates "a limit" 2 'and no --limit' "$model" --limit 3
    evaluates "a model of pictures" 1 'but a deit takes pictures' \
        "$root/tests/models/golden/deit_distilled.pth" --heads 3
    mkdir photos
    cp "$golden/rgb8.png" photos
    check "maps of pictures" 1 'takes poses, not pictures' \
        "$vitcod" attention "$model" --data photos -o maps
    check "pictures" 1 'takes poses, not pictures' "$vitcod" classify "$model" "$golden/rgb8.png"
}

run_cases
