#!/usr/bin/env python3
"""Draws a layer as the RTL computed it above the same layer as the simulator has it.

usage: rtl/timeline.py CSV TRACE OUT.svg (CSV: tb VECTORS --timeline LAYER; TRACE: of vitcod
simulate --trace, that layer alone)
"""

import csv
import json
import sys

LEFT, WIDTH, ROW, GAP, TOP = 130, 900, 44, 8, 40
COLOURS = {"SDDMM": "#0072b2", "SpMM": "#e69f00", "softmax": "#cc79a7"}


def text(x, y, words, anchor="end"):
    return f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}">{words}</text>'


def rtl_rows(rows):
    """(name, [(cycle, height from 0 to 1)])"""
    cycles = [int(row["cycle"]) for row in rows]
    lines = max(int(row["denser lines"]) + int(row["sparser lines"]) for row in rows)
    for name, column, most in (("RTL: denser", "denser lines", lines),
                               ("RTL: sparser", "sparser lines", lines),
                               ("RTL: softmax", "softmax", 1)):
        yield name, list(zip(cycles, [int(row[column]) / most for row in rows]))


def spans_of(trace):
    names = {e["tid"]: e["args"]["name"] for e in trace["traceEvents"]
             if e["ph"] == "M" and e["name"] == "thread_name"}
    spans = {}
    for e in trace["traceEvents"]:
        if e["ph"] == "X":
            spans.setdefault(names[e["tid"]], []).append(
                (e["name"], e["args"]["head"], e["args"]["cycle"], e["args"]["cycles"]))
    return spans


def draw(rows, spans):
    end = int(rows[-1]["cycle"])
    at = lambda cycle: LEFT + WIDTH * cycle / end
    height = TOP + 6 * (ROW + GAP) + 20
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 20}" height="{height}"'
           ' font-family="sans-serif" font-size="12">',
           f'<rect width="{LEFT + WIDTH + 20}" height="{height}" fill="white"/>']
    ends = [int(b["cycle"]) for a, b in zip(rows, rows[1:]) if a["phases over"] != b["phases over"]]
    ends = [cycle - 1 for cycle in ends]  # told a cycle later
    for cycle in ends:
        out.append(f'<line x1="{at(cycle):.1f}" x2="{at(cycle):.1f}" y1="{TOP - 6}" '
                   f'y2="{height - 20}" stroke="#bbb"/>')
    out.append(text(LEFT, 20, "grey: where a phase ends in RTL; heights: lines that have a visit",
                    "start"))
    y = TOP
    for name, values in rtl_rows(rows):
        points = " ".join(f"{at(c):.1f},{y + ROW - ROW * v:.1f}" for c, v in values)
        out.append(f'<polygon points="{at(0)},{y + ROW} {points} {at(end)},{y + ROW}" '
                   'fill="#555"/>' + text(LEFT - 8, y + ROW / 2 + 4, name))
        y += ROW + GAP
    for track in ("denser", "sparser", "softmax"):
        out.append(text(LEFT - 8, y + ROW / 2 + 4, f"simulator: {track}"))
        for name, head, cycle, cycles in spans.get(track, []):
            out.append(f'<rect x="{at(cycle):.1f}" y="{y}" width="{WIDTH * cycles / end:.1f}" '
                       f'height="{ROW}" fill="{COLOURS[name]}"/>')
            if WIDTH * cycles / end > 60:
                words = f"{name} {head}"
                out.append(text(at(cycle + cycles / 2), y + ROW / 2 + 4, words, "middle"))
        y += ROW + GAP
    out.append(text(LEFT - 12, height - 6, "cycle"))
    step = 10 ** (len(str(end)) - 1) // 2
    for cycle in range(0, end + 1, step):
        out.append(text(at(cycle), height - 6, cycle, "middle"))
    return "\n".join(out + ["</svg>", ""])


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    with open(sys.argv[1]) as rows, open(sys.argv[2]) as trace:
        picture = draw(list(csv.DictReader(rows)), spans_of(json.load(trace)))
    with open(sys.argv[3], "w") as out:
        out.write(picture)
