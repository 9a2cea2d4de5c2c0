#!/bin/sh
# The schemas of docs/schema are those of the program, and the checker finds what does not fit.
# shellcheck source=tests/cli.sh
. tests/cli.sh
vitcod=${VITCOD:?}
root=$(pwd)
checker=$(dirname "$vitcod")/tests/check_schema

check "schemas are written" 0 '' tools/schemas.sh "$vitcod" "$dir/schema"
check "docs/schema is up to date: make schemas" 0 '' diff -r docs/schema "$dir/schema"
check "a schema's head" 0 'json-schema.org/draft/2020-12' "$vitcod" --schema prune
holds "title, unit and description" '"title": "vitcod prune --json"' '"description": '
check "no such command" 2 "unknown command 'prun'" "$vitcod" --schema prun

cat >"$dir/good.json" <<'END'
{"verb": "prune", "command": "vitcod prune", "version": "0", "threads": 1, "isa": "ref", "seed": 0,
 "mask": "m", "info": 0.5, "sparsity": 0.25, "kept_share": 0.75, "kept": 3}
END
# refused NAME PATTERN SED: what the edit makes of the result does not fit
refused() {
    sed "$3" "$dir/good.json" >"$dir/other.json"
    check "$1" 1 "$2" "$checker" "$root/docs/schema/prune.json" "$dir/other.json"
}
check "a result that fits" 0 '' "$checker" docs/schema/prune.json "$dir/good.json"
sed 's/0.5/[0.5, 1]/; s/"kept"/"group_sparsity": {"dpt0": 0.5}, "kept"/' "$dir/good.json" >"$dir/groups.json"
check "with groups" 0 '' "$checker" docs/schema/prune.json "$dir/groups.json"
refused "a key that is missing" '.kept_share: is missing' 's/"kept_share": 0.75, //'
refused "a key that nobody knows" '.keep: is unknown' 's/"kept"/"keep": 1, "kept"/'
refused "another type" '.kept: has another type' 's/3}/3.5}/'
refused "below zero" '.kept: is too small' 's/3}/-3}/'
refused "no variant" '.info: fits none of its variants' 's/0.5/true/'
refused "a type inside" '.group_sparsity.dpt0: has another type' 's/"kept"/"group_sparsity": {"dpt0": "x"}, "kept"/'
refused "a type in a list" '.info: fits none' 's/0.5/["x"]/'
exit $bad
