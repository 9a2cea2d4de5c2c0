#!/bin/sh
# Debian packages of the sources as committed, in a folder: the recipe is tools/debian, the version
# that of include/vitcod/version.h.
# usage: tools/package.sh FOLDER
# VC_CMAKE_FLAGS: further flags of CMake; VC_JOBS: how many compilers at a time
set -eu
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
version=$(tools/version.sh)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
maintainer=${VC_MAINTAINER:-vitcod@packages.debian.org}

rm -rf "$out/vitcod-$version"
git archive --prefix="vitcod-$version/" HEAD | tar -x -C "$out"
cd "$out/vitcod-$version"
cp -r tools/debian debian
sed -i "s/@MAINTAINER@/$maintainer/" debian/control
cat >debian/changelog <<EOF
vitcod ($version) unstable; urgency=medium

  * Version $version; what is new is told in the changelog of vitcod itself.

 -- vitcod developers <$maintainer>  $(date -R -u -d "@$SOURCE_DATE_EPOCH")
EOF
dpkg-buildpackage -b -us -uc
