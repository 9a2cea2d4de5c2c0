#!/bin/sh
# Runs tests, two at a time, and ends with one line: N passed, N failed.
# usage: tools/run-tests.sh BUILD [TEST...]
#
# A test is a program or a script that writes TAP: a plan "1..N", and N lines "ok" or "not ok", with
# "# SKIP why" behind those that could not be tried. Without TEST: all of them. A test that stops
# before its plan is done fails, and so does one that takes longer than TEST_SECONDS (600).
# JOBS tests run at a time (2). Results are told in the order of the list, whoever is done first.
set -u
[ $# -gt 0 ] || { sed -n 's/^# usage/usage/p' "$0" >&2; exit 2; }
build=$(cd "$1" && pwd) || exit 2
shift
here=$(pwd)
cd "$(dirname "$0")/.." || exit 1
jobs=${JOBS:-2}
seconds=${TEST_SECONDS:-600}
export VITCOD="$build/vitcod"
# Threads that spin while they wait take the time of those that work.
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}"
# Splits by cost go by what is measured unless it is given: tests are to be the same every time.
export VC_ATTENTION_COSTS="${VC_ATTENTION_COSTS:-1,1.6,7}"
work=$(mktemp -d)
workers=""
# shellcheck disable=SC2317 # the trap calls it
clean_up() {
    # shellcheck disable=SC2086 # process numbers
    [ -z "$workers" ] || kill $workers 2>/dev/null
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# Paths as they were given, whatever the folder here.
for test; do
    case $test in
    /*) ;;
    *) test=$here/$test ;;
    esac
    set -- "$@" "$test"
    shift
done
# The long ones first, so that nothing long is left for the end.
if [ $# -eq 0 ]; then
    for test in tests/*/test_*.sh tools/check-*.sh "$build"/tests/test_*; do
        # run on its own by tests/runner/test_runner.sh, and fails
        [ "$(basename "$test")" = test_fail_always ] || set -- "$@" "$test"
    done
fi

# run_test NUMBER TEST: leaves what it said, its status and its seconds
run_test() {
    mkdir "$work/$1/tmp"
    begun=$(date +%s)
    TMPDIR="$work/$1/tmp" CMOCKA_MESSAGE_OUTPUT=TAP timeout -k 5 "$seconds" "$2" \
        >"$work/$1/out" 2>&1 </dev/null &
    child=$!
    wait "$child"
    echo "$? $(($(date +%s) - begun))" >"$work/$1/result"
    rm -rf "$work/$1/tmp"
    mv "$work/$1/result" "$work/$1/done"
}

# worker TEST...: takes whatever nobody has taken
worker() {
    taken=0 child=""
    trap 'kill $child; exit' TERM
    for test; do
        taken=$((taken + 1))
        mkdir "$work/$taken" 2>/dev/null && run_test "$taken" "$test"
    done
}

# summary STATUS <output: "passed failed skipped why"
# cmocka 1.1.7 calls a skipped case "not ok N # SKIP name", later ones "ok".
summary() {
    awk -v status="$1" -v seconds="$seconds" '
        /^1\.\.[0-9]+/ { planned += substr($0, 4) + 0; plans++ }
        /^(not )?ok/ && /# SKIP/ { skipped++; next }
        /^ok/ { passed++ }
        /^not ok/ { failed++ }
        END {
            seen = passed + failed + skipped
            if (status == 124 || status == 137) why = "took more than " seconds " s"
            else if (!plans) why = "has no plan"
            else if (seen != planned) why = "ended after " seen " of " planned
            else if (status != 0 && !failed) why = "exit status " status
            else if (!planned) why = "tests nothing"
            if (why != "") failed++
            printf "%d %d %d %s\n", passed, failed, skipped, why
        }'
}

n=0
while [ "$n" -lt "$jobs" ]; do
    worker "$@" &
    workers="$workers $!"
    n=$((n + 1))
done

passed=0 failed=0 skipped=0 number=0
for test; do
    number=$((number + 1))
    while [ ! -e "$work/$number/done" ]; do sleep 0.1; done
    read -r status took <"$work/$number/done"
    read -r good bad skip why <<END
$(summary "$status" <"$work/$number/out")
END
    passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + skip))
    echo "$(basename "$test"): $good passed, $bad failed, $skip skipped, $took s${why:+: $why}"
    # what unittest skips within a case of ours is told too, each reason once
    sed -n -e 's/.*# SKIP/  skipped:/p' \
        -e "s/^# .*\.\.\. skipped ['\"]\(.*\)['\"]\$/  skipped in part: \1/p" \
        "$work/$number/out" | uniq
    [ "$bad" -eq 0 ] || cat "$work/$number/out"
done
wait
workers=""
[ "$skipped" -eq 0 ] || echo "$skipped skipped"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
