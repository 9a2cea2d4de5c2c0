#!/usr/bin/env python3
"""How the time of DeiT grows with the number of tokens, dense and sparse: JSON and a plot (SVG).

Masks are made at every size, by `vitcod attention` on a few images and `vitcod prune`, and kept in
WORK.

usage: bench/tokens.py VITCOD MODEL IMAGES WORK [SIZE..]
"""

import json
import os
import subprocess
import sys

from token_plot import plot

SIZES = [224, 384, 448, 512, 768, 1024]
SPARSITY = 0.9
SERIES = [
    ("dense_median_ms", "model, dense", "#b03030", ""),
    ("median_ms", "model, 90 % sparse", "#2060a0", ""),
    ("dense_attention_ms", "attention, dense", "#b03030", "6 4"),
    ("attention_ms", "attention, 90 % sparse", "#2060a0", "6 4"),
]


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
            file.write(plot(points, SERIES))
        print(f"{work}/tokens.svg")


if __name__ == "__main__":
    main()
