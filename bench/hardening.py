#!/usr/bin/env python3
"""What the flags against attacks cost: a build with VC_HARDEN beside one without.

usage: bench/hardening.py HARDENED SOFT [ROUNDS]

Both are build folders with `bench_model`. CPU seconds of one thread for an image of DeiT-Tiny and
for a step of training, in turns, and of each pair the ratio: median and quartiles. Where valgrind
is, instructions of both too, which a busy machine does not change (AVX2 at most; the same images).
"""
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys

WORK = {
    "forward 1": ["tiny", "forward", "1", "20"],
    "train 16": ["tiny", "train", "16", "2"],
}
COUNTED = {
    "forward 1": ["tiny", "forward", "1", "1"],
    "train 2": ["tiny", "train", "2", "1"],
}
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "VC_ATTENTION_COSTS": "1,1.6,7"}
AVX2 = {"VC_ISA": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}


def cpu_seconds(build, words):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run([os.path.join(build, "bench_model"), *words], check=True,
                   stdout=subprocess.DEVNULL, env=ENVIRONMENT)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def instructions(build, words):
    run = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                          os.path.join(build, "bench_model"), *words], check=True,
                         capture_output=True, text=True, env=ENVIRONMENT | AVX2)
    return int(re.search(r"Collected : (\d+)", run.stderr).group(1))


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__.split("\n\n")[1])
    builds, rounds = sys.argv[1:3], int(sys.argv[3]) if len(sys.argv) == 4 else 15
    if rounds < 2:
        sys.exit(f"ROUNDS is {rounds}, wanted 2 or more")
    for name, words in WORK.items():
        ratios = []
        for i in range(rounds):
            seconds = [0.0, 0.0]
            for k in ((0, 1), (1, 0))[i % 2]:
                seconds[k] = cpu_seconds(builds[k], words)
            ratios.append(seconds[0] / seconds[1])
        low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
        print(f"{name}: {middle:.4f} of the CPU time without ({low:.4f} to {high:.4f}, "
              f"{rounds} rounds)", flush=True)
    if shutil.which("valgrind"):
        for name, words in COUNTED.items():
            hard, soft = (instructions(build, words) for build in builds)
            print(f"{name}: {hard / soft:.4f} of the instructions without ({hard} and {soft})",
                  flush=True)


if __name__ == "__main__":
    main()
