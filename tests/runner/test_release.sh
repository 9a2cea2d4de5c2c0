#!/bin/sh
# What a release is made of: flags against attacks, no folder of the build in it, the tarball, the
# bill of materials.
# shellcheck source=tests/cli.sh
. tests/cli.sh
varying=everything
built=$(dirname "$vitcod")

hardened() {
    for_tests='^VC_(SANITIZE|TSAN|COVERAGE|FUZZ):BOOL=ON|^VC_HARDEN:BOOL=OFF'
    ! grep -qE "$for_tests" "$built/CMakeCache.txt" ||
        skip "a build for tests, or one without VC_HARDEN"
}

case_hardened() {
    hardened
    check "it is a PIE" 0 'Type: *DYN' readelf -hW "$vitcod"
    # Debian's own start files have no mark of CET yet, so what is marked are functions.
    for function in main vc_model_open; do
        file=$vitcod
        [ "$function" = main ] || file=$built/libvitcod.so
        check "$file: RELRO" 0 'GNU_RELRO' readelf -lW "$file"
        check "$file: bound when it starts" 0 'BIND_NOW' readelf -dW "$file"
        check "$file: no stack is run" 0 'GNU_STACK.* RW ' readelf -lW "$file"
        check "$file: stacks are guarded" 0 '__stack_chk_fail' nm -D "$file"
        check "$file: FORTIFY" 0 '__memcpy_chk\|__snprintf_chk' nm -D "$file"
        [ "$(uname -m)" != x86_64 ] ||
            check "$file: CET" 0 'endbr64' objdump -d --disassemble="$function" "$file"
    done
}

# The same sources make the same bytes in any folder: none stands in what is built. (Two whole
# builds are compared by tools/reproduce.sh.)
case_no_folders() {
    hardened
    for file in "$vitcod" "$built/libvitcod.so" "$built/libvitcod.a"; do
        check "$file" 1 '' grep -c -a -F -e "$root/" "$file"
    done
}

case_tarball() {
    git -C "$root" rev-parse HEAD >/dev/null 2>&1 || skip "no repository"
    version=$("$vitcod" --version | sed 's/^vitcod //')
    check "made" 0 "^one/vitcod-$version.tar.gz\$" "$root/tools/dist.sh" one
    check "made again" 0 '' "$root/tools/dist.sh" two
    check "the same bytes" 0 '' cmp "one/vitcod-$version.tar.gz" "two/vitcod-$version.tar.gz"
    check "with the version" 0 "\"$version\"" tar -xzOf "one/vitcod-$version.tar.gz" \
        "vitcod-$version/include/vitcod/version.h"
    check "of which there is one" 0 "^## $version\$" cat "$root/CHANGELOG.md"
}

case_materials() {
    command -v dpkg-query >/dev/null || skip "no dpkg"
    export SOURCE_DATE_EPOCH=0
    "$root/tools/sbom.sh" "$vitcod" "$built/libvitcod.so" >sbom.json 2>why ||
        skip "something is of no package: $(head -n 1 why)"
    check "JSON" 0 '' python3 -m json.tool sbom.json
    check "CycloneDX" 0 '"bomFormat": "CycloneDX"' cat sbom.json
    check "when" 0 '"timestamp": "1970-01-01T00:00:00Z"' cat sbom.json
    for library in libjansson libdnnl libzip libfyaml libpng libjpeg libc\\.so; do
        check "$library" 0 "\"value\": \"$library" cat sbom.json
    done
    check "their versions" 0 "pkg:deb/debian/libc6@" cat sbom.json
    check "what is not there" 1 'absent: is not there' "$root/tools/sbom.sh" absent
}

run_cases
