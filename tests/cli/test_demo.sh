#!/bin/sh
# The demo's figures: the dense model, pruned by 90 %, finetuned with an auto-encoder; and pruned by
# 95 % with summaries.
# shellcheck source=tests/cli.sh
. tests/cli.sh
CASE_SECONDS=${CASE_SECONDS:-500}
data=${FASHION_MNIST:-/usr/share/datasets/fashion-mnist}

# within NAME FILE LEAST MOST: the first top-1 of a result
within() {
    figure=$(sed -n 's/.*"top1": \([0-9.]*\).*/\1/p' "$2" | head -n 1)
    echo "$figure" >"$out"
    awk -v x="$figure" -v least="$3" -v most="$4" 'BEGIN { exit !(x >= least && x <= most) }' ||
        failed "$1" "wanted $3 to $4"
}

# Nothing is drawn at random before finetuning: AVX2 and AVX-512 give the same 91.07 and 60.75 %,
# and the bounds leave room for two images whose classes are all but equal, and for ten when pruned.
# The demo finetunes on 40,000 images twice and comes to 89.9 to 90.2 %, as the seed draws the order
# of the images and which of them are mirrored. Here it is 10,000 images once: 88.54 % on either
# instruction set. Seeds 1 and 2 give 88.29 and 88.50 %, and where another stream mirrors, seeds 0
# to 2 give 88.48, 88.23 and 88.15 %: 88.4 % with a standard deviation of 0.16. The bounds are three
# of those away.
#
# With summaries and without learning it is 89.51 %. Which summaries each layer has is chosen among
# some that are nearly as good, so the bounds are wide: 0.6 points below, and the dense model above.
case_figures() {
    [ -d "$data" ] || skip "no Fashion-MNIST in $data (Debian: dataset-fashion-mnist)"
    check "the demo" 0 'top-1, pruned + auto-encoder' \
        env FINETUNE_IMAGES=10000 FINETUNE_EPOCHS=1 "$root/examples/fashion-mnist.sh" run
    within "dense" run/dense.json 91.05 91.09
    within "pruned" run/pruned.json 60.65 60.85
    within "finetuned" run/finetuned.json 87.9 88.85
    within "with summaries" run/calibrated.json 88.9 91.0
    check "a page of all" 0 '<title>' grep -o -m 1 '<title>' run/report.html
    check "its first screen" 0 'points</p>' \
        grep -o -m 1 '<p class="big">.* points</p>' run/report.html
    check "has no gap" 1 '' grep 'class="none">Needs' run/report.html
}

run_cases
