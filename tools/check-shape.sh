#!/bin/sh
# The shape of the code: how long lines, functions and files may be. Each limit is a line at the
# end.
# shellcheck disable=SC2317 # functions are called by their names, through at_most and wanted
# usage: tools/check-shape.sh
set -eu
cd "$(dirname "$0")/.."
functions=$(mktemp)
found=$(mktemp)
trap 'rm -f "$functions" "$found"' EXIT

# What people write, leaving aside what a build makes.
texts() {
    find . -name .git -prune -o -name 'build*' -type d -prune -o -type f \
        \( -name '*.c' -o -name '*.h' -o -name '*.def' -o -name '*.sh' -o -name '*.py' \
        -o -name '*.awk' -o -name '*.md' -o -name '*.cmake' -o -name '*.yaml' -o -name Makefile \
        -o -name CMakeLists.txt \) -print | sort
}

# Markdown cannot break a table's row or an address, so tables are left aside and an address counts
# for nothing. A character of several bytes is one column.
long_lines() {
    # shellcheck disable=SC2046 # names without spaces
    LC_ALL=C awk -v most="$1" '
        FILENAME ~ /\.md$/ && /^[ ]*\|/ { next }
        { line = $0; gsub(/https?:[^ )>]*/, "", line); gsub(/[\200-\277]/, "", line) }
        length(line) > most { print FILENAME ":" FNR ": a line of " length(line) " columns" }
    ' $(texts)
}

long_functions() {
    awk -v most="$1" '$4 > most { print $1 ":" $2 ": " $3 " has " $4 " lines" }' "$functions"
}

# Prints nothing while there are few enough of them. Stubs have the parameters of what they stand
# for.
many_parameters() {
    awk '$5 > 8 && $1 !~ /_stub\.[ch]$/ { print $1 ":" $2 ": " $3 " has " $5 " parameters" }' \
        "$functions" |
        awk -v most="$1" '{ line[NR] = $0 }
            END { for (i = 1; NR > most && i <= NR; i++) print line[i] }'
}

# long_files FOLDER MOST
long_files() {
    find "$1" -name '*.[ch]' -exec wc -l {} \; |
        awk -v most="$2" '$1 > most { print $2 ": " $1 " lines" }'
}

# long_rooms FOLDER MOST
long_rooms() {
    find "$1" -name '*.[ch]' -exec cat {} + |
        awk -v room="$1" -v most="$2" 'END { if (NR > most) print room ": " NR " lines in all" }'
}

# A family of models is known to its own files and to the list of families alone.
named_families() {
    grep -rnE '\bVC_(DEIT|LEVIT)' src include |
        grep -vE '^(src/models/(deit|levit|registry)|include/vitcod/(deit|levit)\.h)' || true
}

# Without memory jansson goes on, and says so by return values at best.
unchecked_json() {
    changes='object_(set(_new)?\(|update)|array_(app|ins|ext)'
    grep -rnE "\\bjson_($changes|dump|load[bs_]|copy|deep_copy)" src |
        grep -vE '^src/core/(json|record_(json|schema))\.c' || true
}

bad=0
echo 1..1
# at_most WHAT COMMAND...: the command prints a line for each place that goes beyond the limit.
at_most() {
    what=$1
    shift
    "$@" >"$found"
    [ -s "$found" ] || return 0
    cat "$found"
    echo "$(wc -l <"$found") places beyond the limit: $what"
    bad=1
}
# The same, for a limit that does not hold yet: a count is printed, and nothing fails.
wanted() {
    what=$1
    shift
    "$@" >"$found"
    [ ! -s "$found" ] || echo "not yet ($(wc -l <"$found") places): $what"
}

find src include tests bench -name '*.[ch]' -exec awk -f tools/functions.awk {} + >"$functions"
if [ "$(wc -l <"$functions")" -lt 1000 ]; then
    echo "not ok tools/functions.awk finds too few functions: is the code laid out by clang-format?"
    exit 1
fi

at_most "100 columns in a line" long_lines 100
at_most "80 lines in a function" long_functions 80
at_most "10 functions of more than 8 parameters" many_parameters 10
at_most "450 lines in a source" long_files src 450
at_most "300 lines in a file of src/cli" long_files src/cli 300
at_most "9500 lines in src/cli" long_rooms src/cli 9500
at_most "jansson's own where vc_json_ has the same" unchecked_json
at_most "a family's name outside its files and the registry" named_families

if [ "$bad" -eq 0 ]; then echo "ok shape"; else echo "not ok shape"; fi
exit "$bad"
