#!/usr/bin/env python3
"""Draws a trace of `vitcod simulate --trace` as SVG: a row for each engine, scratchpad half and
DRAM channel.

usage: timeline.py TRACE.json OUT.svg [TITLE]
"""

import html
import json
import math
import sys

LEFT, WIDTH, ROW, TOP = 96, 900, 17, 58
ORDER = [
    "denser",
    "sparser",
    "linear",
    "decoder",
    "encoder",
    "softmax",
    "vector",
    "query",
    "key",
    "value",
    "index",
    "input",
    "weights",
    "output",
    "channel",
]
# Okabe and Ito's colours, which colour-blind people can tell apart
COLOURS = {
    "SDDMM": "#0072b2",
    "SpMM": "#e69f00",
    "softmax": "#cc79a7",
    "decode": "#d55e00",
    "encode": "#d55e00",
    "load": "#56b4e9",
    "read": "#56b4e9",
    "store": "#009e73",
    "write": "#009e73",
}
OTHER = "#999999"


def spans_of(trace):
    names = {
        e["tid"]: e["args"]["name"]
        for e in trace["traceEvents"]
        if e["ph"] == "M" and e["name"] == "thread_name"
    }
    rows = {}
    for event in trace["traceEvents"]:
        if event["ph"] == "X":
            rows.setdefault(names[event["tid"]], []).append(event)
    return sorted(rows.items(), key=lambda row: (ORDER.index(row[0].split()[0]), row[0]))


def ticks(end):
    step = 10.0 ** math.floor(math.log10(end / 4))
    step *= next(m for m in (1, 2, 5, 10) if end / (step * m) <= 10)
    return [i * step for i in range(int(end / step) + 1)]


def label_of(event):
    head = event["args"].get("head", -1)
    return event["name"] if head < 0 else "%s, head %d" % (event["name"], head)


def draw(trace, title):
    rows = spans_of(trace)
    end = max(e["ts"] + e["dur"] for _, events in rows for e in events)
    height = TOP + ROW * len(rows) + 30
    scale = WIDTH / end
    out = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif"'
        ' font-size="11" role="img" aria-label="%s">'
        % (LEFT + WIDTH + 20, height, html.escape(title, quote=True)),
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        '<text x="%d" y="20" font-size="14">%s</text>' % (LEFT, html.escape(title)),
    ]
    seen = list(dict.fromkeys(e["name"] for _, events in rows for e in events))
    x, named = LEFT, set()
    for name in seen:
        name = {"read": "load", "write": "store"}.get(name, name)
        if name in named:
            continue
        named.add(name)
        out.append(
            '<rect x="%d" y="31" width="11" height="11" fill="%s"/><text x="%d" y="41">%s</text>'
            % (x, COLOURS.get(name, OTHER), x + 15, html.escape(name))
        )
        x += 34 + 7 * len(name)
    bottom = TOP + ROW * len(rows)
    for at in ticks(end):
        out.append(
            '<path d="M%.1f %d V%d" stroke="#dddddd"/><text x="%.1f" y="%d" text-anchor="middle">%g'
            ' us</text>' % (LEFT + at * scale, TOP - 4, bottom, LEFT + at * scale, bottom + 16, at)
        )
    for i, (track, events) in enumerate(rows):
        y = TOP + ROW * i
        out.append(
            '<text x="%d" y="%d" text-anchor="end">%s</text>'
            % (LEFT - 8, y + 12, html.escape(track))
        )
        for e in events:
            width = max(e["dur"] * scale, 0.3)
            text = label_of(e)
            out.append(
                '<rect x="%.2f" y="%d" width="%.2f" height="%d" fill="%s" stroke="#ffffff"'
                ' stroke-width="0.4"><title>%s: %.3f to %.3f us</title></rect>'
                % (
                    LEFT + e["ts"] * scale,
                    y + 1,
                    width,
                    ROW - 3,
                    COLOURS.get(e["name"], OTHER),
                    html.escape(text),
                    e["ts"],
                    e["ts"] + e["dur"],
                )
            )
            if e["args"].get("head", -1) >= 0 and width > 34 and e["name"] != "load":
                out.append(
                    '<text x="%.2f" y="%d" fill="#ffffff" font-size="10">head %d</text>'
                    % (LEFT + e["ts"] * scale + 3, y + 12, e["args"]["head"])
                )
    return "\n".join(out + ["</svg>", ""])


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__.strip())
    with open(sys.argv[1]) as file:
        trace = json.load(file)
    with open(sys.argv[2], "w") as file:
        file.write(draw(trace, sys.argv[3] if len(sys.argv) > 3 else sys.argv[1]))


if __name__ == "__main__":
    main()
