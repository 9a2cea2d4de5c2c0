#!/usr/bin/env python3
"""Steps of training, vitcod against PyTorch and timm: the same model, batch and optimiser, in
turns.

usage: training.py BENCH_MODEL OUTPUT.json [--plan PLAN] [--turns 5] [--threads 1,2] [--cases NAME]
                   [--write README.md]

BENCH_MODEL is the build's bench_model. PLAN, for DeiT-Tiny (`vitcod prune` and `vitcod polarize`),
is what the sparse rows run on; PyTorch runs dense, in the same precision (bf16 by autocast), eager
and compiled, and the faster of the two counts. Each turn runs all three, a process each; a row has
the median over the turns of ours / theirs, and the least and the most, and beside it the most
memory that the steps had, which is that of model, optimiser, activations and gradients. --write
puts the table between the markers of bench/README.md.
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
# name, model, batch, dtype, sparse, the ratio that is aimed at with two threads; ours by --memory
CASES = [
    ("DeiT-Tiny fp32", "tiny", 16, "fp32", False, 1.7),
    ("DeiT-Tiny fp32, 90 % sparse", "tiny", 16, "fp32", True, 1.9),
    ("DeiT-Tiny bf16", "tiny", 16, "bf16", False, None),
    ("DeiT-Tiny bf16, 90 % sparse", "tiny", 16, "bf16", True, 2.2),
    ("ViT 64 x 6 x 4, 50 tokens, fp32", "small", 128, "fp32", False, 2.0),
    ("ViT 64 x 6 x 4, 50 tokens, bf16", "small", 128, "bf16", False, None),
    ("DeiT-Tiny fp32, --memory less", "tiny", 16, "fp32", False, None, "less"),
    ("DeiT-Tiny fp32, --memory least", "tiny", 16, "fp32", False, None, "least"),
    ("DeiT-Tiny fp32, batch 2", "tiny", 2, "fp32", False, None),
]
ROUNDS = {"tiny": 4, "small": 12}
BEGIN, END = "<!-- training: begin -->", "<!-- training: end -->"


def run(command, threads):
    """Images per second, the median of the rounds, and the most bytes of memory."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment, text=True)
    lines = done.stdout.split("\n")
    rate = statistics.median(float(line) for line in lines if line and line[0] != "#")
    return rate, int(next(line.split()[2] for line in lines if line.startswith("# peak_bytes")))


def measure(case, threads):
    _, model, batch, dtype, sparse, goal, *memory = case
    work = [model, "train", str(batch), str(ROUNDS[model])]
    ours = [OPTIONS.bench_model, *work, dtype, OPTIONS.plan if sparse else "none", *memory]
    theirs = [sys.executable, os.path.join(HERE, "torch_model.py"), *work, dtype]
    turns = [
        [run(ours, threads), *(run([*theirs, how], threads) for how in HOW)]
        for _ in range(OPTIONS.turns)
    ]
    best = max(range(len(HOW)), key=lambda i: statistics.median(turn[1 + i][0] for turn in turns))
    pairs = [(turn[0], turn[1 + best]) for turn in turns]
    ratios = sorted(a[0] / b[0] for a, b in pairs)
    return {
        "case": case[0],
        "threads": threads,
        "ours": statistics.median(a[0] for a, _ in pairs),
        "pytorch": statistics.median(b[0] for _, b in pairs),
        "our_bytes": max(a[1] for a, _ in pairs),
        "pytorch_bytes": max(b[1] for _, b in pairs),
        "how": HOW[best],
        "ratio": statistics.median(ratios),
        "least": ratios[0],
        "most": ratios[-1],
        "goal": goal if threads == 2 else None,
    }


def row(r):
    return (
        f"| {r['case']} | {r['threads']} | {r['ours']:.1f} | {r['pytorch']:.1f}, {r['how']} | "
        f"{r['ratio']:.2f} ({r['least']:.2f} to {r['most']:.2f}) | {r['goal'] or ''} | "
        f"{r['our_bytes'] / 2**20:.0f} | {r['pytorch_bytes'] / 2**20:.0f} |"
    )


def write(path, text):
    with open(path, encoding="utf-8") as file:
        page = file.read()
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        sys.exit(f"training: {path} has no place for the table, wanted {BEGIN} and {END} once each")
    start, rest = page.split(BEGIN)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{start}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}")


def main():
    results = []
    versions = f"PyTorch {metadata.version('torch')}, timm {metadata.version('timm')}"
    text = [
        f"{versions}; {os.cpu_count()} CPUs; medians of {OPTIONS.turns} turns, ratios from least",
        "to most; goals for two threads; MiB at the peak of a step:",
        "",
        "| case | threads | images/s | PyTorch | ratio | goal | MiB | PyTorch |",
        "|---|---|---|---|---|---|---|---|",
    ]
    print("\n".join(text))
    for case in CASES:
        if case[4] and not OPTIONS.plan or OPTIONS.cases not in case[0]:
            continue
        for threads in OPTIONS.threads.split(","):
            r = measure(case, int(threads))
            results.append(r)
            text.append(row(r))
            print(text[-1], flush=True)
            with open(OPTIONS.output, "w", encoding="utf-8") as out:
                json.dump(results, out, indent=2)
    if OPTIONS.write:
        write(OPTIONS.write, "\n".join(text))


parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
parser.add_argument("bench_model")
parser.add_argument("output")
parser.add_argument("--plan")
parser.add_argument("--turns", type=int, default=5)
parser.add_argument("--threads", default="1,2")
parser.add_argument("--cases", default="")
parser.add_argument("--write")
OPTIONS = parser.parse_args()
main()
