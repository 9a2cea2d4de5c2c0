#!/usr/bin/env python3
"""Draws what vitcod does, as SVG: one head of a run of examples/fashion-mnist.sh as averaged
attention, as mask and polarized, and what comes of it.

usage: overview.py RUN OUT.svg [LAYER HEAD]
"""

import ast
import json
import math
import struct
import sys

CELL, SIDE, TOP, GAP, LEFT = 2.6, 66, 66, 62, 20  # a cell is 3 x 3 entries
TYPES = {"<f4": "f", "|b1": "?"}


def npy_head(path, layer, head):
    """One head of an array (L, H, Tq, Tk), as rows."""
    with open(path, "rb") as file:
        data = file.read()
    length = struct.unpack("<H", data[8:10])[0]
    about = ast.literal_eval(data[10 : 10 + length].decode())
    _, heads, queries, keys = about["shape"]
    kind = TYPES[about["descr"]]
    size = struct.calcsize(kind)
    start = 10 + length + (layer * heads + head) * queries * keys * size
    values = struct.unpack(f"<{queries * keys}{kind}", data[start : start + queries * keys * size])
    return [values[i * keys : (i + 1) * keys] for i in range(queries)]


def plan_head(path, layer, head):
    """The order of queries and of keys, and the number of global tokens."""
    with open(path, "rb") as file:
        data = file.read()
    length = struct.unpack("<Q", data[:8])[0]
    tensors = json.loads(data[8 : 8 + length])

    def numbers(name):
        begin, end = tensors[f"layers.{layer}.{name}"]["data_offsets"]
        part = data[8 + length + begin : 8 + length + end]
        return struct.unpack(f"<{len(part) // 4}i", part)

    queries, keys = numbers("query_order"), numbers("key_order")
    width = tensors[f"layers.{layer}.key_order"]["shape"][1]
    one = slice(head * width, (head + 1) * width)
    return queries[one], keys[one], numbers("global_tokens")[head]


def cells(rows):
    """The means of 3 x 3 entries."""
    step = len(rows) / SIDE
    out = []
    for y in range(SIDE):
        line = []
        for x in range(SIDE):
            part = [
                rows[j][i]
                for j in range(int(y * step), max(int(y * step) + 1, int((y + 1) * step)))
                for i in range(int(x * step), max(int(x * step) + 1, int((x + 1) * step)))
            ]
            line.append(sum(part) / len(part))
        out.append(line)
    return out


def panel(out, index, title, words, grid, colour):
    """A square of cells; cells of one colour in a row are one rectangle."""
    x0 = LEFT + index * (SIDE * CELL + GAP)
    width = SIDE * CELL
    out.append(f'<text x="{x0}" y="28" font-size="14" font-weight="bold">{title}</text>')
    out.append(f'<text x="{x0}" y="{TOP - 14}" fill="#555">keys →</text>')
    paths = {}
    for y, line in enumerate(grid):
        start = 0
        for x in range(1, SIDE + 1):
            if x < SIDE and colour(line[x], x) == colour(line[start], start):
                continue
            run = f"M{start} {y}h{x - start}v1h{start - x}z"
            paths.setdefault(colour(line[start], start), []).append(run)
            start = x
    out.append(f'<g transform="translate({x0} {TOP}) scale({CELL})">')
    for fill, runs in paths.items():
        if fill != "#ffffff":
            out.append(f'<path fill="{fill}" d="{"".join(runs)}"/>')
    out.append("</g>")
    out.append(
        f'<rect x="{x0}" y="{TOP}" width="{width:.1f}" height="{width:.1f}" fill="none" '
        'stroke="#777"/>'
    )
    for i, line in enumerate(words):
        out.append(f'<text x="{x0}" y="{TOP + width + 20 + 15 * i:.0f}">{line}</text>')
    if index < 2:
        middle = TOP + width / 2
        out.append(
            f'<path d="M{x0 + width + 14:.0f} {middle:.0f}h28m-8 -6l8 6l-8 6" fill="none" '
            'stroke="#333" stroke-width="2"/>'
        )


def blend(low, high, share):
    steps = round(max(0.0, min(1.0, share)) * 6) / 6
    return "#" + "".join(f"{round(a + (b - a) * steps):02x}" for a, b in zip(low, high))


def main(run, path, layer="0", head="0"):
    layer, head = int(layer), int(head)
    attention = npy_head(run + "/attention.npy", layer, head)
    mask = npy_head(run + "/mask.npy", layer, head)
    queries, keys, most = plan_head(run + "/plan.safetensors", layer, head)
    tokens = len(mask)
    kept = [[0.0 if pruned else 1.0 for pruned in row] for row in mask]
    ordered = [[kept[q][k] for k in keys] for q in queries]
    peak = max(max(row) for row in attention)
    logs = cells([[math.log10(max(v, 1e-9) / peak) for v in row] for row in attention])
    low, high = min(map(min, logs)), max(map(max, logs))
    denser = most * SIDE / tokens
    share = 100.0 * sum(map(sum, kept)) / tokens**2
    paper, ink, pale, blue = (255, 255, 255), (32, 34, 42), (222, 235, 247), (8, 81, 156)
    width = LEFT * 2 + 3 * SIDE * CELL + 2 * GAP
    height = TOP + SIDE * CELL + 62
    words = "attention averaged over images, pruned once to a fixed mask, reordered"
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'font-family="sans-serif" font-size="11.5" role="img" aria-label="{words}">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    panel(
        out,
        0,
        "averaged attention",
        ["what each query (down) looks at,", "over 5,000 training images"],
        logs,
        lambda v, x: blend(paper, (0, 90, 75), (v - low) / (high - low)),
    )
    panel(
        out,
        1,
        "a fixed mask",
        [f"pruned once: {share:.0f} % of the entries", "stay, the same for every image"],
        cells(kept),
        lambda v, x: blend(paper, ink, 1.6 * v),
    )
    panel(
        out,
        2,
        "polarized: the plan",
        [f"{most} global tokens come first: a denser", "part (blue) and a sparser one"],
        cells(ordered),
        lambda v, x: blend(pale, blue, 1.4 * v) if x < denser else blend(paper, ink, 1.6 * v),
    )
    out.append("</svg>")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n")


if __name__ == "__main__":
    if not 3 <= len(sys.argv) <= 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
