#!/bin/sh
# RTL on a chip of four lines against the simulator: `make test-rtl` has the rest.
# shellcheck source=tests/cli.sh
. tests/cli.sh
CASE_SECONDS=${CASE_SECONDS:-580}
built=$(dirname "$vitcod")

case_small() {
    command -v verilator >/dev/null || skip "no verilator (Debian: verilator)"
    grep -q '^VC_SANITIZE:BOOL=ON' "$built/CMakeCache.txt" && skip "RTL has no sanitizer"
    check "bits and cycles" 0 ', 0 differ; 0 times of phases and layers differ' \
        "$root/rtl/cosim.py" "$built" small
    small=$built/rtl/small
    check "a layer's cycles" 0 '^cycle,phases over' \
        "$small/chip0/made/tb" "$small/0.safetensors" --timeline 1
    cp "$out" layer.csv
    check "the same layer's trace" 0 'attention' "$vitcod" simulate --mask "$small/small.npy" \
        --threshold 6 --head-dim 16 --chip "$small/small.yaml" --layers 1 --trace layer.json
    check "a picture of both" 0 '' "$root/rtl/timeline.py" layer.csv layer.json layer.svg
    check "its tracks" 0 'simulator: softmax' cat layer.svg
    check "a layer that is not there" 1 'has no layer 2' \
        "$small/chip0/made/tb" "$small/0.safetensors" --timeline 2
    check "a word that is no option" 1 'usage: tb' \
        "$small/chip0/made/tb" "$small/0.safetensors" --phase
}

run_cases
