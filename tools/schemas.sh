#!/bin/sh
# Writes the JSON schema of every command's result. usage: tools/schemas.sh VITCOD DIRECTORY
set -eu
vitcod=$1
out=$2
mkdir -p "$out"
for verb in $("$vitcod" help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
    "$vitcod" --schema "$verb" >"$out/$verb.json"
done
