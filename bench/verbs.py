#!/usr/bin/env python3
"""What every verb costs on one model: seconds, seconds of the CPUs, and the most memory. Images are
made up, a few of each of two classes; WORK keeps what the verbs write.

usage: bench/verbs.py VITCOD MODEL WORK [--docs FILE]

--docs writes the table between the two marks in FILE; else it is printed.
"""

import os
import random
import subprocess
import sys
import time

BEGIN, END = "<!-- bench/verbs.py -->\n", "<!-- end -->\n"
CLASSES, IMAGES, SIDE = 2, 3, 64
SPARSITY = "0.9"


def make_images(folder):
    """Stripes and noise, as PPM."""
    draw = random.Random(7)
    for c in range(CLASSES):
        os.makedirs(os.path.join(folder, f"class{c}"), exist_ok=True)
        for i in range(IMAGES):
            pixels = bytes(
                (x * (3 + c) + y * i + k * 40 + draw.randrange(64)) % 256
                for y in range(SIDE)
                for x in range(SIDE)
                for k in range(3)
            )
            with open(os.path.join(folder, f"class{c}", f"{i}.ppm"), "wb") as f:
                f.write(b"P6 %d %d 255\n" % (SIDE, SIDE) + pixels)


# what is run in WORK, in this order: name in the table, words
RUNS = [
    ("`info`", "info MODEL"),
    ("`attention`, 2 images", "attention MODEL --data images --limit 2 --batch 1 -o maps.npy"),
    ("`prune`", f"prune maps.npy --sparsity {SPARSITY} -o mask.npy"),
    ("`polarize --threshold auto`", "polarize mask.npy --threshold auto -o plan"),
    ("`import --plan`", "import MODEL --plan plan -o sparse"),
    ("`eval --knn`, 6 images", "eval MODEL --data images --train-data images --knn 1"),
    ("the same on the plan", "eval sparse --data images --train-data images --knn 1"),
    ("`bench`, 3 runs each", "bench sparse --runs 3 --warm-up 1"),
    ("`profile`, 3 runs", "profile sparse --runs 3"),
    ("`profile` of the plan, 3 runs", "profile plan --model sparse --runs 3"),
    ("`simulate`", "simulate sparse"),
    ("`compare`", "compare --arch sparse"),
    ("`quantize`, 2 images", "quantize MODEL --data images --limit 2 -o int8"),
    ("`export`", "export sparse -o model.onnx"),
    (
        "`attention --summary 1x1`, 2 images",
        "attention MODEL --data images --limit 2 --batch 1 --summary 1x1 --rule threshold"
        " -o averages",
    ),
    (
        "`calibrate`, 4 images, 1 epoch",
        f"calibrate MODEL --data images --sparsity {SPARSITY} --rule threshold --summary 1x1"
        " --hold-back 2 --batch 1 --epochs 1 -o calibrated",
    ),
    ("`report`", "report results -o page.html"),
]


def run(vitcod, words, work):
    """Seconds, of the CPUs, MiB."""
    results = os.path.join(work, "results")
    os.makedirs(results, exist_ok=True)
    start = time.monotonic()
    with open(os.path.join(work, "said"), "w+") as said:
        process = subprocess.Popen([vitcod, *words], cwd=work, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        if process.returncode != 0:
            sys.exit(f"vitcod {' '.join(words)}: {said.read()[-600:]}")
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def number(value):
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def measure(vitcod, model, work):
    rows = ["| verb | seconds | of the CPUs | MiB |", "|---|---|---|---|"]
    make_images(os.path.join(work, "images"))
    for name, text in RUNS:
        words = [model if word == "MODEL" else word for word in text.split()]
        if words[0] in ("bench", "simulate", "compare"):
            words.append("--json")
        written = ["--force"] if "-o" in words else []
        seconds, cpu, mib = run(vitcod, words + written, work)
        if words[-1] == "--json":
            said, kept = os.path.join(work, "said"), os.path.join(work, "results", words[0])
            os.replace(said, kept + ".json")
        rows.append(f"| {name} | {number(seconds)} | {number(cpu)} | {mib:,.0f} |")
        print(rows[-1], flush=True)
    return "\n".join(rows) + "\n"


def main():
    words = sys.argv[1:]
    docs = words[words.index("--docs") + 1] if "--docs" in words else None
    if len(words) not in (3, 5):
        sys.exit(__doc__.strip().splitlines()[4])
    vitcod, model, work = (os.path.abspath(word) for word in words[:3])
    os.makedirs(work, exist_ok=True)
    table = measure(vitcod, model, work)
    if not docs:
        return
    with open(docs) as f:
        before, rest = f.read().split(BEGIN)
    with open(docs, "w") as f:
        f.write(before + BEGIN + table + END + rest.split(END, 1)[1])


if __name__ == "__main__":
    main()
