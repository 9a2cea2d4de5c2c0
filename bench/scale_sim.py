#!/usr/bin/env python3
"""The systolic chip against SCALE-Sim 3 (PyPI: scalesim, with numpy below 2) on six products.

usage: scale_sim.py BENCH_GEMM PYTHON

BENCH_GEMM is build/bench/bench_gemm, PYTHON an interpreter that has scalesim. Status 1 where cycles
differ by more than 1 %.
"""

import csv
import glob
import os
import subprocess
import sys
import tempfile

GEMMS = [
    ("qkv", 197, 576, 192),
    ("scores", 197, 197, 64),
    ("sums", 197, 64, 197),
    ("fc1", 197, 768, 192),
    ("fc2", 197, 192, 768),
    ("small", 49, 64, 16),
]
CONFIG = """
[general]
run_name = run
[architecture_presets]
ArrayHeight : 32
ArrayWidth : 16
IfmapSramSzkB : 100000
FilterSramSzkB : 100000
OfmapSramSzkB : 100000
IfmapOffset : 0
FilterOffset : 10000000
OfmapOffset : 20000000
Bandwidth : 100000
Dataflow : ws
MemoryBanks : 1
ReadRequestBuffer : 32
WriteRequestBuffer : 32
[layout]
IfmapCustomLayout : False
IfmapSRAMBankBandwidth : 10
IfmapSRAMBankNum : 10
IfmapSRAMBankPort : 2
FilterCustomLayout : False
FilterSRAMBankBandwidth : 10
FilterSRAMBankNum : 10
FilterSRAMBankPort : 2
[sparsity]
SparsitySupport : false
SparseRep : ellpack_block
OptimizedMapping : false
BlockSize : 8
RandomNumberGeneratorSeed : 40
[run_presets]
InterfaceBandwidth : USER
UseRamulatorTrace : False
"""


def theirs(python):
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "chip.cfg"), "w") as file:
            file.write(CONFIG)
        with open(os.path.join(folder, "gemm.csv"), "w") as file:
            file.write("Layer,M,N,K,\n")
            file.writelines("%s,%d,%d,%d,\n" % gemm for gemm in GEMMS)
        command = [python, "-W", "ignore", "-m", "scalesim.scale", "-c", "chip.cfg"]
        command += ["-t", "gemm.csv", "-l", "gemm.csv", "-p", "out", "-i", "gemm"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        (path,) = glob.glob(os.path.join(folder, "out/**/COMPUTE_REPORT.csv"), recursive=True)
        with open(path) as file:
            return [int(row[2]) for row in csv.reader(file) if row[0].isdigit()]


def ours(bench):
    sizes = ["%d,%d,%d" % gemm[1:] for gemm in GEMMS]
    done = subprocess.run([bench, "systolic"] + sizes, check=True, capture_output=True, text=True)
    return [int(line) for line in done.stdout.split()]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    worst = 0.0
    print("%-8s %6s %6s %6s %12s %12s %8s" % ("", "M", "N", "K", "SCALE-Sim", "ours", ""))
    for gemm, want, have in zip(GEMMS, theirs(sys.argv[2]), ours(sys.argv[1])):
        off = have / want - 1
        worst = max(worst, abs(off))
        print("%-8s %6d %6d %6d %12d %12d %+7.2f%%" % (*gemm, want, have, 100 * off))
    sys.exit(worst > 0.01)


if __name__ == "__main__":
    main()
