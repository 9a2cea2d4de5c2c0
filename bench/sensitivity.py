#!/usr/bin/env python3
"""What one change of the accelerator does to the cycles, beside what the bound says: the table of
docs/simulator.md.

usage: sensitivity.py VITCOD MASK [MASK...]      masks of DeiT-Tiny's shape (12, 3, 197, 197)
"""

import json
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CHIP = open(os.path.join(ROOT, "configs/accelerators/vitcod.yaml")).read()
BASE = re.sub(
    r"\nmemory:.*?\n(?=energy:)",
    "\nmemory: {model: bandwidth, name: simple, rate: 76.8 GB/s, energy: 12.5 pJ/bit}\n",
    CHIP,
    flags=re.S,
)
# change: (text of the file, its replacement), arguments
CHANGES = {
    "as it is": ("", "", []),
    "twice the MACs (128 lines)": ("lines: 64 ", "lines: 128 ", []),
    "half the bandwidth": ("rate: 76.8", "rate: 38.4", []),
    "twice the bandwidth": ("rate: 76.8", "rate: 153.6", []),
    "with an auto-encoder (3 -> 2 heads)": ("", "", ["--compressed", "2"]),
    "half the bandwidth, with an auto-encoder": ("rate: 76.8", "rate: 38.4", ["--compressed", "2"]),
    "a quarter of the bandwidth": ("rate: 76.8", "rate: 19.2", []),
    "a quarter, with an auto-encoder": ("rate: 76.8", "rate: 19.2", ["--compressed", "2"]),
    "lines split 50:50": ("split: kept ", "split: fixed ", []),
}


def simulate(vitcod, mask, change):
    old, new, arguments = change
    if BASE.count(old) < 1:
        sys.exit("sensitivity: the configuration has no '%s'" % old)
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
        config.write(BASE.replace(old, new, 1) if old else BASE)
        config.flush()
        run = subprocess.run(
            [vitcod, "simulate", "--mask", mask, "--chip", config.name, "--json", *arguments],
            stdout=subprocess.PIPE,
            check=True,
        )
    return json.loads(run.stdout)


def columns(mask):
    """Kept entries of each column, head by head, from an npy file of bytes: (layers, heads, tokens,
    tokens).
    """
    data = open(mask, "rb").read()
    start = 10 + int.from_bytes(data[8:10], "little")
    shape = [
        int(n)
        for n in re.search(rb"'shape': \((.*?)\)", data[:start]).group(1).split(b",")
        if n.strip()
    ]
    tokens, body = shape[-1], data[start:]
    for head in range(shape[0] * shape[1]):
        square = body[head * tokens * tokens : (head + 1) * tokens * tokens]
        yield tokens, [tokens - sum(square[key::tokens]) for key in range(tokens)]


def split_bound(mask, lines=64, cycles=2 * 8, threshold=50):
    """Cycles when half of the lines are for each part: SDDMM and SpMM, 8 cycles an entry."""
    total = 0
    for tokens, kept in columns(mask):
        denser = tokens * sum(k > threshold for k in kept)
        total += max(denser, sum(k for k in kept if k <= threshold)) * cycles / (lines / 2)
    return round(total)


def lines(attention, *causes):
    """Cycles in which all lines together wait for these."""
    engines = [attention["engines"][name] for name in ("denser", "sparser", "linear")]
    return sum(engine[cause + "_line_cycles"] for engine in engines for cause in causes)


def main():
    vitcod, masks = sys.argv[1], sys.argv[2:]
    for mask in masks:
        print(
            "| %s | cycles | | bound | | compute | memory | busy | memory, index | imbalance,"
            " drain |" % os.path.basename(mask)
        )
        print("|---|---|---|---|---|---|---|---|---|---|")
        first = None
        for name, change in CHANGES.items():
            result = simulate(vitcod, mask, change)
            a, bound = result["attention"], result["bound"]["attention"]
            least = max(bound["cycles"], split_bound(mask) if "fixed" in change[1] else 0)
            count = result["accelerator"]["lines"]
            first = first or (a["cycles"], bound["cycles"])
            part = [
                lines(a, *c) // count
                for c in (
                    ("busy",),
                    ("dram", "index", "decode", "buffer"),
                    ("imbalance", "drain", "softmax"),
                )
            ]
            print(
                "| %s | %d | x %.2f | %d | x %.2f | %d | %d | %d | %d | %d |"
                % (
                    name,
                    a["cycles"],
                    a["cycles"] / first[0],
                    least,
                    least / first[1],
                    bound["compute_cycles"],
                    bound["memory_cycles"],
                    *part,
                )
            )
        print()


if __name__ == "__main__":
    main()
