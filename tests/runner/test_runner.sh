#!/bin/sh
# The proof that the runner notices: tests that fail, that stop early, that never end.
# shellcheck source=tests/cli.sh
. tests/cli.sh

# script NAME LINE...: a test of these lines
script() {
    name=$1
    shift
    { echo '#!/bin/sh' && printf '%s\n' "$@"; } >"$name"
    chmod +x "$name"
}

runner() { TEST_SECONDS=1 "$root/tools/run-tests.sh" "$(dirname "$vitcod")" "$@"; }

case_what_passes_and_what_fails() {
    check "fails" 1 '^1 passed, 1 failed$' runner "$(dirname "$vitcod")/tests/test_fail_always"
    script good 'echo 1..2' 'echo ok 1' 'echo "ok 2 # SKIP no such thing"'
    check "passes" 0 '^1 passed, 0 failed$' runner ./good
    holds "what is skipped" '^1 skipped' 'skipped: no such thing'
    script part 'echo 1..1' 'echo ok 1' "echo \"# test_a ... skipped 'no timm'\""
    check "passes in part" 0 'skipped in part: no timm' runner ./part
}

case_a_test_that_stops_early() {
    script early 'echo 1..2' 'echo ok 1' 'exit 0'
    check "stops" 1 '^1 passed, 1 failed$' runner ./early
    holds "says so" 'ended after 1 of 2'
    script silent 'exit 0'
    check "no plan" 1 'has no plan' runner ./silent
    script dies 'echo 1..1' 'echo ok 1' 'exit 3'
    check "dies" 1 'exit status 3' runner ./dies
}

# A case that cannot go on after one of its checks failed has failed.
case_a_skip_after_a_failure() {
    script cases ". '$root/tests/cli.sh'" \
        'case_one() { check "a" 0 "" false; skip "no such thing"; }' \
        'case_two() { check "a" 0 "" true; skip "no such thing"; }' 'run_cases'
    here=$PWD
    cd "$root" || return
    check "it fails" 1 '^not ok 1 - one$' env -u ONLY "$here/cases"
    holds "the other is skipped" '^ok 2 - two # SKIP no such thing'
}

case_a_test_that_never_ends() {
    script endless 'echo 1..1' 'sleep 60'
    check "never ends" 1 'took more than 1 s' runner ./endless
}

# Each of four tells its number; the third is done last.
case_order() {
    for n in 1 2 3 4; do script "t$n" 'echo 1..1' "sleep 0.$((n == 3 ? 6 : 1))" 'echo ok'; done
    check "in order" 0 '^4 passed, 0 failed$' runner ./t1 ./t2 ./t3 ./t4
    grep -o '^t[1-4]' "$out" >told
    printf 't1\nt2\nt3\nt4\n' >wanted
    check "as listed" 0 '' cmp told wanted
}

run_cases
