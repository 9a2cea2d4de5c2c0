# What the tests of the program share: to be sourced from the root of the tree. Makes a directory $dir of the
# script's own; a check leaves what the command said in $dir/out and sets $bad to 1 when it fails.
# shellcheck shell=sh disable=SC2034
set -u
# Threads that spin while they wait make tiny work endless on a machine that is busy.
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
bad=0

# failed NAME WHY: with the last output
failed() {
    echo "not ok $1: $2 in:"
    cat "$dir/out"
    bad=1
}

# check NAME WANTED-STATUS PATTERN COMMAND...: status and a pattern in stdout + stderr
check() {
    name=$1 wanted=$2 pattern=$3
    shift 3
    "$@" >"$dir/out" 2>&1
    status=$?
    if [ "$status" -eq "$wanted" ] && grep -q -- "$pattern" "$dir/out"; then
        echo "ok $name"
    elif [ "$status" -eq "$wanted" ] && [ -z "$pattern" ]; then
        echo "ok $name"
    else
        failed "$name" "status $status, wanted $wanted and '$pattern'"
    fi
}

# holds NAME PATTERN...: the last output has them all
holds() {
    name=$1
    shift
    for pattern; do
        if ! grep -q -- "$pattern" "$dir/out"; then
            failed "$name" "no '$pattern'"
            return
        fi
    done
    echo "ok $name"
}

# absent NAME FILE...: none of the files is there
absent() {
    name=$1
    shift
    for file; do
        if [ -e "$file" ]; then
            echo "not ok $name: $file is there"
            bad=1
            return
        fi
    done
    echo "ok $name"
}

# bytes on stdout from numbers on stdin
bytes() {
    # shellcheck disable=SC2059 # the format is the point
    printf "$(tr ' ' '\n' | awk 'NF { printf "\\%03o", $1 }')"
}

# idx_images FILE COUNT and idx_labels FILE COUNT CLASSES: 8 x 8 pixels, brighter where the label says
idx_images() {
    { echo "0 0 8 3 0 0 0 $2 0 0 0 8 0 0 0 8"
      awk -v n="$2" 'BEGIN { for (i = 0; i < n; i++) for (p = 0; p < 64; p++)
          print (i * 37 + p * 11) % 90 + (int(p / 32) * 2 + int(p % 8 / 4) == i % 4 ? 150 : 0) }'
    } | bytes >"$1"
}
idx_labels() {
    { echo "0 0 8 1 0 0 0 $2"; awk -v n="$2" -v c="$3" 'BEGIN { for (i = 0; i < n; i++) print i % c }'; } | bytes >"$1"
}

# data/: 96 images to learn from, 32 to test with, of 4 classes
idx_data() {
    mkdir data
    idx_images data/train-images-idx3-ubyte 96
    idx_labels data/train-labels-idx1-ubyte 96 4
    idx_images data/t10k-images-idx3-ubyte 32
    idx_labels data/t10k-labels-idx1-ubyte 32 4
    gzip data/t10k-images-idx3-ubyte
}

# npy BYTES: an array of one such image on stdout, zeros but for what BYTES says: 4 of them in octal
npy() {
    printf '\223NUMPY\001\000\166\000%-117s\n' \
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 8, 8), }"
    printf '%b' "$1"
    head -c 252 /dev/zero
}
