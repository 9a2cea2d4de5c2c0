#!/bin/sh
# The proof that a room which calls upward does not link (tests/runner/upward.c).
set -u
build=$(dirname "${VITCOD:?}")
out=$(cmake --build "$build" --target alone_upward 2>&1) && {
    echo "not ok an upward call: it links"
    exit 1
}
case $out in
*undefined*vc_plan*) echo "ok an upward call does not link" ;;
*)
    echo "not ok an upward call: it fails for another reason:"
    echo "$out"
    exit 1
    ;;
esac
