#!/bin/sh
# Linters, where they are installed.
set -eu
cd "$(dirname "$0")/.."
if command -v shellcheck >/dev/null; then
    git ls-files '*.sh' .ci/run | xargs shellcheck
fi
if command -v cppcheck >/dev/null; then
    cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 \
        -Iinclude --suppress=missingIncludeSystem src
fi
