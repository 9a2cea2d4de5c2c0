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
    cp "$out" said.txt
    check "a decoder's sums and cycles" 0 '3 cycles, 0 apart; 0 sums differ' cat said.txt
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

case_area() {
    area=$root/rtl/area.py
    check "no Yosys" 1 'none-of-it was not found, wanted Yosys' "$area" "$built" --yosys none-of-it
    check "no library" 1 'nowhere.lib was not found, wanted a library of cells' \
        "$area" "$built" --yosys true --liberty nowhere.lib
    echo 'library(none) {}' >none.lib
    check "a library without a NAND" 1 'none.lib has no cell NAND2X1' \
        "$area" "$built" --yosys true --liberty none.lib
    check "a module that is none" 2 "invalid choice: 'line'" "$area" "$built" --module line
    check "a page of a part" 1 'wanted it without --module' \
        "$area" "$built" --module share --page none.md
    check "a page without marks" 1 'none.lib has no .*area' \
        "$area" "$built" --yosys true --page none.lib
    library=/usr/share/qflow/tech/osu018/osu018_stdcells.lib
    command -v yosys >/dev/null && [ -f "$library" ] || return 0
    check "a module" 0 'share. .* 16 | [0-9,]* | 0 | ' "$area" "$built" --module share
    check "one that takes long" 0 'did not finish in 1 s' \
        "$area" "$built" --module exp_power --seconds 1
    check "one that can't be tried" 0 'no fixed number of rounds' "$area" "$built" --module dma
}

run_cases
