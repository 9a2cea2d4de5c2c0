#!/usr/bin/env python3
"""Writes what gcovr counted as the part "Coverage" of a page.

usage: tools/coverage.py COUNTS.csv PAGE [WHAT]

COUNTS.csv: gcovr --csv, paths from the root of the tree. WHAT: a sentence on what was run. Rooms,
then the files of which more than a fifth is not covered, with the reason where REASONS has one.
"""
import csv
import os
import re
import sys
import textwrap

MOST = 0.80
# What no test can run everywhere, or what runs without being counted.
REASONS = {
    "core/comm_mpi.c": "runs in processes that mpirun starts, and may not be built",
    "cli/faults.c": "runs in a signal, behind which a process ends without its counts",
    "cli/interrupt.c": "runs in a signal",
    "core/progress.c": "is shown on terminals alone",
    "kernels/attention_cost_cache.c": "tests give the costs, to be the same every time",
    "kernels/attention_cost_measure.c": "tests give the costs, to be the same every time",
    "kernels/attention_costs.c": "tests give the costs, to be the same every time",
    "profile/costs_result.c": "tests give the costs, to be the same every time",
    "cli/profile_costs.c": "tests give the costs, to be the same every time",
    "profile/peak.c": "has a loop for each instruction set, of which the best runs",
    "profile/counters.c": "the kernel allows no counters of the CPU on virtual machines",
    "kernels/attention_rows_avx512bf16.c": "not every CPU has bfloat16",
    "report/png.c": "takes over where memory runs out or a disk is full",
    "train/divergence.c": "gradients are hardly infinite where all that they come from is finite",
}


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield (row["filename"].removeprefix("src/"), int(row["line_total"]),
                   int(row["line_covered"]))


def share(covered, total):
    return f"{100.0 * covered / total:.1f}" if total else "-"


def section(files, what):
    rooms = {}
    for name, total, covered in files:
        room = rooms.setdefault(name.split("/", 1)[0], [0, 0])
        room[0] += total
        room[1] += covered
    lines, covered = (sum(room[i] for room in rooms.values()) for i in range(2))
    text = (f"Written by `make coverage`: of {lines} lines of src, {share(covered, lines)} % run "
            f"in {what}.")
    yield "## Coverage"
    yield ""
    yield textwrap.fill(text, 100)
    yield ""
    yield "| room | lines | % that run |"
    yield "|---|---|---|"
    for room, (total, run) in sorted(rooms.items()):
        yield f"| {room} | {total} | {share(run, total)} |"
    less = sorted((f for f in files if f[1] and f[2] < MOST * f[1]), key=lambda f: f[2] - f[1])
    if less:
        yield ""
        yield "Files of which more than a fifth does not:"
        yield ""
        yield "| file | lines that do not run | why |"
        yield "|---|---|---|"
        for name, total, run in less:
            yield f"| {name} | {total - run} of {total} | {REASONS.get(name, '')} |"
    yield ""


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__.split("\n\n")[1])
    page = sys.argv[2]
    what = sys.argv[3] if len(sys.argv) == 4 else "the tests of `make test`"
    text = "\n".join(section(list(read(sys.argv[1])), what))
    with open(page, encoding="utf-8") as file:
        was = file.read()
    was = re.sub(r"\n## Coverage\n.*?(?=\n## |\Z)", "", was, flags=re.DOTALL).rstrip("\n") + "\n"
    before, mark, behind = was.partition("\n## Fuzzers\n")
    with open(page + ".part", "w", encoding="utf-8") as file:
        file.write(before.rstrip("\n") + "\n\n" + text + mark + behind)
    os.replace(page + ".part", page)


if __name__ == "__main__":
    main()
