#!/bin/sh
# Installs the Debian packages that building and the demo need and that are missing; further ones,
# as those of the tests, are arguments.
# usage: install-deps.sh [PACKAGE..]
#        install-deps.sh --onednn=3 FOLDER   oneDNN 3 from PyPI in a new folder, and how to build
#                                            with it
set -eu
fail() {
    echo "install-deps.sh: $*" >&2
    exit 1
}

# The last release on PyPI that is built for GNU OpenMP, which the rest of vitcod uses: newer ones
# want TBB and DPC++.
onednn_3() {
    folder=$1 release=2023.2.0
    [ ! -e "$folder" ] || fail "$folder is there already, wanted a new folder"
    mkdir -p "$folder"
    folder=$(cd "$folder" && pwd)
    wheels=$(mktemp -d)
    trap 'rm -rf "$wheels"' EXIT
    python3 -m pip --disable-pip-version-check --quiet download --no-deps --only-binary :all: \
        --dest "$wheels" "onednn-cpu-gomp==$release" "onednn-devel-cpu-gomp==$release" ||
        fail "pip found no onednn-cpu-gomp $release, wanted a package index that it can reach" \
            "(Debian: python3-pip)"
    for wheel in "$wheels"/*.whl; do
        python3 -m zipfile -e "$wheel" "$wheels/all"
    done
    cp -R "$wheels"/all/*.data/data/include "$wheels"/all/*.data/data/lib "$folder"
    echo "cmake -G Ninja -S . -B build -DDNNL=$folder/lib/libdnnl.so" \
        "-DCMAKE_INSTALL_RPATH=$folder/lib"
}

case "${1:-}" in
--onednn=3)
    [ $# -eq 2 ] || fail "--onednn=3 has $(($# - 1)) folders, wanted one to put it into"
    onednn_3 "$2"
    exit 0
    ;;
-*) fail "'$1' is no option, wanted packages, or --onednn=3 FOLDER" ;;
esac

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
