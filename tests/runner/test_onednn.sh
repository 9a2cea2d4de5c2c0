#!/bin/sh
# Which oneDNN is built with: version 2 and 3, by the headers that lie beside the library that was
# named. With one of version 3 in VITCOD_ONEDNN3 (tools/install-deps.sh --onednn=3 FOLDER) what
# calls it is compiled too, and run.
# shellcheck source=tests/cli.sh
. tests/cli.sh
varying=everything
CASE_SECONDS=300

# beside VERSION: a folder with headers of that version, and a library
beside() {
    mkdir -p "$1/include/oneapi/dnnl" "$1/lib"
    printf '#define DNNL_VERSION_MAJOR %s\n#define DNNL_VERSION_MINOR %s\n' "${1%.*}" "${1#*.}" \
        >"$1/include/oneapi/dnnl/dnnl_version.h"
    ln -s "$(sed -n 's/^DNNL:FILEPATH=//p' "$(dirname "$vitcod")/CMakeCache.txt")" \
        "$1/lib/libdnnl.so"
}

configure() { cmake -G Ninja -S "$root" -B "$dir/build" -DVC_MPI=OFF -DDNNL="$1/lib/libdnnl.so"; }

case_versions() {
    beside 3.2
    check "3.2" 0 "oneDNN 3.2: .*3.2/lib/libdnnl.so" configure "$dir/3.2"
    check "its headers" 0 "isystem .*3.2/include" ninja -C build -t commands libvc_kernels.a
    rm -r build
    beside 4.0
    check "4.0" 1 "version '4.0' of oneDNN, wanted 2 or 3" configure "$dir/4.0"
}

case_version_3_is_built() {
    [ -n "${VITCOD_ONEDNN3:-}" ] || skip "no oneDNN 3: VITCOD_ONEDNN3 is not set"
    check "configured" 0 'oneDNN 3' configure "$VITCOD_ONEDNN3"
    check "built" 0 '' ninja -C build tests/test_product tests/test_half
    check "products" 0 'PASSED' build/tests/test_product
    check "in half the bits" 0 'PASSED' build/tests/test_half
}

run_cases
