#!/usr/bin/env python3
"""What pruning does to a model before anything is learnt: the table of docs/calibration.md.

    bench/accuracy.py VITCOD MODEL RESULTS IMAGES [IMAGES ...] [--limit 400] [--hold-back 200,200]
                      [--sparsity 0.9 ...] [--rule NAME ...] [--docs docs/calibration.md]

`calibrate --epochs 0` makes each model of the images that are not held back and compares it with
the dense one on those that are. Its result goes to RESULTS, a file for each row and sparsity, and
what is there is not measured again; `vitcod report RESULTS -o page.html` draws them. --docs writes
the table between its two marks in that file; else it is printed. `--rule none` only writes.
"""

import argparse
import json
import math
import os
import re
import subprocess
import textwrap

# name of the files: what the table calls it, options
ROWS = {
    "info": ("`info`, residual `none` (ViTCoD)", ["--rule", "info", "--residual", "none"]),
    "threshold": ("`threshold`, residual `mean`", ["--rule", "threshold", "--residual", "mean"]),
    "budget": ("`budget`, residual `mean`", ["--rule", "budget", "--residual", "mean"]),
    "threshold-3x3": ("`threshold`, summaries 3x3", ["--rule", "threshold", "--summary", "3x3"]),
    "measured-auto": ("`measured`, summaries `auto`", ["--rule", "measured", "--summary", "auto"]),
}
SPARSITIES = [0.6, 0.7, 0.8, 0.9, 0.95, 0.97]
BEGIN, END = "<!-- bench/accuracy.py -->\n", "<!-- end -->\n"


def path_of(row, sparsity):
    return os.path.join(OPTIONS.results, "%s-%g.json" % (row, 100 * sparsity))


def measure(row, sparsity):
    path = path_of(row, sparsity)
    model = path[: -len(".json")] + ".safetensors"
    how = list(ROWS[row][1])
    if row.startswith("measured"):
        how += ["--curves", os.path.join(OPTIONS.results, "curves-%g.json" % (100 * sparsity))]
    for images in OPTIONS.images:
        how += ["--data", images]
    done = subprocess.run(
        [OPTIONS.vitcod, "calibrate", OPTIONS.model, *how]
        + ["--limit", str(OPTIONS.limit), "--hold-back", OPTIONS.hold_back, "--epochs", "0"]
        + ["--sparsity", "%g" % sparsity, "--json", "-o", model],
        check=True,
        stdout=subprocess.PIPE,
    )
    os.remove(model)
    with open(path + ".part", "wb") as file:
        file.write(done.stdout)
    os.replace(path + ".part", path)


def read_all():
    found = {}
    for row in ROWS:
        for sparsity in SPARSITIES:
            if os.path.exists(path_of(row, sparsity)):
                with open(path_of(row, sparsity), encoding="utf-8") as file:
                    found[row, sparsity] = json.load(file)
    return found


def images_of(result):
    return [
        (os.path.basename(s["path"].rstrip("/")), s["images"], s["held_back"])
        for s in result["sources"]
    ]


def interval(share, count):
    """95 % of a share of so many images (Wilson)."""
    z = 1.96
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    half /= 1 + z * z / count
    return 100 * (middle - half), 100 * (middle + half)


def cell(result, source):
    if not result:
        return "-"
    s = result["sources"][source]
    return "%.1f / %.3f" % (100 * s["agreement_before"], s["divergence_before"])


def wrapped(text):
    return textwrap.fill(text, 100, break_on_hyphens=False, break_long_words=False)


def table(found):
    results = list(found.values())
    images = images_of(results[0])
    if any(images_of(r) != images for r in results):
        raise SystemExit("%s: results are not all of the same images" % OPTIONS.results)
    learnt = " and ".join("%d of `%s`" % (count, name) for name, count, _ in images)
    lines = [wrapped("Statistics are from %s; none of them is among those held back." % learnt), ""]
    for i, (name, _, held_back) in enumerate(images):
        low, high = interval(0.9, held_back)
        lines += [
            wrapped(
                "`%s`, %d images held back (95 %% interval of an agreement of 90 %%: %.0f to "
                "%.0f %%):" % (name, held_back, low, high)
            ),
            "",
            "| agreement (%) / divergence (nat) | "
            + " | ".join("%g %%" % (100 * s) for s in SPARSITIES)
            + " |",
            "|---" * (1 + len(SPARSITIES)) + "|",
        ]
        for row, (title, _) in ROWS.items():
            cells = [cell(found.get((row, s)), i) for s in SPARSITIES]
            lines.append("| %s | " % title + " | ".join(cells) + " |")
        lines.append("")
    if len(found) < len(ROWS) * len(SPARSITIES):
        lines += ["`-`: not measured.", ""]
    chosen = [
        "%g %%: `%s`" % (100 * s, found["measured-auto", s]["summaries"])
        for s in SPARSITIES
        if "summaries" in found.get(("measured-auto", s), {})
    ]
    if chosen:
        lines += [wrapped("`auto` chose, layer by layer: " + "; ".join(chosen) + "."), ""]
    return "\n".join(lines)


def write(text):
    if not OPTIONS.docs:
        print(text)
        return
    with open(OPTIONS.docs, encoding="utf-8") as file:
        page = file.read()
    block = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.S)
    if not block.search(page):
        raise SystemExit("%s: has no block from '%s'" % (OPTIONS.docs, BEGIN.strip()))
    with open(OPTIONS.docs, "w", encoding="utf-8") as file:
        file.write(block.sub(lambda _: BEGIN + text + END, page))


def main():
    os.makedirs(OPTIONS.results, exist_ok=True)
    for row in OPTIONS.rule:
        for sparsity in OPTIONS.sparsity:
            if row != "none" and not os.path.exists(path_of(row, sparsity)):
                measure(row, sparsity)
    found = read_all()
    if found:
        write(table(found))


parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
parser.add_argument("vitcod")
parser.add_argument("model")
parser.add_argument("results")
parser.add_argument("images", nargs="+")
parser.add_argument("--limit", type=int, default=400)
parser.add_argument("--hold-back", default="200,200")
parser.add_argument("--sparsity", type=float, nargs="+", default=SPARSITIES, choices=SPARSITIES)
parser.add_argument("--rule", nargs="+", default=list(ROWS), choices=[*ROWS, "none"])
parser.add_argument("--docs")
OPTIONS = parser.parse_args()
main()
