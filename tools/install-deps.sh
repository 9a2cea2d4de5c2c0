#!/bin/sh
# Installs the Debian packages that building and the demo need and that are missing; further ones,
# as those of the tests, are arguments.
set -eu
packages="gcc libc6-dev make cmake ninja-build pkg-config libdnnl-dev libjansson-dev libpng-dev
libjpeg62-turbo-dev zlib1g-dev libzip-dev libfyaml-dev libcmocka-dev dataset-fashion-mnist
opencl-headers libwebp-dev libgif-dev libtiff-dev libbz2-dev liblzma-dev $*"
missing=""
for package in $packages; do
    dpkg -s "$package" 2>/dev/null | grep -q '^Status: install ok installed' ||
        missing="$missing $package"
done
[ -n "$missing" ] || exit 0
echo "installing:$missing"
sudo=""
[ "$(id -u)" -eq 0 ] || sudo="sudo"
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
# shellcheck disable=SC2086 # the list is meant to be split
$sudo apt-get install -y -qq --no-install-recommends $missing
