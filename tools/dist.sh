#!/bin/sh
# The release's tarball of the sources as committed: the same commit gives the same bytes.
# usage: tools/dist.sh FOLDER
set -eu
root=$(dirname "$0")/..
name=vitcod-$("$root/tools/version.sh")
mkdir -p "$1"
git -C "$root" archive --format=tar --prefix="$name/" HEAD | gzip -9n >"$1/$name.tar.gz"
echo "$1/$name.tar.gz"
