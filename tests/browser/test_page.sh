#!/bin/sh
# The report's page in Chromium, driven through chromedriver: see page_test.py. PICTURES=DIR keeps
# photographs.
# shellcheck source=tests/cli.sh
. tests/cli.sh

wants_browser() {
    for program in chromium chromedriver python3; do
        command -v "$program" >/dev/null ||
            skip "no $program (Debian: chromium, chromium-driver, python3)"
    done
}

# page.html of a run with every kind of figure
make_page() {
    idx_data
    mkdir run
    check "train" 0 '' "$vitcod" train --data data --width 12 --depth 2 --heads 3 --batch 16 \
        --epochs 2 --log run/log.jsonl -o run/model.safetensors --json
    cp "$out" run/train.json
    for step in "eval run/model.safetensors --data data" \
        "attention run/model.safetensors --data data -o run/maps.npy" \
        "prune run/maps.npy --sparsity 0.7 -o run/mask.npy" \
        "polarize run/mask.npy --threshold 6 -o run/plan.safetensors" \
        "profile run/plan.safetensors --model run/model.safetensors --runs 3" \
        "bench run/model.safetensors --plan run/plan.safetensors --runs 3" \
        "info run/model.safetensors" \
        "simulate run/plan.safetensors --model run/model.safetensors"; do
        # shellcheck disable=SC2086 # words of a command line
        check "$step" 0 '' "$vitcod" $step --json
        cp "$out" "run/${step%% *}.json"
    done
    check "profile of all" 0 '' "$vitcod" profile run/model.safetensors --runs 3 --json
    cp "$out" run/profile-all.json
    check "profile of lengths" 0 '' \
        "$vitcod" profile --arch deit_tiny_patch16_224 --lengths 50,100 --runs 2 --json
    cp "$out" run/lengths.json
    check "import the plan" 0 '' "$vitcod" import run/model.safetensors \
        --plan run/plan.safetensors -o one.safetensors
    check "compare" 0 '' "$vitcod" compare one.safetensors --json
    cp "$out" run/compare.json
    {
        printf 'end_to_end: false\naxes:\n  model: one.safetensors\n'
        printf '  lines: [16, 32, 64]\n  macs_per_line: [4, 8]\n'
    } >space.yaml
    check "sweep" 0 '' "$vitcod" sweep space.yaml -o run/sweep.jsonl --pareto --json
    cp "$out" run/sweep.json
    check "report" 0 'figures' "$vitcod" report run -o page.html
}

# nasty.html of names that would be scripts
make_nasty_page() {
    nasty='<script>harmed=1<'
    mkdir "$nasty"
    cp run/maps.npy run/mask.npy "$nasty"
    printf '{"verb": "eval", "command": "</script><script>harmed=1</script>", "top1": 3, %s}' \
        '"<img src=x onerror=harmed=1>": "<b><i>"' >"$nasty/<img src=x onerror=harmed=1>.json"
    check "report of hostile names" 0 'figures' "$vitcod" report "$nasty" -o nasty.html
}

case_page() {
    wants_browser
    make_page
    make_nasty_page
    check "in a browser" 0 '' python3 "$root/tests/browser/page_test.py" page.html nasty.html \
        ${PICTURES:+"$PICTURES"}
}

run_cases
