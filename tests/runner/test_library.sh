#!/bin/sh
# libvitcod as a program outside meets it: installed, found by pkg-config, only vc_* to be seen.
# shellcheck source=tests/cli.sh
. tests/cli.sh
CASE_SECONDS=${CASE_SECONDS:-400}
built=$(dirname "$vitcod")
version=$("$vitcod" --version | sed 's/^vitcod //')
major=${version%%.*}
sanitizers=
grep -q '^VC_SANITIZE:BOOL=ON' "$built/CMakeCache.txt" &&
    sanitizers=-fsanitize=address,undefined # the library calls them

setup() {
    check "install" 0 '' cmake --install "$built" --prefix "$dir"
}

# Paths in vitcod.pc are those of the prefix that was configured.
flags() {
    PKG_CONFIG_PATH=$(dirname "$(find "$dir" -name vitcod.pc)") \
        pkg-config --define-variable=prefix="$dir" "$@" vitcod
}

# with_library COMMAND..: finds the shared library where it is installed
with_library() {
    LD_LIBRARY_PATH=$(dirname "$(find "$dir" -name libvitcod.so)") "$@"
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
    check "pkg-config knows the version" 0 "^$version$" flags --modversion
    # shellcheck disable=SC2046,SC2086 # flags are meant to be split
    check "it links" 0 '' gcc $sanitizers $(flags --cflags) -o outside outside.c $(flags --libs)
    check "it runs" 0 "^$version, threads$" with_library ./outside
    check "on the shared library" 0 "libvitcod.so.$major => $dir" with_library ldd ./outside
    # shellcheck disable=SC2046,SC2086
    check "it links statically" 0 '' gcc $sanitizers $(flags --cflags) -o static outside.c \
        $(flags --static --libs | sed 's/-lvitcod/-l:libvitcod.a/')
    check "that runs" 0 "^$version, threads$" ./static
    check "without the shared library" 1 '' sh -c 'ldd ./static | grep vitcod'
    check "the man page has the version" 0 '' \
        grep -q "^\.TH VITCOD 1 .*\"vitcod $version\"" "$(find . -name vitcod.1)"
    for file in man/man1/vitcod-prune.1 bash-completion/completions/vitcod \
        zsh/site-functions/_vitcod fish/vendor_completions.d/vitcod.fish; do
        check "$file" 0 '' test -s "share/$file"
    done
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

# Every door on its own, and all of them in a program of C++ that calls the library.
case_cplusplus() {
    for door in "$root"/include/vitcod/*.h; do
        check "$(basename "$door")" 0 '' g++ -std=c++17 -Wall -Wextra -Wpedantic -Werror \
            -fsyntax-only -x c++ -I"$root/include" "$door"
        [ "$(basename "$door")" = vitcod.h ] ||
            check "$(basename "$door") has C's names" 0 '' grep -q '^extern "C" {$' "$door"
    done
    cat >outside.cpp <<'END'
#include <cstdio>
#include <vitcod/vitcod.h>

int main()
{
    vc_mask mask{};
    const vc_status status = vc_mask_read(&mask, "absent.npy");
    std::printf("%s: %s\n", vc_status_name(status), vc_last_error());
}
END
    # shellcheck disable=SC2046,SC2086
    check "it links" 0 '' g++ -std=c++17 -Wall -Wextra -Wpedantic -Werror $sanitizers \
        $(flags --cflags) -o outside outside.cpp $(flags --libs)
    check "it runs" 0 '^EIO: .*absent.npy' with_library ./outside
}

# examples/c, found by CMake: a picture to logits, a mask to cycles.
case_examples() {
    pictures=$root/tests/data/golden model=$root/models/fashion-vit.safetensors
    check "configure" 0 '' cmake -G Ninja -S "$root/examples/c" -B examples \
        -DCMAKE_PREFIX_PATH="$dir" -DCMAKE_C_FLAGS="-Wall -Wextra -Werror $sanitizers"
    check "build" 0 '' ninja -C examples
    mkdir -p pictures/one
    cp "$pictures"/grey.jpg "$pictures"/grey_progressive.jpg pictures/one
    check "maps" 0 '' "$vitcod" attention "$model" --data pictures -o maps.npy
    check "mask" 0 '' "$vitcod" prune maps.npy --sparsity 0.8 -o mask.npy

    picture=$pictures/grey.jpg
    check "logits" 0 '^9 ' examples/jpeg_to_logits "$model" "$picture" mask.npy
    # softmax of the logits, against what the program says
    awk '{ logit[$1] = $2; sum += exp($2) }
        END { for (c in logit) printf "%.4f %d\n", exp(logit[c]) / sum, c }' "$out" |
        sort -rn | head -n 3 >of_example
    "$vitcod" classify "$model" "$picture" --mask mask.npy --top 3 --json |
        awk '/"class"/ { class = $2 + 0 } /"probability"/ { printf "%.4f %d\n", $2, class }' \
            >of_program
    check "the program's" 0 '' diff of_program of_example
    check "a damaged picture" 1 '^broken.jpg: ' sh -c \
        "head -c 200 '$picture' >broken.jpg; examples/jpeg_to_logits '$model' broken.jpg"

    check "cycles" 0 '^mask.npy: 20\.[0-9]* % of the entries kept' examples/mask_to_cycles mask.npy
    # of the timeline as a whole, which comes first
    "$vitcod" polarize mask.npy --threshold 50 -o plan.safetensors >polarized
    cycles=$("$vitcod" simulate plan.safetensors --head-dim 64 --json |
        awk '/"cycles"/ { print $2 + 0; exit }')
    check "the program's" 0 " $cycles cycles" examples/mask_to_cycles mask.npy
    check "no mask" 1 '^plan.safetensors: ' examples/mask_to_cycles plan.safetensors
}

case_symbols() {
    "$root/tools/symbols.sh" "$(find . -name libvitcod.a)" >symbols
    check "as listed: make symbols" 0 '' diff "$root/docs/symbols.txt" symbols
    check "all of them are vc_*" 1 '' grep -v '^vc_[^_]' symbols
    # shellcheck disable=SC2013 # names without spaces
    for symbol in $(cat symbols); do
        grep -qw "$symbol" "$root"/include/vitcod/* || failed "$symbol" "no door declares it"
    done
    shared=$(find . -name "libvitcod.so.$version")
    "$root/tools/symbols.sh" -D "$shared" >of_shared
    check "the shared library has the same" 0 '' diff symbols of_shared
    check "its name" 0 "SONAME.*\[libvitcod.so.$major\]" readelf -d "$shared"
}

run_cases
