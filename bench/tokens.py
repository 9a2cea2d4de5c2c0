#!/usr/bin/env python3
"""How the time of DeiT grows with the number of tokens, dense and sparse: JSON, a plot (SVG), and a
table.

Masks are made at every size, by `vitcod attention` on a few images and `vitcod prune`, and kept in
WORK. Then rounds: each times every size, dense and sparse in turns.

usage: bench/tokens.py VITCOD MODEL IMAGES WORK [--write README.md PLOT.svg] [--rounds N] [SIZE..]
"""

import argparse
import hashlib
import json
import math
import os
import statistics
import subprocess
import textwrap

import document
from token_plot import plot

SIZES = [224, 384, 448, 512, 768, 1024]
SPARSITY = 0.9
SERIES = [
    ("dense_median_ms", "model, dense", "#b03030", ""),
    ("median_ms", "model, 90 % sparse", "#2060a0", ""),
    ("dense_attention_ms", "attention, dense", "#b03030", "6 4"),
    ("attention_ms", "attention, 90 % sparse", "#2060a0", "6 4"),
]
TIMES = [key for key, *_ in SERIES]
BEGIN, END = "<!-- bench-tokens: begin -->\n", "<!-- bench-tokens: end -->\n"


def run(*command):
    return subprocess.run(
        [str(part) for part in command], check=True, capture_output=True, text=True
    ).stdout


def make_mask(given, size):
    mask, maps = os.path.join(given.work, f"mask-{size}.npy"), os.path.join(given.work, "maps.npy")
    if not os.path.exists(mask):
        few = size > 512
        how = ["--image-size", size, "--limit", 2 if few else 20, "--batch", 1 if few else 4]
        run(given.vitcod, "attention", given.model, "--data", given.images, *how, "-o", maps)
        run(given.vitcod, "prune", maps, "--sparsity", SPARSITY, "-o", mask + ".part")
        os.remove(maps)
        os.rename(mask + ".part", mask)
    return mask


def measure(given, size):
    """One round of a size: medians of its passes."""
    runs = 15 if size < 512 else 5 if size < 768 else 3
    how = ["--mask", make_mask(given, size), "--image-size", size, "--runs", runs]
    found = json.loads(run(given.vitcod, "bench", given.model, *how, "--json"))
    if "dense_median_ms" not in found:
        raise SystemExit(f"{given.vitcod} bench printed {sorted(found)}, wanted dense_median_ms")
    return {key: found[key] for key in [*TIMES, "threads", "runs"]}


def spread(values):
    low, middle, high = (
        statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    )
    return {"median": middle, "low": low, "high": high}


def summarise(size, rounds):
    """Medians of the rounds, and spreads of the ratios, round by round."""
    point = {"image_size": size, "tokens": (size // 16) ** 2 + 1, "rounds": rounds}
    point |= {key: statistics.median(r[key] for r in rounds) for key in TIMES}
    point["model_ratio"] = spread([r["dense_median_ms"] / r["median_ms"] for r in rounds])
    point["attention_ratio"] = spread([r["dense_attention_ms"] / r["attention_ms"] for r in rounds])
    return point


def three_digits(value):
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}"


def table_of(points, given, load):
    threads = points[0]["rounds"][0]["threads"]
    head = (
        f"{given.cpu}, {threads} threads of {os.cpu_count()} CPUs, on which {load:.1f} programs ran"
        f" on average; DeiT-Tiny, fp32, ms; medians of {len(points[0]['rounds'])} rounds, dense"
        " over sparse with quartiles, round by round; attention with its packing of keys and"
        " values:"
    )
    lines = [
        *textwrap.wrap(head, 100),
        "",
        "| image | tokens | model dense | sparse | ratio | attention dense | sparse | ratio |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for p in points:
        cells = [str(p["image_size"]), str(p["tokens"])]
        for of, dense, sparse in (("model", *TIMES[:2]), ("attention", *TIMES[2:])):
            ratio = p[f"{of}_ratio"]
            cells += [three_digits(p[dense]), three_digits(p[sparse])]
            cells.append(f"{ratio['median']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("vitcod", "model", "images", "work"):
        parser.add_argument(name)
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--write", nargs=2, metavar=("README.md", "PLOT.svg"))
    given = parser.parse_args()
    if given.rounds < 1:
        parser.error(f"--rounds {given.rounds}, wanted 1 or more")
    if given.write:
        if given.sizes != SIZES:
            parser.error("--write has a table of all sizes alone")
        document.parts_around(given.write[0], BEGIN, END)  # said before an hour has passed
    with open(given.vitcod, "rb") as file:
        given.program = hashlib.sha256(file.read()).hexdigest()[:16]
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    given.cpu = names[0] if names else "unknown CPU"
    return given


def main():
    given = parse()
    os.makedirs(given.work, exist_ok=True)
    path = os.path.join(given.work, "tokens.json")
    result = {"sparsity": SPARSITY, "program": given.program, "cpu": given.cpu}
    rounds = {size: [] for size in given.sizes}
    for size in given.sizes:
        make_mask(given, size)
    for _ in range(given.rounds):
        for size in given.sizes:
            rounds[size].append(measure(given, size))
            p = rounds[size][-1]
            print(
                f'{(size // 16) ** 2 + 1:5} tokens: dense {p["dense_median_ms"]:8.1f} ms, sparse'
                f' {p["median_ms"]:8.1f}; attention {p["dense_attention_ms"]:8.1f} and'
                f' {p["attention_ms"]:8.1f}',
                flush=True,
            )
        points = [summarise(size, rounds[size]) for size in given.sizes]
        with open(path, "w", encoding="utf-8") as file:
            json.dump(result | {"points": points}, file, indent=1)
    table = table_of(points, given, os.getloadavg()[1])
    print("\n" + table)
    pictures = [os.path.join(given.work, "tokens.svg")]
    if given.write:
        document.write_between(given.write[0], BEGIN, END, table)
        pictures.append(given.write[1])
    for picture in pictures if len(points) > 1 else []:
        with open(picture, "w", encoding="utf-8") as file:
            file.write(plot(points, SERIES))
        print(picture)


if __name__ == "__main__":
    main()
