#!/bin/sh
# Whether the sources as committed make the same bytes in two folders of different names: program,
# libraries, manual pages, and the wheel of them. Takes as long as two builds.
# usage: tools/reproduce.sh FOLDER
set -eu
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
for copy in here/first elsewhere/of/second; do
    rm -rf "${out:?}/$copy"
    mkdir -p "$out/$copy"
    git archive HEAD | tar -x -C "$out/$copy"
    # shellcheck disable=SC2086 # flags
    (cd "$out/$copy" && cmake -G Ninja -S . -B "built-$(basename "$copy")" ${VC_CMAKE_FLAGS-} &&
        ninja -C "built-$(basename "$copy")" ${VC_JOBS:+-j$VC_JOBS} vitcod libvitcod pages) \
        >"$out/$copy.log"
done
different=0
first=$out/here/first/built-first second=$out/elsewhere/of/second/built-second
for file in vitcod libvitcod.a libvitcod.so pages/man/vitcod-prune.1 \
    pages/completions/vitcod.bash; do
    if cmp "$first/$file" "$second/$file"; then
        echo "$file: the same, $(sha256sum <"$first/$file" | cut -c 1-16)"
    else
        different=1
    fi
done
exit $different
