#!/bin/sh
# RTL on a chip of four lines against the simulator: `make test-rtl` has the rest.
# shellcheck source=tests/cli.sh
. tests/cli.sh
CASE_SECONDS=${CASE_SECONDS:-580}
built=$(dirname "$vitcod")

case_small() {
    command -v verilator >/dev/null || skip "no verilator (Debian: verilator)"
    grep -q '^VC_SANITIZE:BOOL=ON' "$built/CMakeCache.txt" && skip "RTL has no sanitizer"
    check "bits and cycles" 0 ', 0 differ; 0 times of phases and layers differ' \
        "$root/rtl/cosim.py" "$built" small
}

run_cases
