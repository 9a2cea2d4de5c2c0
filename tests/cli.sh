# What the tests of the program share; to be sourced from the root of the tree.
#
# A script defines functions and ends with run_cases:
#
#   setup        makes what the cases start from, once; optional
#   case_NAME    one test: commands and checks. It starts in a folder of its own, $dir, a copy of
#                the folder that setup left, in a process of its own; none sees what another did
#
# Each case is one line of TAP; it fails when one of its checks does, and when it takes longer than
# CASE_SECONDS. What the commands of all its checks said is compared with
# tests/cli/expected/SCRIPT/NAME.txt where the script has such a folder, numbers that vary masked;
# UPDATE=1 tests/cli/SCRIPT.sh writes these files anew. ONLY=NAME runs one case alone.
# shellcheck shell=sh disable=SC2034
set -u
# Threads that spin while they wait make tiny work endless on a machine that is busy.
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}"
# Splits by cost go by what is measured unless it is given: tests are to be the same every time.
export VC_ATTENTION_COSTS="${VC_ATTENTION_COSTS:-1,1.6,7}"
# Open MPI refuses to run as root unless told so, and spins while it waits.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1
vitcod=${VITCOD:?the program to test}
root=$(pwd)
script=$(basename "$0" .sh)
expected=$root/tests/cli/expected/$script
bad=0
# What varies: nothing; numbers with a decimal point, as losses and times have; everything, as what
# is measured of a CPU, which is not compared.
varying=decimals
# What else does, as a script for sed.
masks=''

# failed NAME WHY: with the last output
failed() {
    echo "# $1: $2 in:"
    sed 's/^/#   /' "$out"
    bad=1
}

# told NAME STATUS: the last output, for the comparison at the end; of a long JSON whose numbers
# vary only the keys, each where it comes first
told() {
    printf '== %s: %s\n' "$1" "$2" >>"$said"
    if [ "$varying" = nothing ] || [ "$(wc -l <"$out")" -le 100 ]; then
        cat "$out" >>"$said"
    else
        sed -n 's/^ *"\([^"]*\)": .*/\1/p' "$out" | awk '!seen[$0]++' >>"$said"
    fi
}

# check NAME WANTED-STATUS PATTERN COMMAND...: status and a pattern in stdout + stderr, kept in $out
check() {
    name=$1 wanted=$2 pattern=$3
    shift 3
    "$@" >"$out" 2>&1
    status=$?
    told "$name" "$status"
    if [ "$status" -ne "$wanted" ] || { [ -n "$pattern" ] && ! grep -q -- "$pattern" "$out"; }; then
        failed "$name" "status $status, wanted $wanted and '$pattern'"
    fi
    [ "$status" -ne 0 ] || fits_schema "$name"
}

# fits_schema NAME: a result in the last output is what docs/schema says of its verb
fits_schema() {
    schema=$root/docs/schema/$(sed -n 's/^  "verb": "\([a-z]*\)",$/\1/p' "$out" | head -n 1).json
    [ -f "$schema" ] || return 0
    sed -n '/^{/,/^}/p' "$out" >"$out.json"
    "$(dirname "$vitcod")/tests/check_schema" "$schema" "$out.json" >"$out.schema" ||
        failed "$name" "other than $schema: $(cat "$out.schema")"
    rm -f "$out.json" "$out.schema"
}

# holds NAME PATTERN...: the last output has them all
holds() {
    name=$1
    shift
    for pattern; do
        grep -q -- "$pattern" "$out" || failed "$name" "no '$pattern'"
    done
}

# line REGEX: what matches it first in the last output
line() { sed -n "s/.*\($1\).*/\1/p" "$out" | head -n 1; }

# absent NAME FILE...: none of the files is there
absent() {
    name=$1
    shift
    for file; do
        if [ -e "$file" ]; then
            echo "# $name: $file is there"
            bad=1
        fi
    done
}

# skip WHY: ends the case, the rest of which could not be tried; a failure before stays one
skip() {
    [ "$bad" -ne 0 ] || echo "$1" >"$dir.skip"
    exit "$bad"
}

# has_products PRECISION: oneDNN has them on this CPU; under ONEDNN_MAX_CPU_ISA fp32 alone counts
has_products() {
    case $1 in
    fp32) return 0 ;;
    bf16) flag=avx512bw ;;
    int8) flag=avx512_vnni ;;
    *) return 1 ;;
    esac
    [ -z "${ONEDNN_MAX_CPU_ISA-}" ] && grep -qw "$flag" /proc/cpuinfo
}
wants_products() { has_products "$1" || skip "no products in $1 on this CPU"; }

# wait_until SECONDS COMMAND...: until it succeeds; a failure of the case if it does not in time
wait_until() {
    tries=$(($1 * 50))
    shift
    until "$@"; do
        tries=$((tries - 1))
        if [ "$tries" -eq 0 ]; then
            echo "# waited in vain: $*"
            bad=1
            return 1
        fi
        sleep 0.02
    done
}

