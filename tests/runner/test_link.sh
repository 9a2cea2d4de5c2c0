#!/bin/sh
# The proof that a room which calls upward does not link (tests/runner/upward.c).
# shellcheck source=tests/cli.sh
. tests/cli.sh

case_an_upward_call() {
    check "does not link" 1 'undefined.*vc_plan_close' \
        cmake --build "$(dirname "$vitcod")" --target alone_upward
}

run_cases
