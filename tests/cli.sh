# What the tests of the program share: to be sourced from the root of the tree. Makes a directory $dir of the
# script's own; a check leaves what the command said in $dir/out and sets $bad to 1 when it fails.
# shellcheck shell=sh disable=SC2034
set -u
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
bad=0

# failed NAME WHY: with the last output
failed() {
    echo "not ok $1: $2 in:"
    cat "$dir/out"
    bad=1
}

# check NAME WANTED-STATUS PATTERN COMMAND...: status and a pattern in stdout + stderr
check() {
    name=$1 wanted=$2 pattern=$3
    shift 3
    "$@" >"$dir/out" 2>&1
    status=$?
    if [ "$status" -eq "$wanted" ] && grep -q -- "$pattern" "$dir/out"; then
        echo "ok $name"
    elif [ "$status" -eq "$wanted" ] && [ -z "$pattern" ]; then
        echo "ok $name"
    else
        failed "$name" "status $status, wanted $wanted and '$pattern'"
    fi
}

# holds NAME PATTERN...: the last output has them all
holds() {
    name=$1
    shift
    for pattern; do
        if ! grep -q -- "$pattern" "$dir/out"; then
            failed "$name" "no '$pattern'"
            return
        fi
    done
    echo "ok $name"
}

# absent NAME FILE...: none of the files is there
absent() {
    name=$1
    shift
    for file; do
        if [ -e "$file" ]; then
            echo "not ok $name: $file is there"
            bad=1
            return
        fi
    done
    echo "ok $name"
}
