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
      while [ "$i" -lt 441 ]; do
          printf '%b' "$1"
          i=$((i + 1))
      done
    } >"$2"
}
setup() { rows '\0315\0314\0114\0075' equal.npy; } # 0.05

# The last bytes of a mask: its last row, of 21.
last_row() { check "$1" 0 "^ *$2\$" sh -c "tail -c 21 $3 | od -An -v -t u1 -w21"; }

# lacks NAME PATTERN...: the last output has none of them
lacks() {
    name=$1
    shift
    for pattern; do
        ! grep -q -- "$pattern" "$out" || failed "$name" "'$pattern'"
    done
}

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
        check "simulated" 0 'attention: ' "$vitcod" simulate "$plan" --head-dim 8
        grep '^attention: ' "$out" >"$plan.txt"
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

# What a file around attention holds, and what is none of them.
case_info() {
    masks='s/^\(cpu\|date\|isa\|threads\|version\),.*/\1,#/'
    rows '\0000\0000\0200\0077' ones.npy
    rows '\0000\0000\0200\0277' minus.npy
    check "maps" 0 '^equal.npy: averaged attention, F32, 1 layer$' "$vitcod" info equal.npy
    holds "its rows" 'rows add up to 1.05 to 1.05, those of averaged attention to 1' 'in 21 rows'
    check "as JSON" 0 '"tied_rows": 21' "$vitcod" info equal.npy --json
    lacks "what masks have" '"sparsity"' '"kept"' '"plan_hash"'
    check "mask" 0 '' "$vitcod" prune equal.npy --rule ratio --info 0.8 -o mask.npy
    check "of it" 0 '^mask.npy: mask, BOOL, 1 layer$' "$vitcod" info mask.npy
    holds "sparsity" '^    0 *1 *21 *21 *[0-9.]* % *0$' 'entries kept, plan [0-9a-f]*$'
    check "as JSON" 0 '"empty_rows": 0' "$vitcod" info mask.npy --json
    holds "all of it" '"kind": "mask"' '"array_dtype": "BOOL"' '"queries": 21' '"plan_hash"'
    check "of floats" 0 '^21 rows keep no entry' "$vitcod" info ones.npy
    lacks "no model can have it" 'plan '
    check "plan" 0 '' "$vitcod" polarize mask.npy --threshold 5 -o plan
    check "of it" 0 '^plan: plan, kept entries alone, 1 layer$' "$vitcod" info plan
    holds "threshold" '^threshold 5 of 21 queries, plan [0-9a-f]*$' '^  layer  0: '
    check "as CSV" 0 '^method,kept entries alone,$' "$vitcod" info plan --csv
    holds "layers" '^layers$' '^group,heads,queries,keys,sparsity,least_global_tokens,' \
        '^,1,21,21,0[.]'
    check "as JSON" 0 '"threshold": 5' "$vitcod" info plan --json
    check "residual" 0 '' \
        "$vitcod" polarize mask.npy --threshold 5 --residual equal.npy -o residual
    check "said" 0 'plan, with a residual' "$vitcod" info residual
    check "ViTCoD's" 0 '' "$vitcod" polarize mask.npy --export vitcod -o theirs
    check "is a plan" 0 'reodered_mask.npy: plan, .*F64' "$vitcod" info theirs/reodered_mask.npy
    check "on stdin" 0 ': mask, BOOL, 1 layer$' sh -c "'$vitcod' info - <mask.npy"
    mkdir groups both
    cp mask.npy groups/dpt0.npy
    check "a folder" 0 '^groups: mask, ' "$vitcod" info groups
    cp mask.npy both/mask_dpt0.npy
    cp equal.npy both/attention_score_dpt0.npy
    check "of both" 1 'both: is a folder of both masks and averaged' "$vitcod" info both
    check "of neither" 1 'theirs: is a folder with neither mask_dpt0.npy nor' "$vitcod" info theirs
    check "counts" 1 "holds ViTCoD's counts of global tokens, wanted the reodered_" \
        "$vitcod" info theirs/global_token_mask.npy
    check "scores" 1 'minus.npy: .* with -1 at flat index 0, wanted averaged' \
        "$vitcod" info minus.npy
    echo '# Masks' >README.md
    check "text" 1 "README.md: is text that begins '# Masks', .*; info takes a plan," \
        "$vitcod" info README.md
    printf '{"epoch":1,"loss":2}\n' >log
    check "a log" 1 'log: is a log of learning, wanted a model, a plan, ' "$vitcod" info log
    check "a plan on a plan" 2 '--plan belongs to a MODEL, which plan is not' \
        "$vitcod" info plan --plan plan
}

run_cases
