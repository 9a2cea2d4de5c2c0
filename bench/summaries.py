#!/usr/bin/env python3
"""What summaries cost on ViTCoD's chip: plans of one budget of scores, with and without, as a
Markdown table.

    bench/summaries.py VITCOD MODEL IMAGES [--sparsity 0.9] [--limit 1000] [--summary GRID ...]
                       [--keep FOLDER]

`calibrate --epochs 0` makes the plans: statistics alone, nothing is learnt. The rule is `budget`,
but `measured` in the last row, where `--summary auto` chooses. Each is simulated with its model,
and int8 data is sent through, which must come out bit for bit. With --keep models stay in FOLDER,
and those that are there are not made again.
"""

import argparse
import json
import os
import re
import subprocess
import tempfile

GRIDS = ["2x2", "3x3", "3x3*9,1x1*3"]


def vitcod(*arguments):
    done = subprocess.run(
        [OPTIONS.vitcod, *arguments, "--json"], check=True, stdout=subprocess.PIPE
    )
    return json.loads(done.stdout)


def make_model(folder, name, how):
    model = os.path.join(folder, name + ".safetensors")
    if not os.path.exists(model):
        vitcod(
            "calibrate",
            OPTIONS.model,
            "--data",
            OPTIONS.images,
            "--limit",
            str(OPTIONS.limit),
            "--epochs",
            "0",
            "--sparsity",
            str(OPTIONS.sparsity),
            *how,
            "-o",
            model,
        )
    return model


def run_model(model):
    r = vitcod("simulate", model, "--functional")
    unordered = vitcod("simulate", model, "--chip", "prune")
    attention, whole = r["attention"], r["end_to_end"]
    qkv = next(o for o in whole["operators"] if o["operator"] == "qkv")
    return {
        "attention": attention["cycles"],
        "bound": r["bound"]["attention"]["cycles"],
        "unordered": unordered["attention"]["cycles"],
        "macs": attention["macs"],
        "dram": attention["dram_bytes"],
        "biases": attention["bytes"].get("bias_bytes", 0),
        "energy": attention["energy_uj"],
        "qkv": qkv["cycles"],
        "all": whole["cycles"],
        "exact": "yes" if r["functional"]["bit_exact"] else "no",
    }


def row(name, r, base):
    print(
        "| %s | %s | %.2f | %s | %s | %.2f | %.1f | %.2f | %.1f | %.1f | %s | %s | %s |"
        % (
            name,
            f"{r['attention']:,}",
            r["attention"] / base["attention"],
            f"{r['bound']:,}",
            f"{r['unordered']:,}",
            r["unordered"] / base["unordered"],
            r["macs"] / 1e6,
            r["dram"] / 1048576,
            r["biases"] / 1024,
            r["energy"],
            f"{r['qkv']:,}",
            f"{r['all']:,}",
            r["exact"],
        )
    )


def main():
    plans = {
        "plain mask": ["--rule", "budget", "--residual", "none"],
        "residual `mean`": ["--rule", "budget", "--residual", "mean"],
    }
    for grid in OPTIONS.summary:
        plans["summaries " + grid] = ["--rule", "budget", "--summary", grid]
    plans["`measured`, `auto`"] = ["--rule", "measured", "--summary", "auto"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = OPTIONS.keep or temporary
        results = {}
        for name, how in plans.items():
            file = "plan-%g-%s" % (OPTIONS.sparsity, re.sub("[^a-z0-9]+", "-", name).strip("-"))
            results[name] = run_model(make_model(folder, file, how))
    print(
        "| %g %% of the scores pruned | attention, cycles | x plain | bound | no reordering "
        "| x plain | M MAC | DRAM MiB | biases, KiB | uJ | QKV, cycles | end to end | bit for bit |"
        % (100 * OPTIONS.sparsity)
    )
    print("|---" * 13 + "|")
    for name, r in results.items():
        row(name, r, results["plain mask"])


def options():
    p = argparse.ArgumentParser()
    p.add_argument("vitcod")
    p.add_argument("model")
    p.add_argument("images")
    p.add_argument("--sparsity", type=float, default=0.9)
    p.add_argument("--limit", type=int, default=1000)
    p.add_argument("--summary", nargs="+", default=GRIDS)
    p.add_argument("--keep")
    return p.parse_args()


OPTIONS = options()
main()
