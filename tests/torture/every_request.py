#!/usr/bin/env python3
"""Lets every request for memory that a verb makes fail once, in the order in which it makes them.

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


def count_requests(place, scene):
    """Found by halving: a run tells whether it came to the request."""
    least, most = 0, 1
    while place.refuse(scene, most)[0]:
        least, most = most, most * 2
    while most - least > 1:
        half = (least + most) // 2
        if place.refuse(scene, half)[0]:
            least = half
        else:
            most = half
    return least


def choose(count, most):
    first, more = min(count, most // 2), most - most // 2
    if count <= most:
        return range(1, count + 1)
    return [*range(1, first + 1), *(first + (i + 1) * (count - first) // more for i in range(more))]


def try_verb(build, scene, most):
    """Its row of the table, and what was lost."""
    place, lost = torture.Torture(os.path.abspath(build), 1), []
    try:
        place.set_up([scene])
        count = count_requests(place, scene)
        tries = choose(count, most)
        for at in tries:
            why = place.refuse(scene, at)[1]
            if why:
                lost.append(at)
                print(f"# lost: {scene.name}, request {at}: {why}", flush=True)
    finally:
        shutil.rmtree(place.place, ignore_errors=True)
    row = f"| {scene.name} | {count} | {len(tries)} | {len(lost)} |"
    print(row, flush=True)
    return row, lost


PART = """
## Requests for memory

Written by `make torture-memory`, which lets requests for memory fail, of the program's own and of
jansson's, one in each run, and looks at what is left as above.

| verb | requests | tried | lost |
|---|---|---|---|
{rows}
"""


def write(path, rows):
    """Before what the coverage and the fuzzers write."""
    was = re.sub(r"\n## Requests for memory\n.*?(?=\n## |\Z)", "", torture.text(path),
                 flags=re.DOTALL)
    rest = torture.PARTS.search(was)
    at = rest.start() if rest else len(was)
    with open(path, "w", encoding="utf-8") as file:
        file.write(was[:at] + PART.format(rows="\n".join(rows)) + was[at:])


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
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as jobs:
        of_each = list(jobs.map(
            lambda scene: try_verb(given.build, scene, given.most),
            [scene for scene in torture.SCENES if scene.name in wanted]))
    if given.page:
        write(given.page, [row for row, _ in of_each])
    sys.exit(1 if any(lost for _, lost in of_each) else 0)


if __name__ == "__main__":
    main()
