#!/usr/bin/env python3
"""Steps of training, vitcod against PyTorch and timm: the same model, batch and optimiser, in
turns.

usage: training.py BENCH_MODEL OUTPUT.json [--plan PLAN] [--turns 5] [--threads 1,2] [--cases NAME]

BENCH_MODEL is the build's bench_model. PLAN, for DeiT-Tiny (`vitcod prune` and `vitcod polarize`),
is what the sparse rows run on; PyTorch runs dense, in the same precision (bf16 by autocast), eager
and compiled, and the faster of the two counts. Each turn runs all three, a process each; a row has
the median over the turns of ours / theirs, and the least and the most.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from importlib import metadata

HOW = ("eager", "compiled")
HERE = os.path.dirname(os.path.abspath(__file__))
# name, model, batch, dtype, sparse, images/s that were aimed at with two threads
CASES = [
    ("DeiT-Tiny fp32", "tiny", 16, "fp32", False, 58),
    ("DeiT-Tiny fp32 sparse", "tiny", 16, "fp32", True, 66),
    ("DeiT-Tiny bf16", "tiny", 16, "bf16", False, None),
    ("DeiT-Tiny bf16 sparse", "tiny", 16, "bf16", True, 110),
    ("small ViT fp32", "small", 128, "fp32", False, 3000),
    ("small ViT bf16", "small", 128, "bf16", False, None),
]
ROUNDS = {"tiny": 4, "small": 12}


def rate(command, threads):
    """Images per second: the median of the rounds."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment, text=True)
    return statistics.median(
        float(line) for line in done.stdout.split("\n") if line and line[0] != "#"
    )


def measure(case, threads):
    _, model, batch, dtype, sparse, _ = case
    work = [model, "train", str(batch), str(ROUNDS[model])]
    ours = [OPTIONS.bench_model, *work, dtype, *([OPTIONS.plan] if sparse else [])]
    theirs = [sys.executable, os.path.join(HERE, "torch_model.py"), *work, dtype]
    turns = [
        [rate(ours, threads), *(rate([*theirs, how], threads) for how in HOW)]
        for _ in range(OPTIONS.turns)
    ]
    best = max(range(len(HOW)), key=lambda i: statistics.median(turn[1 + i] for turn in turns))
    rates = [(turn[0], turn[1 + best]) for turn in turns]
    ratios = sorted(a / b for a, b in rates)
    return {
        "case": case[0],
        "threads": threads,
        "ours": statistics.median(a for a, _ in rates),
        "pytorch": statistics.median(b for _, b in rates),
        "how": HOW[best],
        "ratio": statistics.median(ratios),
        "least": ratios[0],
        "most": ratios[-1],
    }


def main():
    results = []
    print(f"PyTorch {metadata.version('torch')}, timm {metadata.version('timm')}\n")
    print("| case | threads | images/s | PyTorch | ratio (least to most) |\n|---|---|---|---|---|")
    for case in CASES:
        if case[4] and not OPTIONS.plan or OPTIONS.cases not in case[0]:
            continue
        for threads in OPTIONS.threads.split(","):
            r = measure(case, int(threads))
            results.append(r)
            print(
                f"| {r['case']} | {r['threads']} | {r['ours']:.1f} | "
                f"{r['pytorch']:.1f}, {r['how']} | "
                f"{r['ratio']:.2f} ({r['least']:.2f} to {r['most']:.2f}) |",
                flush=True,
            )
            with open(OPTIONS.output, "w", encoding="utf-8") as out:
                json.dump(results, out, indent=2)


parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
parser.add_argument("bench_model")
parser.add_argument("output")
parser.add_argument("--plan")
parser.add_argument("--turns", type=int, default=5)
parser.add_argument("--threads", default="1,2")
parser.add_argument("--cases", default="")
OPTIONS = parser.parse_args()
main()
