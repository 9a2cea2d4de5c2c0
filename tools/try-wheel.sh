#!/bin/sh
# Tries a bundled wheel as somebody without a compiler gets it: in a new virtual environment, with
# nothing else on the PATH, all libraries but the system's from inside the wheel.
# usage: tools/try-wheel.sh WHEEL [PIP-OPTION...]
# pip gets NumPy from where its options say.
set -eu
wheel=$1
shift
folder=$(mktemp -d)
trap '/bin/rm -rf "$folder"' EXIT  # whatever the PATH
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q "$@" "$wheel"
PATH=$folder/venv/bin
export PATH
package=$(python -c 'import vitcod, os; print(os.path.dirname(vitcod.__file__))')
"$package/bin/vitcod" --version
python - "$package" <<'EOF'
import ctypes, re, sys
import numpy, vitcod
from vitcod import library
outside = set()
for line in open("/proc/self/maps"):
    path = line.split()[-1]
    if ".so" in path and not path.startswith(sys.argv[1]) and not re.search(
        r"/(numpy|lib-dynload|numpy\.libs)/|ld-linux|lib(c|m|dl|pthread|rt|gcc_s|stdc\+\+|z|python"
        r"[0-9.]*|crypto|ffi|expat|bz2|lzma|uuid)\.so|_multiarray|cpython", path):
        outside.add(path)
assert not outside, f"libraries from outside: {outside}"
print("all libraries are the wheel's or the system's")
result = vitcod.simulate(arch="deit_tiny_patch16_224")
print("simulate:", result.verb)
maps = numpy.full((1, 2, 16, 16), 1 / 16, "float32")
mask = vitcod.prune(maps, rule="ratio", sparsity=0.5)
print("prune:", type(mask).__name__)
EOF
