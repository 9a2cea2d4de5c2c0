#!/bin/sh
# Whether the sources as committed make the same bytes in two folders of different names: tarball,
# program, libraries, manual pages, the wheel of them, and Debian packages where there is
# dpkg-buildpackage. Takes as long as four builds.
# usage: tools/reproduce.sh FOLDER
# VC_CMAKE_FLAGS: further flags of CMake; VC_JOBS: how many compilers at a time
set -eu
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
commit=$(git rev-parse HEAD) # which may move meanwhile
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct "$commit")
export SOURCE_DATE_EPOCH

make_all() {
    tools/dist.sh made
    # shellcheck disable=SC2086 # flags
    cmake -G Ninja -S . -B "$1" ${VC_CMAKE_FLAGS-}
    ninja -C "$1" ${VC_JOBS:+-j$VC_JOBS} vitcod libvitcod vitcod_shared pages
    PYTHONPATH=python python3 -B -c \
        'import sys, build_backend; build_backend.build_wheel("made", {"build": sys.argv[1]})' "$1"
    ! command -v dpkg-buildpackage || tools/package.sh made/packages
    cp "$1/vitcod" "$1/libvitcod.a" "$1/libvitcod.so" made
    cp -r "$1/pages" made
}

for copy in here/first elsewhere/of/second; do
    rm -rf "${out:?}/$copy"
    mkdir -p "$out/$(dirname "$copy")"
    git clone -q . "$out/$copy"
    git -C "$out/$copy" checkout -q --detach "$commit"
    name=$(basename "$copy")
    (cd "$out/$copy" && make_all "built-$name") >"$out/$name.log" 2>&1 || {
        tail "$out/$name.log"
        exit 1
    }
done

# What was built from is not among what was made; .buildinfo and .changes say where and when.
listed() {
    (cd "$1" && find . -type f -not -path './packages/vitcod-*' -not -name '*.buildinfo' \
        -not -name '*.changes' | sort)
}
first=$out/here/first/made second=$out/elsewhere/of/second/made
listed "$first" >"$out/first.list"
listed "$second" >"$out/second.list"
cmp "$out/first.list" "$out/second.list"
different=0
while read -r file; do
    if cmp "$first/$file" "$second/$file"; then
        echo "${file#./}: the same, $(sha256sum <"$first/$file" | cut -c 1-16)"
    else
        different=1
    fi
done <"$out/first.list"
exit $different
