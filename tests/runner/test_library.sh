#!/bin/sh
# libvitcod as a program outside meets it: installed, found by pkg-config, only vc_* to be seen.
# shellcheck source=tests/cli.sh
. tests/cli.sh
build=$(dirname "$vitcod")

setup() {
    check "install" 0 '' cmake --install "$build" --prefix "$dir"
}

# Paths in vitcod.pc are those of the prefix that was configured.
flags() {
    PKG_CONFIG_PATH=$(dirname "$(find "$dir" -name vitcod.pc)") \
        pkg-config --define-variable=prefix="$dir" "$@" vitcod
}

case_a_program_outside() {
    cat >outside.c <<'END'
#include <stdio.h>
#include <vitcod/vitcod.h>

int main(void)
{
    printf("%s, %s\n", VC_VERSION, vc_threads_count() > 0 ? "threads" : "none");
    return 0;
}
END
    version=$("$vitcod" --version | sed 's/^vitcod //')
    sanitizers=
    grep -q '^VC_SANITIZE:BOOL=ON' "$build/CMakeCache.txt" &&
        sanitizers=-fsanitize=address,undefined # the library calls them
    check "pkg-config knows the version" 0 "^$version$" flags --modversion
    # shellcheck disable=SC2046,SC2086 # flags are meant to be split
    check "it links" 0 '' gcc $sanitizers $(flags --cflags) -o outside outside.c $(flags --libs)
    check "it runs" 0 "^$version, threads$" ./outside
    check "the man page has the version" 0 '' \
        grep -q "^\.TH VITCOD 1 .*\"vitcod $version\"" "$(find . -name vitcod.1)"
}

# What people start from: files of chips, memories and recipes, the demo, the pages.
case_what_is_beside_it() {
    share=$(find "$dir" -type d -path '*/share/vitcod')
    for file in configs/accelerators/prune.yaml configs/memory/hbm2.yaml \
        configs/train/deit-vitcod.yaml examples/sweep.yaml models/fashion-vit.safetensors; do
        check "$file" 0 '' test -f "$share/$file"
    done
    check "the demo can be run" 0 '' test -x "$share/examples/fashion-mnist.sh"
    check "a chip's file" 0 'end to end' \
        "$vitcod" simulate --arch levit_128s --chip "$share/configs/accelerators/prune.yaml"
    check "the pages" 0 '' test -f "$share/../doc/vitcod/comparison.md"
}

case_symbols() {
    "$root/tools/symbols.sh" "$(find . -name libvitcod.a)" >symbols
    check "as listed: make symbols" 0 '' diff "$root/docs/symbols.txt" symbols
    check "all of them are vc_*" 1 '' grep -v '^vc_[^_]' symbols
    # shellcheck disable=SC2013 # names without spaces
    for symbol in $(cat symbols); do
        grep -qw "$symbol" "$root"/include/vitcod/* || failed "$symbol" "no door declares it"
    done
}

run_cases
