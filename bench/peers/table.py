#!/usr/bin/env python3
"""Writes the table of a comparison between two marks of a document, and its plot over tokens.

usage: table.py BENCH-PEERS.json README.md PLOT.svg [--partial]

Only of a run that has every case and peer, any other leaves the document as it is; with --partial
of what there is, and the cases that are missing are named below the table.
"""

import json
import os
import sys
import textwrap

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import document
import token_plot
from cases import CASES, NAMES
from quiet import told as quiet_text

SERIES = [
    ("ours", "vitcod, 90 % sparse", "#2060a0", ""),
    ("ort", "ONNX Runtime", "#b03030", ""),
    ("torch", "PyTorch", "#c07020", ""),
    ("torch-mask", "PyTorch, same mask", "#c07020", "6 4"),
    ("openvino", "OpenVINO", "#308050", ""),
]
BEGIN, END = "<!-- bench-peers: begin -->\n", "<!-- bench-peers: end -->\n"


def kinds_of(cases):
    """Cases that differ in threads alone, by name without them."""
    kinds = {}
    for case in cases:
        kinds.setdefault(case["name"].rsplit(" ", 1)[0], {})[case["threads"]] = case
    return kinds


def pair(by_threads, value, digits, unit=""):
    """One number for each number of threads."""
    told = [value(by_threads[t]) if t in by_threads else None for t in (1, 2)]
    if told == [None, None]:
        return ""
    return " / ".join("-" if x is None else f"{x:.{digits}f}" for x in told) + unit


def ratio_of(engine):
    return lambda case: case["engines"].get(engine, {}).get("ratio", {}).get("median")


def best_spread(by_threads):
    """Of the fastest peer's ratio, at the most threads."""
    case = by_threads[max(by_threads)]
    best = case["verdict"]["best_peer"]
    ratio = case["engines"][best]["ratio"]
    return f"{ratio['quartile_low']:.2f} to {ratio['quartile_high']:.2f}"


def best_p99(case):
    best = case["verdict"]["best_peer"]
    return case["engines"][best]["ms"]["p99"]


def peaks_of(cases):
    """Gop/s by number format and threads, the most that `vitcod bench` measured in any case, as one
    measured while others disturb the machine is too low. None where the CPU has none."""
    peaks = {}
    for case in cases:
        key = (case["dtype"], case["threads"])
        peak = case["engines"]["ours"]["said"].get("peak_gops")
        if peak:
            peaks[key] = max(peaks.get(key, 0.0), peak)
    return peaks


def peaks_text(peaks):
    kinds = {}
    for (dtype, threads), peak in peaks.items():
        kinds.setdefault(dtype, {})[threads] = peak
    return ", ".join(f"{dtype} {pair(of, float, 0)}" for dtype, of in kinds.items())


def share_of(case, peaks):
    """Of the peak, by the median of the rounds."""
    peak = peaks.get((case["dtype"], case["threads"]))
    ours = case["engines"]["ours"]
    macs = ours["said"].get("executed_macs")
    if not peak or not macs:
        return None
    return 2e-6 * macs * case["batch"] / ours["ms"]["median"] / peak


def limit_of(case, peaks):
    """The fastest peer's time over ours, if all the work that we do ran at the peak."""
    share = share_of(case, peaks)
    return share and ratio_of(case["verdict"]["best_peer"])(case) / share


def passes_of(case):
    return sum(map(len, case["engines"]["ours"]["passes_ms"]))


def count_of(cases):
    """How many passes the p99 are of; of fewer than 100 they are the slowest."""
    counts = sorted({passes_of(case) for case in cases})
    return " or ".join(str(count) for count in counts) + (
        " passes (of fewer than 100 the slowest)" if counts[0] < 100 else " passes"
    )


def percent(value):
    return None if value is None else 100 * value


def text_of(result):
    peers = [name for name in NAMES if name != "ours"]
    peaks = peaks_of(result["cases"])
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    cpu = result["cpu"]
    head = (
        f"{cpu['model name']}, family {cpu['cpu family']}, model {cpu['model']},"
        f" {cpu['cpus']} CPUs; {versions}. Medians of {result['rounds']} rounds, 1 / 2 threads."
        " First ours in ms, and what 99 of 100 passes do not exceed, of ours and of the fastest"
        f" peer, of {count_of(result['cases'])}. Then the time of each peer over ours, the"
        " quartiles of the fastest peer's ratio at the most threads, the goal, and what the ratio"
        " would be if all the work that we do now ran at the peak. Last our share of the peak, and"
        " of our time what is spent outside products. The peak is the most that `vitcod bench`"
        f" measured beside any case, Gop/s: {peaks_text(peaks)}; that of int8 also for attention,"
        " which then runs in bf16."
    )
    peer_names = [NAMES[name] for name in peers]
    columns = ["case", "ours", "p99", "p99, fastest peer", *peer_names, "quartiles", "goal"]
    columns += ["at the peak", "share of peak", "outside products"]
    lines = [
        *textwrap.wrap(head, 100),
        "",
        f"| {' | '.join(columns)} |",
        "|---" * len(columns) + "|",
    ]
    for name, kind in kinds_of(result["cases"]).items():
        ours = pair(kind, lambda case: case["engines"]["ours"]["ms"]["median"], 1)
        late = pair(kind, lambda case: case["engines"]["ours"]["ms"]["p99"], 1)
        peer_late = pair(kind, best_p99, 1)
        ratios = [pair(kind, ratio_of(peer), 2) for peer in peers]
        goal = pair(kind, lambda case: case["goal"], 2)
        limit = pair(kind, lambda case: limit_of(case, peaks), 2)
        said = [lambda case: percent(share_of(case, peaks))]
        said += [lambda case: percent(case["engines"]["ours"]["outside_products"])]
        shares = [pair(kind, value, 0, " %") for value in said]
        cells = [name, ours, late, peer_late, *ratios, best_spread(kind), goal, limit, *shares]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def points_of(result):
    """DeiT-Tiny in fp32 under a 90 % mask at each number of tokens, for the plot."""
    points = []
    for case in sorted(result["cases"], key=lambda case: case["size"]):
        kind = (case["model"], case["dtype"], case["sparse"], case["threads"], case["batch"])
        if kind == ("tiny", "fp32", True, 2, 1):
            ms = {name: engine["ms"]["median"] for name, engine in case["engines"].items()}
            points.append({"tokens": (case["size"] // 16) ** 2 + 1} | ms)
    return points


def main():
    partial = "--partial" in sys.argv
    if len(sys.argv) != 4 + partial:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        result = json.load(file)
    result["cases"] = [case for case in result["cases"] if "failed" not in case]
    done = [case["name"] for case in result["cases"]]
    left = [case.name for case in CASES if case.name not in done]
    left += [NAMES[name] for name in NAMES if name not in ("ours", *result["peers"])]
    if left and not partial:
        print(f"{sys.argv[2]} is left as it is: without {', '.join(left)}")
        return
    table = text_of(result) + "\n" + textwrap.fill(quiet_text(result), 100) + "\n"
    if left:
        table += "\n" + textwrap.fill(f"Not in this run: {', '.join(left)}.", 100) + "\n"
    document.write_between(sys.argv[2], BEGIN, END, table)
    print(f"{sys.argv[2]} has the table")
    points = points_of(result)
    if points:
        with open(sys.argv[3], "w", encoding="utf-8") as file:
            file.write(token_plot.plot(points, SERIES))
        print(f"{sys.argv[3]} has the plot")


if __name__ == "__main__":
    main()
