#!/usr/bin/env python3
"""What pruning does to a model before anything is learnt: the table of docs/calibration.md.

    bench/accuracy.py VITCOD MODEL RESULTS IMAGES [IMAGES ...] [--limit 400] [--hold-back 200,200]
                      [--sparsity 0.9 ...] [--rule NAME ...] [--docs docs/calibration.md]

`calibrate --epochs 0` makes each model of the images that are not held back and compares it with
the dense one on those that are. Its result goes to RESULTS, a file for each row and sparsity, and
what is there is not measured again, nor what could not be made, of which a file says why; `vitcod
report RESULTS -o page.html` draws them. What sparsity costs each head is measured once, by
`vitcod attention`, and plans for all sparsities are made of that. --docs writes the table between
its two marks in that file; else it is printed. `--rule none` only writes.
"""

import argparse
import json
import math
import os
import re
import subprocess
import sys
import textwrap
import zlib
from subprocess import PIPE

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


# What a plan that cannot be made is refused with.
IMPOSSIBLE = ["out of reach", "summaries alone are", "for entries:"]


def impossible(path):
    return path[: -len(".json")] + ".impossible"


def path_of(row, sparsity):
    return os.path.join(OPTIONS.results, "%s-%g.json" % (row, 100 * sparsity))


def run(*words):
    """What a verb prints with --json; a sentence in place of what cannot be made."""
    done = subprocess.run(
        [OPTIONS.vitcod, *words, "--json"], check=False, stdout=subprocess.PIPE, stderr=PIPE
    )
    said = done.stderr.decode(errors="replace").strip().splitlines()
    if done.returncode == 1 and said and any(word in said[-1] for word in IMPOSSIBLE):
        return said[-1]
    if done.returncode != 0:
        raise SystemExit("\n".join(said) or "vitcod %s: %d" % (words[0], done.returncode))
    return json.loads(done.stdout)


def images():
    how = ["--limit", str(OPTIONS.limit), "--hold-back", OPTIONS.hold_back]
    for path in OPTIONS.images:
        how += ["--data", path]
    return how


def statistics(how):
    """What plans of this row are made from, at any sparsity."""
    of = zlib.crc32(" ".join([OPTIONS.model, *images(), *how]).encode())
    path = os.path.join(OPTIONS.results, "attention-%08x.safetensors" % of)
    curves = os.path.join(OPTIONS.results, "curves.json")
    if not os.path.exists(path):
        resume = ["--resume"] if os.path.exists(path + ".checkpoint") else []
        run("attention", OPTIONS.model, *images(), *how, *resume, "--curves", curves, "-o", path)
    return path


def plan_of(how, sparsity, path):
    """Writes the plan; what prune says of it, or why there is none."""
    pruned = path + ".pruned"
    said = run("prune", statistics(how), *how, "--sparsity", "%g" % sparsity, "-o", pruned)
    if isinstance(said, dict):
        run("polarize", pruned, "-o", path)
        os.remove(pruned)
    return said


def measure(row, sparsity):
    path = path_of(row, sparsity)
    model, plan = path[: -len(".json")] + ".safetensors", path[: -len(".json")] + ".plan"
    how, said = list(ROWS[row][1]), {}
    if row.startswith("measured"):
        said = plan_of(how, sparsity, plan)
        how = ["--plan", plan]
    else:
        how += ["--sparsity", "%g" % sparsity]
    if isinstance(said, dict):
        result = run("calibrate", OPTIONS.model, *how, *images(), "--epochs", "0", "-o", model)
    else:
        result = said
    for left in (model, plan):
        if os.path.exists(left):
            os.remove(left)
    if isinstance(result, str):
        path, text = impossible(path), result
    else:
        result.update((key, said[key]) for key in ("rule", "summaries") if key in said)
        text = json.dumps(result, indent=2)
    with open(path + ".part", "w", encoding="utf-8") as file:
        file.write(text + "\n")
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


def cell(result, source, path):
    if not result:
        return "x" if os.path.exists(impossible(path)) else "-"
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
            cells = [cell(found.get((row, s)), i, path_of(row, s)) for s in SPARSITIES]
            lines.append("| %s | " % title + " | ".join(cells) + " |")
        lines.append("")
    missing = [path_of(row, s) for row in ROWS for s in SPARSITIES if (row, s) not in found]
    refused = [path for path in missing if os.path.exists(impossible(path))]
    if refused:
        lines += ["`x`: what must be kept, with the scores of summaries, is more than that.", ""]
    if len(refused) < len(missing):
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
    wanted = [
        (row, s)
        for row in OPTIONS.rule
        for s in OPTIONS.sparsity
        if row != "none"
        and not os.path.exists(path_of(row, s))
        and not os.path.exists(impossible(path_of(row, s)))
    ]
    for i, (row, s) in enumerate(wanted):
        print("%d of %d: %s at %g %%" % (i + 1, len(wanted), row, 100 * s), file=sys.stderr)
        measure(row, s)
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
