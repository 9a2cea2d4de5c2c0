#!/usr/bin/env python3
"""How the time of DeiT grows with the number of tokens, dense and sparse: JSON and a plot (SVG).

Masks are made at every size, by `vitcod attention` on a few images and `vitcod prune`, and kept in
WORK.

usage: bench/tokens.py VITCOD MODEL IMAGES WORK [SIZE..]
"""

import json
import math
import os
import subprocess
import sys

SIZES = [224, 384, 448, 512, 768, 1024]
SPARSITY = 0.9
SERIES = [
    ("dense_median_ms", "model, dense", "#b03030", ""),
    ("median_ms", "model, 90 % sparse", "#2060a0", ""),
    ("dense_attention_ms", "attention, dense", "#b03030", "6 4"),
    ("attention_ms", "attention, 90 % sparse", "#2060a0", "6 4"),
]
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 480, 70, 190, 30, 50


def run(*command):
    return subprocess.run(
        [str(part) for part in command], check=True, capture_output=True, text=True
    ).stdout


def make_mask(vitcod, model, images, work, size):
    mask, maps = os.path.join(work, f"mask-{size}.npy"), os.path.join(work, "maps.npy")
    if not os.path.exists(mask):
        few = size > 512
        run(
            vitcod,
            "attention",
            model,
            "--data",
            images,
            "--image-size",
            size,
            "--limit",
            2 if few else 20,
            "--batch",
            1 if few else 4,
            "-o",
            maps,
        )
        run(vitcod, "prune", maps, "--sparsity", SPARSITY, "-o", mask + ".part")
        os.remove(maps)
        os.rename(mask + ".part", mask)
    return mask


def measure(vitcod, model, mask, size):
    runs = 31 if size < 512 else 11 if size < 768 else 5
    found = json.loads(
        run(vitcod, "bench", model, "--mask", mask, "--image-size", size, "--runs", runs, "--json")
    )
    keys = [key for key in found if key.endswith("_ms")] + ["dense_over_sparse", "threads", "runs"]
    return {"image_size": size, "tokens": (size // 16) ** 2 + 1} | {key: found[key] for key in keys}


def ticks(low, high):
    """1, 2, 5 times powers of ten."""
    return [
        step * 10.0**power
        for power in range(-3, 6)
        for step in (1, 2, 5)
        if low <= step * 10.0**power <= high
    ]


def plot(points):
    values = [p[key] for p in points for key, *_ in SERIES]
    low, high = min(values) * 0.8, max(values) * 1.25
    first, last = points[0]["tokens"], points[-1]["tokens"]

    def x(tokens):
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(tokens / first) / math.log(last / first)

    def y(ms):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * math.log(ms / low) / math.log(high / low)

    out = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
            f' width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">'
        ),
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for ms in ticks(low, high):
        out.append(
            f'<path d="M{LEFT} {y(ms):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
            f'<text x="{LEFT - 6}" y="{y(ms) + 4:.1f}" text-anchor="end">{ms:g}</text>'
        )
    for p in points:
        out.append(
            f'<path d="M{x(p["tokens"]):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#eee"/><text'
            f' x="{x(p["tokens"]):.1f}" y="{HEIGHT - BOTTOM + 18}"'
            f' text-anchor="middle">{p["tokens"]}</text>'
        )
    # Labels keep their distance where lines end close to each other.
    at = HEIGHT
    for key, label, colour, dash in sorted(SERIES, key=lambda s: points[-1][s[0]]):
        line = " ".join(f'{x(p["tokens"]):.1f},{y(p[key]):.1f}' for p in points)
        at = min(at - 16, y(points[-1][key]) + 4)
        out.append(
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"'
            f' stroke-dasharray="{dash}"/><text x="{WIDTH - RIGHT + 8}" y="{at:.1f}"'
            f' fill="{colour}">{label}</text>'
        )
    out.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}"'
        f' text-anchor="middle">tokens</text><text x="{LEFT - 6}" y="{TOP - 12}"'
        ' text-anchor="end">ms</text></svg>'
    )
    return "\n".join(out) + "\n"


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__.strip().splitlines()[-1])
    vitcod, model, images, work = sys.argv[1:5]
    os.makedirs(work, exist_ok=True)
    points = []
    for size in [int(text) for text in sys.argv[5:]] or SIZES:
        points.append(measure(vitcod, model, make_mask(vitcod, model, images, work, size), size))
        p = points[-1]
        print(
            f'{p["tokens"]:5} tokens: dense {p["dense_median_ms"]:8.1f} ms, sparse'
            f' {p["median_ms"]:8.1f}; attention {p["dense_attention_ms"]:8.1f} and'
            f' {p["attention_ms"]:8.1f}',
            flush=True,
        )
        with open(os.path.join(work, "tokens.json"), "w", encoding="utf-8") as file:
            json.dump({"sparsity": SPARSITY, "points": points}, file, indent=1)
    if len(points) > 1:
        with open(os.path.join(work, "tokens.svg"), "w", encoding="utf-8") as file:
            file.write(plot(points))
        print(f"{work}/tokens.svg")


if __name__ == "__main__":
    main()
