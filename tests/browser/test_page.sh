#!/bin/sh
# The report's page in Chromium, driven through chromedriver: see page_test.py. PICTURES=DIR keeps
# photographs.
# shellcheck source=tests/cli.sh
. tests/cli.sh
vitcod=${VITCOD:?}
for program in chromium chromedriver python3; do
    if ! command -v "$program" >/dev/null; then
        echo "skip the page in a browser: no $program (Debian: chromium, chromium-driver, python3)"
        exit 0
    fi
done
tests=$(pwd)/tests/browser
cd "$dir" || exit 1

idx_data
mkdir run
check "train" 0 '' "$vitcod" train --data data --width 12 --depth 2 --heads 3 --batch 16 --epochs 2 --log run/log.jsonl \
    -o run/model.safetensors --json
cp out run/train.json
for step in "eval run/model.safetensors --data data" \
    "attention run/model.safetensors --data data -o run/maps.npy" \
    "prune run/maps.npy --sparsity 0.7 -o run/mask.npy" \
    "polarize run/mask.npy --threshold 6 -o run/plan.safetensors" \
    "profile run/plan.safetensors --model run/model.safetensors --repeats 3" \
    "bench run/model.safetensors --plan run/plan.safetensors --runs 3" \
    "info run/model.safetensors" \
    "simulate run/plan.safetensors --model run/model.safetensors"; do
    # shellcheck disable=SC2086 # words of a command line
    check "$step" 0 '' "$vitcod" $step --json
    cp out "run/${step%% *}.json"
done
check "profile of all" 0 '' "$vitcod" profile run/model.safetensors --repeats 3 --json
cp out run/profile-all.json
check "profile of lengths" 0 '' "$vitcod" profile --arch deit_tiny_patch16_224 --lengths 50,100 --repeats 2 --json
cp out run/lengths.json
check "import the plan" 0 '' "$vitcod" import run/model.safetensors --plan run/plan.safetensors -o one.safetensors
check "compare" 0 '' "$vitcod" compare one.safetensors --json
cp out run/compare.json
printf 'end_to_end: false\naxes:\n  model: one.safetensors\n  lines: [16, 32, 64]\n  macs_per_line: [4, 8]\n' >space.yaml
check "sweep" 0 '' "$vitcod" sweep space.yaml -o run/sweep.jsonl --pareto --json
cp out run/sweep.json
check "report" 0 'figures' "$vitcod" report run -o page.html

nasty='<script>harmed=1<'
mkdir "$nasty"
cp run/maps.npy run/mask.npy "$nasty"
printf '{"verb": "eval", "command": "</script><script>harmed=1</script>", "top1": 3, "<img src=x onerror=harmed=1>": "<b><i>"}' \
    >"$nasty/<img src=x onerror=harmed=1>.json"
check "report of hostile names" 0 'figures' "$vitcod" report "$nasty" -o nasty.html

python3 "$tests/page_test.py" page.html nasty.html ${PICTURES:+"$PICTURES"} || bad=1
exit "$bad"
