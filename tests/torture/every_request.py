#!/usr/bin/env python3
"""Lets each request for memory that a verb makes fail once, in the order in which it makes them.

usage: tests/torture/every_request.py BUILD [--verbs NAME,...] [--most N] [--page FILE]

Looked at is what torture.py looks at. Of a verb with more than N requests (1500) the first half of
N are tried, and as many that lie evenly in the rest. The table is printed, and written to a page
with --page.
"""
import argparse
import concurrent.futures
import os
import re
import shutil
import sys

import torture


def count_requests(place, scene, lost):
    """Found by halving: a run tells whether it came to the request."""
    def comes_to(at):
        there, why = place.refuse(scene, at)
        if why:
            lost[at] = why
        return there
    least, most = 0, 1
    while comes_to(most):
        least, most = most, most * 2
    while most - least > 1:
        half = (least + most) // 2
        if comes_to(half):
            least = half
        else:
            most = half
    return least


def choose(count, most):
    if count <= most:
        return range(1, count + 1)
    first = most // 2
    more = most - first
    return [*range(1, first + 1), *(first + (i + 1) * (count - first) // more for i in range(more))]


def try_verb(job):
    """Its row of the table, and how many of its runs were lost."""
    build, name, most = job
    scene = next(scene for scene in torture.SCENES if scene.name == name)
    place, lost = torture.Torture(os.path.abspath(build), 1), {}
    try:
        place.set_up([scene])
        count = count_requests(place, scene, lost)
        tries = choose(count, most)
        for at in tries:
            why = place.refuse(scene, at)[1]
            if why:
                lost[at] = why
    finally:
        shutil.rmtree(place.place, ignore_errors=True)
    for at, why in sorted(lost.items()):
        print(f"# lost: {name}, request {at}: {why}", flush=True)
    row = f"| {name} | {count} | {len(tries)} | {len(lost)} |"
    print(row, flush=True)
    return row, len(lost)


HEAD = "| verb | requests | tried | lost |\n|---|---|---|---|"
PART = """
## Requests for memory

Written by `make torture-memory`, which lets requests for memory fail, of the program's own and of
jansson's, one in each process, and looks at what is left as above. `codesign` is several processes,
of which the longest is counted.

{head}
{rows}
"""


def write(path, rows):
    """Before what the coverage and the fuzzers write."""
    was = re.sub(r"\n## Requests for memory\n.*?(?=\n## |\Z)", "", torture.text(path),
                 flags=re.DOTALL)
    rest = torture.PARTS.search(was)
    at = rest.start() if rest else len(was)
    with open(path, "w", encoding="utf-8") as file:
        file.write(was[:at] + PART.format(head=HEAD, rows="\n".join(rows)) + was[at:])


def main():
    names = [scene.name for scene in torture.SCENES]
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--verbs", default=",".join(names))
    parser.add_argument("--most", type=int, default=1500)
    parser.add_argument("--page")
    given = parser.parse_args()
    wanted = given.verbs.split(",")
    if set(wanted) - set(names):
        parser.error(f"--verbs has {given.verbs}, wanted some of {','.join(names)}")
    if given.page and set(wanted) != set(names):
        parser.error("--page is of all verbs, and --verbs names some")
    if given.most < 1:
        parser.error(f"--most is {given.most}, wanted 1 or more")
    print(HEAD, flush=True)
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as jobs:
        of_each = list(jobs.map(try_verb, [(given.build, name, given.most) for name in names
                                           if name in wanted]))
    if given.page:
        write(given.page, [row for row, _ in of_each])
    sys.exit(1 if any(lost for _, lost in of_each) else 0)


if __name__ == "__main__":
    main()
