#!/bin/sh
# The schemas of docs/schema are those of the program, and the checker finds what does not fit.
# shellcheck source=tests/cli.sh
. tests/cli.sh
checker=$(dirname "$vitcod")/tests/check_schema
schemas=$root/docs/schema

setup() {
    cat >good.json <<'END'
{"verb": "prune", "command": "vitcod prune", "version": "0", "threads": 1, "isa": "ref",
 "cpu": "x", "date": "2026-01-31T00:00:00Z", "seed": 0,
 "mask": "m", "rule": "info", "class_token_kept": true, "ties": "numpy", "tied_rows": 0,
 "empty_rows": 0, "rounded": false, "info": 0.5, "sparsity": 0.25, "kept_share": 0.75, "kept": 3}
END
}

case_docs() {
    check "schemas are written" 0 '' "$root/tools/schemas.sh" "$vitcod" schema
    check "docs/schema is up to date: make schemas" 0 '' diff -r "$schemas" schema
    check "a schema's head" 0 'json-schema.org/draft/2020-12' "$vitcod" --schema prune
    holds "title, unit and description" '"title": "vitcod prune --json"' '"description": '
    check "no such command" 2 "unknown command 'prun'" "$vitcod" --schema prun
}

case_what_fits() {
    check "a result that fits" 0 '' "$checker" "$schemas/prune.json" good.json
    sed 's/0.5/[0.5, 1]/; s/"kept"/"group_sparsity": {"dpt0": 0.5}, "kept"/' good.json >groups.json
    check "with groups" 0 '' "$checker" "$schemas/prune.json" groups.json
}

# refused NAME PATTERN SED: what the edit makes of the result does not fit
refused() {
    sed "$3" good.json >other.json
    check "$1" 1 "$2" "$checker" "$schemas/prune.json" other.json
}
case_what_does_not_fit() {
    refused "a key that is missing" '.kept_share: is missing' 's/"kept_share": 0.75, //'
    refused "a key that nobody knows" '.keep: is unknown' 's/"kept"/"keep": 1, "kept"/'
    refused "another type" '.kept: has another type' 's/3}/3.5}/'
    refused "below zero" '.kept: is too small' 's/3}/-3}/'
    refused "no variant" '.info: fits none of its variants' 's/0.5/true/'
    refused "a type inside" '.group_sparsity.dpt0: has another type' \
        's/"kept"/"group_sparsity": {"dpt0": "x"}, "kept"/'
    refused "a type in a list" '.info: fits none' 's/0.5/["x"]/'
}

run_cases
