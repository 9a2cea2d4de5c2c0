#!/usr/bin/env python3
"""Models of 384 and 518 pixels, dense and 90 % pruned: times here, and of the simulated chips.

There are no weights of these models: masks come from DeiT-Tiny's attention at as many patches, its
heads over and over, and times are those of random weights. WORK keeps the masks.

usage: bench/many_tokens.py VITCOD MODEL IMAGES WORK [--write docs/models.md]

MODEL is DeiT-Tiny, IMAGES a folder. Threads: OMP_NUM_THREADS.
"""

import json
import os
import sys

from comparison import run, with_heads
from document import write_between

# timm's name, heads, pixels at which DeiT-Tiny has as many patches, tokens
MODELS = [
    ("deit3_small_patch16_384", 6, 384, 577),
    ("vit_small_patch14_dinov2", 6, 592, 1370),
]
SPARSITY = "0.9"
CHIPS = ("dense", "prune only", "reorder only", "sanger", "spatten", "systolic", "vitality")
BEGIN, END = "<!-- bench/many_tokens.py -->\n", "<!-- many tokens: end -->\n"


def make_mask(vitcod, deit, images, work, model, heads, pixels):
    mask = os.path.join(work, model, SPARSITY + ".npy")
    if os.path.exists(mask):
        return mask
    os.makedirs(os.path.dirname(mask), exist_ok=True)
    tiny, maps = os.path.join(work, "tiny.npy"), os.path.join(work, "maps.npy")
    size = ["--image-size", str(pixels), "--limit", "8", "--batch", "1"]
    run(vitcod, "attention", deit, "--data", images, *size, "-o", tiny, "--force")
    with_heads(tiny, maps, heads)
    run(vitcod, "prune", maps, "--sparsity", SPARSITY, "-o", mask + ".part", "--force")
    os.remove(tiny)
    os.remove(maps)
    os.rename(mask + ".part", mask)
    return mask


def measured(vitcod, model, mask):
    text = run(vitcod, "bench", "--arch", model, "--mask", mask, "--runs", "15", "--json")
    return json.loads(text)


def simulated(vitcod, work, model, tokens):
    """No column is global: at so many tokens that is cheapest (polarize --threshold auto)."""
    chosen = ["--arch", model, "--masks", work, "--sparsity", SPARSITY]
    rows = run(vitcod, "compare", *chosen, "--threshold", str(tokens), "--json")
    return {row["chip"]: row for row in json.loads(rows)["rows"]}


def times_of(row):
    return row["attention"]["time_us"], row["end_to_end"]["time_us"]


def text_of(vitcod, deit, images, work):
    times = ["| model | tokens | dense, ms | 90 %, ms | ratio | of attention |", "|---" * 6 + "|"]
    chips = [
        "| model | attention, us | end to end, us | " + " | ".join(CHIPS) + " |",
        "|---" * (3 + len(CHIPS)) + "|",
    ]
    for model, heads, pixels, tokens in MODELS:
        mask = make_mask(vitcod, deit, images, work, model, heads, pixels)
        b = measured(vitcod, model, mask)
        ratio = b["dense_over_sparse"]
        times.append(
            f"| {model} | {tokens} | {b['dense_median_ms']:.0f} | {b['median_ms']:.0f} |"
            f" {ratio['median']:.2f} ({ratio['quartile_low']:.2f} to {ratio['quartile_high']:.2f})"
            f" | {b['dense_attention_ms'] / b['attention_ms']:.2f} |"
        )
        rows = simulated(vitcod, work, model, tokens)
        ours = times_of(rows["prune + reorder"])
        others = []
        for chip in CHIPS:
            attention, all_of_it = times_of(rows[chip])
            others.append(f"{attention / ours[0]:.2f}, {all_of_it / ours[1]:.2f}")
        chips.append(f"| {model} | {ours[0]:.0f} | {ours[1]:.0f} | {' | '.join(others)} |")
    return (
        f"`vitcod bench`, fp32, {b['threads']} threads of an {b['cpu']}, random weights, medians of"
        f" {b['runs']} runs in turns:\n\n"
        + "\n".join(times)
        + "\n\nThe simulated chip under the same masks, *prune + reorder*, then the time of the"
        " others over it,\nattention and end to end:\n\n" + "\n".join(chips) + "\n"
    )


def main():
    write = sys.argv[sys.argv.index("--write") + 1] if "--write" in sys.argv else None
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    text = text_of(*sys.argv[1:5])
    if not write:
        print(text)
        return
    write_between(write, BEGIN, END, text)


if __name__ == "__main__":
    main()
