#!/bin/sh
# The package of Python: a wheel of what has been built, in a virtual environment of its own without
# a network, and python/tests on it.
# shellcheck source=tests/cli.sh
. tests/cli.sh
CASE_SECONDS=${CASE_SECONDS:-400}
built=$(dirname "$vitcod")
# Debian's, for which the tests' packages are; VC_PYTHON names another one, that of a virtual
# environment too, whose packages are used.
python=${VC_PYTHON:-/usr/bin/python3}

setup() {
    wanted || return 0
    check "environment" 0 '' "$python" -m venv --system-site-packages "$dir/venv"
    # with the folders that its .pth files name
    "$python" -c 'import sysconfig
print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' \
        >"$(echo "$dir"/venv/lib/python3*/site-packages)/more.pth"
    cd "$root" || exit 1
    check "wheel" 0 '' "$dir/venv/bin/pip" wheel . --no-deps --no-index --wheel-dir "$dir" \
        --config-settings build="$built"
    cd "$dir" || exit 1
    check "installed" 0 '' venv/bin/pip install --no-deps --no-index vitcod-*.whl
}

# Says why not.
wanted() {
    why=
    "$python" -c 'import venv, ensurepip, numpy' 2>/dev/null ||
        why="no Python with venv and NumPy (Debian: python3-venv python3-numpy)"
    grep -q '^VC_SANITIZE:BOOL=ON' "$built/CMakeCache.txt" &&
        why="Python does not run the sanitizers"
    [ -z "$why" ]
}

# in_python FILE: the tests of a file, each a line
in_python() {
    wanted || skip "$why"
    (cd "$root/python/tests" && PYTHONDONTWRITEBYTECODE=1 \
        timeout 390 "$dir/venv/bin/python" -m unittest -v "$1") >"$out" 2>&1
    status=$?
    told "$1" "$status"
    grep ' skipped ' "$out" | sed 's/^/# /'
    grep '^# ' "$out"
    [ "$status" -eq 0 ] || failed "$1" "status $status"
}

# Bits on disk are those of venv/bin/python, whose scripts name the folder of setup.
case_installed() {
    wanted || skip "$why"
    check "a wheel for every Python 3" 0 'py3-none-linux' ls
    check "version" 0 "^$("$vitcod" --version | cut -d ' ' -f 2)$" \
        venv/bin/python -c 'import vitcod; print(vitcod.__version__)'
    check "the program" 0 '^vitcod ' venv/bin/python -m vitcod --version
    check "its metadata" 0 '^Requires: numpy' venv/bin/python -m pip show vitcod
    check "the same wheel again" 0 '' sh -c "cd '$root' && '$dir/venv/bin/python' -m pip wheel . \
        --no-deps --no-index --wheel-dir '$dir/again' --config-settings build='$built'"
    check "the same bytes" 0 '' cmp vitcod-*.whl again/vitcod-*.whl
    if git -C "$root" rev-parse HEAD >/dev/null 2>&1; then
        for copy in one two; do
            mkdir "$copy"
            check "sources" 0 '' env PYTHONPATH="$root/python" venv/bin/python -B -c \
                "import build_backend; build_backend.build_sdist('$copy')"
        done
        check "the same sources" 0 '' sh -c 'cmp one/*.tar.gz two/*.tar.gz'
    fi
    check "unknown settings" 1 'unknown settings biuld; wanted build and bundle' \
        sh -c "cd '$root' && '$dir/venv/bin/python' -m pip wheel . --no-deps --no-index \
            --wheel-dir '$dir/again' --config-settings biuld=x"
}

# The structs that ctypes has are those of the headers.
case_layout() {
    wanted || skip "$why"
    venv/bin/python -c 'from vitcod import library; print(library.layout())' >layout.c
    check "layout" 0 '' gcc -fsyntax-only -I"$root/include" layout.c
    sed 's/sizeof(vc_plan) == [0-9]*/sizeof(vc_plan) == 999/' layout.c >other.c
    check "another one is noticed" 1 'size of vc_plan' gcc -fsyntax-only -I"$root/include" other.c
}

# Threads are for test_process; on a machine that is busy, tiny work waits for them.
case_model() {
    export OMP_NUM_THREADS=1
    in_python test_model
}

case_plan() {
    export OMP_NUM_THREADS=1
    in_python test_plan
}

case_notebook() {
    export OMP_NUM_THREADS=1
    in_python test_notebook
}

case_program() {
    export OMP_NUM_THREADS=1
    in_python test_program
}

# With PyTorch, timm and the shared data, where they are.
case_torch() {
    export OMP_NUM_THREADS=1
    wanted || skip "$why"
    venv/bin/python -c 'import torch; torch.library.custom_op' 2>/dev/null ||
        skip "no PyTorch from 2.4 on (VC_PYTHON names a Python that has it)"
    in_python test_torch
    in_python test_timm
}

case_process() {
    in_python test_process
}

run_cases
