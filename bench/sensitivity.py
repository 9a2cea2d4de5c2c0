#!/usr/bin/env python3
"""What one change of the accelerator does to the cycles, beside what the bound says: the table of docs/simulator.md.

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
BASE = re.sub(r"\nmemory:.*?\n(?=energy:)", "\nmemory: {model: bandwidth, name: simple, rate: 76.8 GB/s, "
              "energy: 12.5 pJ/bit}\n", CHIP, flags=re.S)
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
        run = subprocess.run([vitcod, "simulate", "--mask", mask, "--config", config.name, "--json", *arguments],
                             stdout=subprocess.PIPE, check=True)
    return json.loads(run.stdout)


def lines(attention, *causes):
    """Cycles in which all lines together wait for these."""
    engines = [attention["engines"][name] for name in ("denser", "sparser", "linear")]
    return sum(engine[cause + "_line_cycles"] for engine in engines for cause in causes)


def main():
    vitcod, masks = sys.argv[1], sys.argv[2:]
    for mask in masks:
        print("| %s | cycles | | bound | | compute | memory | busy | memory, index | imbalance, drain |" %
              os.path.basename(mask))
        print("|---|---|---|---|---|---|---|---|---|---|")
        first = None
        for name, change in CHANGES.items():
            result = simulate(vitcod, mask, change)
            a, bound = result["attention"], result["bound"]["attention"]
            count = result["accelerator"]["lines"]
            first = first or (a["cycles"], bound["cycles"])
            part = [lines(a, *c) // count for c in (("busy",), ("dram", "index", "decode", "buffer"),
                                                     ("imbalance", "drain", "softmax"))]
            print("| %s | %d | x %.2f | %d | x %.2f | %d | %d | %d | %d | %d |" %
                  (name, a["cycles"], a["cycles"] / first[0], bound["cycles"], bound["cycles"] / first[1],
                   bound["compute_cycles"], bound["memory_cycles"], *part))
        print()


if __name__ == "__main__":
    main()