# wants_several: skips the case where several processes cannot be had
wants_several() {
    command -v mpirun >/dev/null || skip "several processes: no mpirun (Debian: openmpi-bin)"
    [ -f "$(dirname "$vitcod")/vitcod-mpi.so" ] || skip "several processes: built without MPI"
    export ASAN_OPTIONS=detect_leaks=0 # Open MPI's own
}
# They yield while they wait, since the machine may be busy.
several="mpirun --oversubscribe --mca mpi_yield_when_idle 1 -n"
several() { $several "$@"; }

# mask <TEXT: what varies between machines, versions and folders is left out
mask() {
    numbers=""
    [ "$varying" = nothing ] ||
        numbers='s/"[0-9a-f]\{16\}"/"#"/g;s/"peak_mib": [0-9.]*/"peak_mib": #/
            s/ *[0-9][0-9]*\.[0-9][0-9]*\(e[-+]*[0-9]*\)*/ #/g'
    sed -e "s,$vitcod,vitcod,g" -e "s,$dir,DIR,g" -e "s,$root,ROOT,g" \
        -e 's/vitcod [0-9][0-9.]*/vitcod #/' -e 's/"\(version\|isa\)": "[^"]*"/"\1": "#"/' \
        -e 's/"threads": [0-9]*/"threads": #/' \
        -e 's/"\(cpu\|date\|model_hash\|crc32\)": "[^"]*"/"\1": "#"/' \
        -e 's/ *[0-9][0-9.]* \(s\|ms\|us\|images\/s\|MiB\|GB\/s\|GMAC\/s\|GFLOP\/s\)\>/ # \1/g' \
        -e "$masks" -e "$numbers" |
        # a list of masked numbers is one of them
        if [ "$varying" = nothing ]; then cat; else uniq; fi
}

# compare_with_expected NAME
compare_with_expected() {
    [ -d "$expected" ] && [ "$varying" != everything ] || return
    wanted=$expected/$1.txt
    mask <"$said" >"$said.masked"
    if [ -n "${UPDATE-}" ]; then
        cp "$said.masked" "$wanted"
    elif [ ! -f "$wanted" ]; then
        echo "# no $wanted: UPDATE=1 $0 writes it"
        bad=1
    elif ! diff "$wanted" "$said.masked" >"$said.diff"; then
        echo "# other than $wanted says:"
        sed 's/^/#   /' "$said.diff"
        bad=1
    fi
}

# In the process of one case, or of setup.
run_one_case() {
    dir=$SCRATCH out=$SCRATCH/out said=$SCRATCH.said
    : >"$said"
    cd "$dir" || exit 1
    this=$CASE
    unset CASE SCRATCH
    "$this"
    cd "$root" || exit 1
    [ "$this" = setup ] || compare_with_expected "${this#case_}"
    exit "$bad"
}

# start CASE FOLDER
start() {
    CASE=$1 SCRATCH=$2 timeout -k 5 "${CASE_SECONDS:-300}" sh "$0" >"$2.log" 2>&1
    status=$?
    [ "$status" -ne 124 ] || echo "# took more than ${CASE_SECONDS:-300} s" >>"$2.log"
    return "$status"
}

run_cases() {
    [ -z "${CASE-}" ] || run_one_case
    all=$(mktemp -d)
    trap 'rm -rf "$all"' EXIT
    trap 'exit 130' INT TERM
    cases=$(sed -n 's/^\(case_[a-z0-9_]*\)() {.*/\1/p' "$0")
    [ -z "${ONLY-}" ] || cases=case_$ONLY
    # shellcheck disable=SC2086 # words
    set -- $cases
    echo "1..$#"
    mkdir "$all/setup"
    ready=1 number=0 bad=0
    if grep -q '^setup() {' "$0"; then start setup "$all/setup" || ready=0; fi
    rm -f "$all/setup/out"
    for case; do
        number=$((number + 1)) folder=$all/$case
        cp -r "$all/setup" "$folder"
        if [ "$ready" -eq 0 ]; then
            cp "$all/setup.log" "$folder.log"
            result="not ok"
        elif start "$case" "$folder"; then
            result=ok
        else
            result="not ok"
        fi
        [ "$result" = ok ] || bad=1
        reason=""
        [ ! -f "$folder.skip" ] || reason=" # SKIP $(cat "$folder.skip")"
        echo "$result $number - ${case#case_}$reason"
        cat "$folder.log"
        rm -rf "$folder"
    done
    exit "$bad"
}

# bytes on stdout from numbers on stdin
bytes() {
    # shellcheck disable=SC2059 # the format is the point
    printf "$(tr ' ' '\n' | awk 'NF { printf "\\%03o", $1 }')"
}

# idx_images FILE COUNT and idx_labels FILE COUNT CLASSES: 8 x 8 pixels, brighter where the label
# says
idx_images() {
    { echo "0 0 8 3 0 0 0 $2 0 0 0 8 0 0 0 8"
      awk -v n="$2" 'BEGIN { for (i = 0; i < n; i++) for (p = 0; p < 64; p++)
          print (i * 37 + p * 11) % 90 + (int(p / 32) * 2 + int(p % 8 / 4) == i % 4 ? 150 : 0) }'
    } | bytes >"$1"
}
idx_labels() {
    { echo "0 0 8 1 0 0 0 $2"
      awk -v n="$2" -v c="$3" 'BEGIN { for (i = 0; i < n; i++) print i % c }'
    } | bytes >"$1"
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
