#!/bin/sh
# Manual pages and completions, from what the program says of its verbs (`vitcod VERB
# --help=table`), docs/vitcod.1.in and docs/man.
# usage: make.sh VITCOD FOLDER
set -eu
vitcod=$1 out=$2
here=$(cd "$(dirname "$0")" && pwd)
docs=$here/../../docs
version=$("$vitcod" --version | sed 's/^vitcod //')
date=$(sed -n '1s/^\.TH VITCOD 1 "\([^"]*\)".*/\1/p' "$docs/vitcod.1.in")
tables=$(mktemp -d)
trap 'rm -rf "$tables"' EXIT
rm -rf "$out/man" "$out/completions"
mkdir -p "$out/man" "$out/completions"

verbs=$("$vitcod" --help | sed -n 's/^  \([a-z][a-z]*\)  *.*/\1/p')
for verb in $verbs; do
    "$vitcod" "$verb" --help=table >"$tables/$verb"
    more=$docs/man/$verb.roff
    [ -f "$more" ] || more=/dev/null
    awk -v version="$version" -v date="$date" -v more="$more" -f "$here/manual.awk" \
        "$tables/$verb" "$more" >"$out/man/vitcod-$verb.1"
done
# shellcheck disable=SC2086 # names of verbs
set -- $verbs
for shell in bash zsh fish; do
    (cd "$tables" && awk -v shell=$shell -v version="$version" -f "$here/completion.awk" "$@") |
        cat - "$here/completion.$shell" >"$out/completions/vitcod.$shell"
done

"$vitcod" --help | sed -n 's/^  \([a-z][a-z]*\)  *\(.*\)/.TP\n.BR vitcod\\-\1 (1)\n\2/p' \
    >"$tables/@list"
sed -e "s/@PROJECT_VERSION@/$version/" -e "/^@VERBS@\$/{r $tables/@list
    d
}" "$docs/vitcod.1.in" >"$out/man/vitcod.1"
