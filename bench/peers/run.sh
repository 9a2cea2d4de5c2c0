#!/bin/sh
# Sets up the peers in BUILD/peers-venv (or takes PEER_PYTHON), runs the comparison and, when every
# case was run, writes its table into bench/README.md.
# The comparison of training writes its own.
# usage: bench/peers/run.sh BUILD MODEL DATA [OPTIONS]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1 model=$2 data=$3
shift 3
fail() {
    echo "bench-peers: $*" >&2
    exit 1
}
usage="usage: make bench-peers MODEL=deit_tiny_patch16_224.safetensors DATA=FOLDER"
usage="$usage [PEER_FLAGS='--cases tiny']"
[ -n "$model" ] || fail "MODEL is not set, wanted DeiT-Tiny as safetensors; $usage"
[ -n "$data" ] || fail "DATA is not set, wanted a folder of ImageNet's images; $usage"
[ -f "$model" ] || fail "$model is missing, wanted DeiT-Tiny as safetensors"
[ -d "$data" ] || fail "$data is no folder, wanted one of images"

missing=""
for package in python3-venv python3-dev g++; do # torch.compile wants the last two
    dpkg -s "$package" 2>/dev/null | grep -q '^Status: install ok installed' ||
        missing="$missing $package"
done
[ -z "$missing" ] || fail "these Debian packages are missing: apt-get install$missing"

python=${PEER_PYTHON:-}
venv=$build/peers-venv
if [ -z "$python" ] && ! cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
    echo "setting up $venv" >&2
    rm -rf "$venv"
    /usr/bin/python3 -m venv "$venv" || fail "$venv could not be made"
    "$venv/bin/pip" --quiet --disable-pip-version-check install --only-binary :all: \
        -r "$here/requirements.txt" ||
        fail "pip could not install what $here/requirements.txt names: wanted a package index" \
            "that pip can reach, wheels in a folder that PIP_FIND_LINKS names, or PEER_PYTHON," \
            "a Python that has it all"
    cp "$here/requirements.txt" "$venv/requirements.txt"
fi
python=${python:-$venv/bin/python}
"$python" "$here/bench_peers.py" --vitcod "$build/vitcod" --peak "$build/bench_peak" \
    --model "$model" --data "$data" --work "$build/peers" --output "$build/bench-peers.json" "$@"
case " $* " in *" --prepare "*) exit 0 ;; esac # nothing was timed
"$python" "$here/table.py" "$build/bench-peers.json" "$here/../README.md" \
    "$here/../../docs/pictures/peers-by-tokens.svg"
[ "${PEER_TRAINING:-1}" != 0 ] || exit 0

# Training: the sparse rows run on a plan that keeps 10 %.
maps=$build/peers/training-maps.npy mask=$build/peers/training-mask.npy
plan=$build/peers/training-plan.safetensors
"$build/vitcod" attention "$model" --data "$data" --limit 64 -o "$maps" >&2
"$build/vitcod" prune "$maps" --rule threshold --sparsity 0.9 -o "$mask" >&2
"$build/vitcod" polarize "$mask" -o "$plan" >&2
exec "$python" "$here/training.py" "$build/bench_model" \
    "$build/bench-peers-training.json" --plan "$plan" --write "$here/../README.md"
