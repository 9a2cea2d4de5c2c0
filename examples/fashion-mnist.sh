#!/bin/sh
# ViTCoD from end to end on Fashion-MNIST: a dense DeiT becomes a 90 % sparse one with an
# auto-encoder, is finetuned, evaluated, timed and simulated; beside it, what summaries (not in the
# paper) leave of it without learning. Every number ends up in RUN/result.json, every figure in
# RUN/report.html.
#
#   examples/fashion-mnist.sh [RUN]      (default: runs/fashion-mnist)
#
# FINETUNE_IMAGES=N and FINETUNE_EPOCHS=N finetune on fewer than 40,000 images twice.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
built=$here/build/vitcod
[ -x "$built" ] || built=vitcod # installed
vitcod=${VITCOD:-$built}
data=${FASHION_MNIST:-/usr/share/datasets/fashion-mnist}
model=$here/models/fashion-vit.safetensors
run=${1:-runs/fashion-mnist}
mkdir -p "$run"

step() { printf '\n== %s\n' "$*"; }

step "1. the dense model"
cp "$model" "$run/dense.safetensors"
"$vitcod" info "$model" --json >"$run/info.json"
"$vitcod" eval "$model" --data "$data" --json >"$run/dense.json"

step "2. attention, averaged over 5000 training images"
"$vitcod" attention "$model" --data "$data" --limit 5000 -o "$run/attention.npy" \
    --json >"$run/attention.json"

step "3. prune 90 %, polarize"
"$vitcod" prune "$run/attention.npy" --rule info --sparsity 0.9 -o "$run/mask.npy" \
    --json >"$run/prune.json"
"$vitcod" polarize "$run/mask.npy" --threshold 50 -o "$run/plan.safetensors" --pictures "$run" \
    --json >"$run/polarize.json"
"$vitcod" eval "$model" --plan "$run/plan.safetensors" --data "$data" --json >"$run/pruned.json"

step "4. auto-encoder for Q and K, finetune on the plan"
"$vitcod" autoencoder "$model" --data "$data" --limit 1000 -o "$run/autoencoder.safetensors" \
    --json >"$run/autoencoder.json"
"$vitcod" train --init "$model" --autoencoder "$run/autoencoder.safetensors" \
    --plan "$run/plan.safetensors" --data "$data" --epochs "${FINETUNE_EPOCHS:-2}" \
    --limit "${FINETUNE_IMAGES:-40000}" --warmup-epochs 0.05 --lr 1e-3 --weight-decay 0 --shift 0 \
    --no-test -o "$run/sparse.safetensors" \
    --log "$run/finetune.jsonl" --json >"$run/finetune.json"
"$vitcod" eval "$run/sparse.safetensors" --plan "$run/plan.safetensors" --data "$data" \
    --json >"$run/finetuned.json"

step "5. beside it: 95 % pruned, with summaries and without learning"
"$vitcod" calibrate "$model" --data "$data" --limit 1000 --sparsity 0.95 --summary auto --epochs 0 \
    -o "$run/calibrated.safetensors" --json >"$run/calibrate.json"
"$vitcod" eval "$run/calibrated.safetensors" --data "$data" --json >"$run/calibrated.json"

step "6. time on this CPU, cycles on the accelerator"
"$vitcod" profile "$run/plan.safetensors" --model "$run/sparse.safetensors" \
    --json >"$run/profile.json"
"$vitcod" profile "$model" --json >"$run/profile-dense.json"
"$vitcod" profile "$run/sparse.safetensors" --json >"$run/profile-sparse.json"
"$vitcod" bench "$run/sparse.safetensors" --json >"$run/bench.json"
"$vitcod" simulate "$model" --json >"$run/simulate-dense.json"
"$vitcod" simulate "$run/plan.safetensors" --model "$run/sparse.safetensors" \
    --json >"$run/simulate.json"

step "7. the result"
"$vitcod" report "$run"
"$vitcod" report "$run" -o "$run/report.html"
