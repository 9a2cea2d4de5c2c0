#!/bin/sh
# Maps, masks and plans as files: how masks are made, what forms files may have.
# shellcheck source=tests/cli.sh
. tests/cli.sh
shared=${VITCOD_SHARED:-$root/../shared}/data/vitcod-masks

# rows VALUE FILE: maps (1, 1, 21, 21) of one value, which four bytes in octal say
rows() {
    { printf '\223NUMPY\001\000\166\000%-117s\n' \
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 21, 21), }"
      i=0
      while [ $i -lt 441 ]; do
          printf '%b' "$1"
          i=$((i + 1))
      done
    } >"$2"
}
setup() { rows '\0315\0314\0114\0075' equal.npy; } # 0.05

# The last bytes of a mask: its last row, of 21.
last_row() { check "$1" 0 "^ *$2\$" sh -c "tail -c 21 $3 | od -An -v -t u1 -w21"; }

case_ties() {
    check "as the published masks" 0 'ratio, share of each row 0.900000' \
        "$vitcod" prune equal.npy --rule ratio --info 0.9 --no-keep-class-token -o numpy.npy
    holds "said" "21 rows prune some of several equal scores: which, goes as in NumPy's unstable"
    last_row "in the middle" '1   1   1   1   1   1   1   1   1   0 .* 1   0' numpy.npy
    check "stable" 0 '"tied_rows": 21' "$vitcod" prune equal.npy --rule ratio --info 0.9 \
        --no-keep-class-token --ties stable -o stable.npy --json
    holds "their name" '"ties": "stable"' '"rule": "ratio"' '"class_token_kept": false'
    last_row "at the end" '1 .* 1   0   0' stable.npy
    check "no rule of ranks" 0 '"tied_rows": 0' \
        "$vitcod" prune equal.npy --rule threshold --info 0.04 -o x.npy --json
    check "another name" 2 "--ties is 'later', wanted numpy or stable" \
        "$vitcod" prune equal.npy --info 0.5 --ties later -o y.npy
    absent "nothing written" y.npy
}

case_class_token() {
    check "info spares it" 0 '"class_token_kept": true' \
        "$vitcod" prune equal.npy --info 0.5 -o x.npy --json
    for rule in std random; do
        check "$rule does not" 0 '"class_token_kept": false' \
            "$vitcod" prune equal.npy --rule "$rule" --info 0.5 -o x.npy --json
        check "unless asked to" 0 '"class_token_kept": true' \
            "$vitcod" prune equal.npy --rule "$rule" --info 0.5 --keep-class-token -o x.npy --json
    done
    check "rows that would be empty" 0 '^  21 rows would be empty: they keep their highest score' \
        "$vitcod" prune equal.npy --rule ratio --info 1 --no-keep-class-token -o x.npy
}

# Through the program: the groups of a LeViT at once.
case_published() {
    [ -d "$shared" ] || skip "$shared is not there"
    for cuts in 0.6:0.79,2,2,2,2 0.9:0.46,0.74,0.5,0.70,0.92; do
        check "LeViT-128 at ${cuts%:*}" 0 'pruned by rule info, info cut for each group' \
            "$vitcod" prune "$shared/levit_128_lowrank/attn" --info "${cuts#*:}" -o masks
        for group in dpt0 subsample0 dpt1 subsample1 dpt2; do
            check "$group" 0 '' cmp "masks/mask_$group.npy" \
                "$shared/levit_128_lowrank/masks/${cuts%:*}/mask_$group.npy"
        done
    done
}

# What ViTCoD's own simulator reads.
case_vitcod_files() {
    check "mask" 0 '' "$vitcod" prune equal.npy --rule ratio --info 0.5 -o info_0.5.npy
    check "export" 0 'entries in the denser part' \
        "$vitcod" polarize info_0.5.npy --threshold 15 --export vitcod -o theirs
    check "two files" 0 '^2$' sh -c "find theirs -type f | wc -l"
    check "plan" 0 '' "$vitcod" polarize info_0.5.npy --threshold 15 -o plan
    check "read" 0 "tokens are numbered in the plan's order" \
        "$vitcod" polarize theirs/reodered_info_0.5.npy -o back
    for plan in plan back; do
        check "simulated" 0 'attention: ' "$vitcod" simulate $plan --head-dim 8
        grep '^attention: ' "$out" >$plan.txt
    done
    check "the same cycles" 0 '' cmp plan.txt back.txt
    check "another format" 2 "--export is 'npy', wanted vitcod" \
        "$vitcod" polarize info_0.5.npy --export npy -o x
    check "a residual" 2 'no room for a --residual' \
        "$vitcod" polarize info_0.5.npy --export vitcod --residual equal.npy -o x
    check "a threshold" 1 'is polarized already' \
        "$vitcod" polarize theirs/reodered_info_0.5.npy --threshold 3 -o x
    mv theirs/global_token_info_0.5.npy elsewhere.npy
    check "no counts" 1 'global_token_info_0.5.npy: cannot open' \
        "$vitcod" polarize theirs/reodered_info_0.5.npy -o x
    absent "nothing written" x
}

case_search() {
    check "mask" 0 '' "$vitcod" prune equal.npy --rule ratio --info 0.8 -o mask.npy
    check "what it means" 0 'global is a token that more than [0-9]* of 21 queries keep' \
        "$vitcod" polarize mask.npy --threshold auto -o plan
    check "as JSON" 0 '"queries": 21' "$vitcod" polarize mask.npy --threshold auto -o plan --json
}

run_cases
