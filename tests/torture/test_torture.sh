#!/bin/sh
# The short form of `make torture`: a try or two of every fault. Both halves have a seed, so that a
# change is judged by what it changed; `make check-all` takes other seeds each time.
echo "1..2"
if ! command -v python3 >/dev/null; then
    echo "ok 1 - torture # SKIP no python3"
    echo "ok 2 - differential # SKIP no python3"
    exit 0
fi
build=$(dirname "${VITCOD:?the program to test}")
said=$(mktemp)
bad=0

# try NUMBER NAME COMMAND...
try() {
    number=$1 name=$2
    shift 2
    if "$@" >"$said" 2>&1; then result=ok; else result="not ok" bad=1; fi
    echo "$result $number - $name"
    sed 's/^/# /' "$said"
}

# The sanitizers have a malloc of their own.
if ldd "$VITCOD" | grep -q libasan; then
    echo "ok 1 - torture # SKIP the sanitizer has its own malloc"
else
    try 1 torture tests/torture/torture.py "$build" 15 --seed 1
fi
try 2 differential tests/random/differential.py "$build" 10 --seed 1
rm -f "$said"
exit "$bad"
