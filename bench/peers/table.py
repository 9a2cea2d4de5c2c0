#!/usr/bin/env python3
"""Writes the table of a comparison between two marks of a document.

usage: table.py BENCH-PEERS.json README.md

Only of a run that has every case: any other leaves the document as it is, and says so.
"""

import json
import sys
import textwrap

from cases import CASES, NAMES

BEGIN, END = "<!-- bench-peers: begin -->\n", "<!-- bench-peers: end -->\n"


def kinds_of(cases):
    """Cases that differ in threads alone, by name without them."""
    kinds = {}
    for case in cases:
        kinds.setdefault(case["name"].rsplit(" ", 1)[0], {})[case["threads"]] = case
    return kinds


def pair(by_threads, value, digits):
    """One number for each number of threads."""
    told = [value(by_threads[t]) if t in by_threads else None for t in (1, 2)]
    if told == [None, None]:
        return ""
    return " / ".join("-" if number is None else f"{number:.{digits}f}" for number in told)


def ratio_of(engine):
    return lambda case: case["engines"].get(engine, {}).get("ratio", {}).get("median")


def text_of(result):
    peers = [name for name in NAMES if name != "ours"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    cpu = result["cpu"]
    head = (
        f"{cpu['model name']}, family {cpu['cpu family']}, model {cpu['model']},"
        f" {cpu['cpus']} CPUs;"
        f" {versions}. Medians of {result['rounds']} rounds of {result['runs']} passes, batch 1;"
        " ours in ms, then the time of each peer over ours; 1 / 2 threads:"
    )
    lines = [
        *textwrap.wrap(head, 100),
        "",
        "| case | ours | " + " | ".join(NAMES[name] for name in peers) + " | goal |",
        "|---" * (len(peers) + 3) + "|",
    ]
    for name, by_threads in kinds_of(result["cases"]).items():
        ours = pair(by_threads, lambda case: case["engines"]["ours"]["ms"]["median"], 1)
        ratios = [pair(by_threads, ratio_of(peer), 2) for peer in peers]
        goal = pair(by_threads, lambda case: case["goal"], 2)
        lines.append(f"| {' | '.join([name, ours, *ratios, goal])} |")
    return "\n".join(lines) + "\n"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        result = json.load(file)
    done = [case["name"] for case in result["cases"] if "failed" not in case]
    left = [case.name for case in CASES if case.name not in done]
    if left:
        print(f"{sys.argv[2]} is left as it is: without {', '.join(left)}")
        return
    with open(sys.argv[2], encoding="utf-8") as file:
        document = file.read()
    before, rest = document.split(BEGIN)
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(before + BEGIN + text_of(result) + END + rest.split(END)[1])
    print(f"{sys.argv[2]} has the table")


if __name__ == "__main__":
    main()
