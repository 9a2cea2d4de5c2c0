#!/bin/sh
# The symbols that a static library shows, sorted. usage: tools/symbols.sh LIBRARY
set -eu
nm -g --defined-only "$1" | awk 'NF == 3 { print $3 }' | LC_ALL=C sort
