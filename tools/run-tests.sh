#!/bin/sh
# Runs every test and ends with one line: N passed, N failed. usage: tools/run-tests.sh BUILD
set -u
build=$1
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1
passed=0
failed=0
skipped=0
output=$(mktemp)
trap 'rm -f "$output"' EXIT

count() { grep -c "$1" "$output" || true; }

# cmocka's TAP output: one line per case; a program that dies is a failure of its own.
run_program() {
    CMOCKA_MESSAGE_OUTPUT=TAP "$1" >"$output" 2>&1
    status=$?
    # cmocka 1.1.7 calls a skipped case "not ok N # SKIP name", later ones "ok"
    skip=$(count '^\(not \)\?ok.*# SKIP')
    good=$(grep '^ok' "$output" | grep -vc '# SKIP' || true)
    bad=$(grep '^not ok' "$output" | grep -vc '# SKIP' || true)
    if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
    if [ "$((good + bad + skip))" -eq 0 ]; then bad=1; fi
}

for program in "$build"/tests/test_*; do
    [ -x "$program" ] || continue
    name=$(basename "$program")
    [ "$name" = test_fail_always ] && continue
    run_program "$program"
    passed=$((passed + good))
    failed=$((failed + bad))
    skipped=$((skipped + skip))
    echo "$name: $good passed, $bad failed, $skip skipped"
    sed -n 's/.*# SKIP/  skipped:/p' "$output"
    [ "$bad" -eq 0 ] || cat "$output"
done

for script in tests/*/*.sh tools/check-layering.sh tools/check-shape.sh; do
    if [ ! -x "$script" ]; then
        failed=$((failed + 1))
        echo "$script: not executable"
        continue
    fi
    if VITCOD="$root/$build/vitcod" "$script" >"$output" 2>&1; then
        good=$(count '^ok')
        [ "$good" -gt 0 ] || good=1
        passed=$((passed + good))
        echo "$script: $good passed"
    else
        good=$(count '^ok')
        bad=$(count '^not ok')
        [ "$bad" -gt 0 ] || bad=1
        passed=$((passed + good))
        failed=$((failed + bad))
        echo "$script: $good passed, $bad failed"
        cat "$output"
    fi
    skip=$(count '^skip')
    skipped=$((skipped + skip))
    grep '^skip' "$output"
done

# The proof that a failing test is noticed.
run_program "$build/tests/test_fail_always"
if [ "$good" -eq 1 ] && [ "$bad" -eq 1 ] && [ "$status" -ne 0 ]; then
    passed=$((passed + 1))
    echo "test_fail_always: its failure was noticed"
else
    failed=$((failed + 1))
    echo "test_fail_always: its failure went unnoticed ($good passed, $bad failed, status $status)"
fi

[ "$skipped" -eq 0 ] || echo "$skipped skipped"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
