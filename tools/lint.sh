#!/bin/sh
# Linters, where they are installed, and the shape of the code.
set -eu
cd "$(dirname "$0")/.."
tools/check-shape.sh
if command -v shellcheck >/dev/null; then
    git ls-files '*.sh' .ci/run | xargs shellcheck -x
fi
if command -v clang-format >/dev/null; then
    git ls-files -co --exclude-standard '*.c' '*.h' | xargs clang-format --dry-run --Werror
fi
if command -v cppcheck >/dev/null; then
    # jansson's loops are macros that cppcheck does not know
    cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 \
        -Iinclude --suppress=missingIncludeSystem --suppress=unknownMacro src
fi
