#!/bin/sh
# The symbols that a library shows, sorted. usage: tools/symbols.sh [-D] LIBRARY
# -D: of a shared one
set -eu
nm -g --defined-only "$@" | awk 'NF == 3 { print $3 }' | LC_ALL=C sort
