#!/bin/sh
# What a program or a library is linked with, as a bill of materials on stdout: CycloneDX 1.5 in
# JSON. Each library is named by the Debian package that it is of.
# usage: tools/sbom.sh BINARY...
# SOURCE_DATE_EPOCH: when, in seconds since 1970; else now
set -eu
version=$("$(dirname "$0")/version.sh")
when=$(date -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}" +%Y-%m-%dT%H:%M:%SZ)
architecture=$(dpkg --print-architecture)
found=$(mktemp)
trap 'rm -f "$found" "$found.named"' EXIT
for binary; do
    [ -f "$binary" ] || { echo "sbom.sh: $binary: is not there" >&2; exit 1; }
    if ldd "$binary" | grep 'not found' >&2; then
        echo "sbom.sh: $binary: some of what it is linked with is not found" >&2
        exit 1
    fi
    ldd "$binary" | sed -n 's/^.* => \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) .*/\1/p'
done >"$found"
sort -u "$found" | while read -r library; do
    file=$(readlink -f "$library")
    # what dpkg knows may still be called by the name before /usr was merged
    owner=$(dpkg -S "$file" 2>/dev/null || dpkg -S "${file#/usr}" 2>/dev/null || true)
    owner=${owner%%:*}
    [ -n "$owner" ] || { echo "sbom.sh: $file: is of no package" >&2; exit 1; }
    printf '%s\t%s\t%s\n' "$owner" "$(dpkg-query -W -f '${Version}' "$owner:$architecture")" \
        "$(basename "$library")"
done >"$found.named"
sort -u "$found.named" | awk -F '\t' -v version="$version" -v when="$when" -v arch="$architecture" '
    function end_component() {
        if (package != "")
            body = body "\n      \"properties\": [" files "]\n    }"
    }
    $1 != package {
        end_component()
        purl = $2
        gsub(/\+/, "%2B", purl)
        gsub(/:/, "%3A", purl)
        body = body (package == "" ? "" : ",") "\n    {\n      \"type\": \"library\"," \
            "\n      \"name\": \"" $1 "\",\n      \"version\": \"" $2 "\"," \
            "\n      \"purl\": \"pkg:deb/debian/" $1 "@" purl "?arch=" arch "\","
        package = $1
        files = ""
    }
    { files = files (files == "" ? "" : ", ") "{\"name\": \"file\", \"value\": \"" $3 "\"}" }
    END {
        end_component()
        print "{\n  \"bomFormat\": \"CycloneDX\",\n  \"specVersion\": \"1.5\",\n  \"version\": 1,"
        print "  \"metadata\": {\n    \"timestamp\": \"" when "\",\n    \"component\": {"
        print "      \"type\": \"application\",\n      \"name\": \"vitcod\","
        print "      \"version\": \"" version "\",\n      \"licenses\": " \
            "[{\"license\": {\"id\": \"Apache-2.0\"}}]\n    }\n  },"
        print "  \"components\": [" body "\n  ]\n}"
    }'
