#!/usr/bin/env python3
"""What augmentation and a moving average are worth: the demo's model from random weights on part of
Fashion-MNIST, several seeds.

usage: recipe_worth.py VITCOD FASHION WORK OUTPUT.jsonl [--seeds 3] [--images 2000] [--epochs 60]

FASHION has the four IDX files. The first IMAGES training images are learnt from; all 10,000 test
images count. Runs that OUTPUT has already are not made again. Prints top-1, mean and deviation over
the seeds.
"""

import argparse
import gzip
import json
import os
import statistics
import struct
import subprocess

MODEL = [
    "--patch",
    "2",
    "--width",
    "48",
    "--depth",
    "4",
    "--heads",
    "3",
    "--batch",
    "64",
    "--lr",
    "1.5e-3",
]
LIGHT = ["--shift", "2", "--ema", "0.995"]  # and mirroring
RECIPES = {
    "plain": ["--shift", "0", "--no-flip"],
    "shifted, mirrored, averaged": LIGHT,
    "and RandAugment, erasing, mixup": (
        LIGHT + ["--operations", "1", "--magnitude", "5", "--erase", "0.25", "--mixup", "0.2"]
    ),
}


def opened(name):
    path = os.path.join(OPTIONS.fashion, name)
    return open(path, "rb") if os.path.exists(path) else gzip.open(path + ".gz", "rb")


def part():
    """WORK has the test images and the first training images."""
    for kind, head in (("images-idx3-ubyte", 16), ("labels-idx1-ubyte", 8)):
        for split, most in (("train", OPTIONS.images), ("t10k", None)):
            with opened(f"{split}-{kind}") as file:
                start, rest = bytearray(file.read(head)), file.read()
            count = struct.unpack(">i", start[4:8])[0]
            kept = min(count, most or count)
            start[4:8] = struct.pack(">i", kept)
            with open(os.path.join(OPTIONS.work, f"{split}-{kind}"), "wb") as out:
                out.write(start + rest[: len(rest) // count * kept])


def said(*words):
    done = subprocess.run(
        [OPTIONS.vitcod, *words, "--json"], check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout)


def run(name, seed):
    model = os.path.join(OPTIONS.work, "model")
    trained = said(
        "train",
        "--data",
        OPTIONS.work,
        *MODEL,
        *RECIPES[name],
        "--epochs",
        str(OPTIONS.epochs),
        "--seed",
        str(seed),
        "--no-test",
        "-o",
        model,
    )
    tested = said("eval", model, "--data", OPTIONS.work)
    return {
        "recipe": name,
        "seed": seed,
        "images": OPTIONS.images,
        "epochs": OPTIONS.epochs,
        "top1": tested["top1"],
        "loss": tested["loss"],
        "train_top1": trained["epochs"][-1]["train_top1"],
    }


def main():
    os.makedirs(OPTIONS.work, exist_ok=True)
    part()
    done = []
    if os.path.exists(OPTIONS.output):
        with open(OPTIONS.output, encoding="utf-8") as lines:
            done = [json.loads(line) for line in lines]
    for seed in range(1, OPTIONS.seeds + 1):
        for name in RECIPES:
            wanted = (name, seed, OPTIONS.images, OPTIONS.epochs)
            if wanted in [(d["recipe"], d["seed"], d["images"], d["epochs"]) for d in done]:
                continue
            done.append(run(name, seed))
            with open(OPTIONS.output, "a", encoding="utf-8") as out:
                out.write(json.dumps(done[-1]) + "\n")
    print(
        "| recipe | top-1 of training images, as changed | top-1 of test images | their loss"
        " |\n|---|---|---|---|"
    )
    for name in RECIPES:
        row = [
            d
            for d in done
            if (d["recipe"], d["images"], d["epochs"]) == (name, OPTIONS.images, OPTIONS.epochs)
        ]
        cells = [[d[key] for d in row] for key in ("train_top1", "top1", "loss")]
        print(
            f"| {name} | "
            + " | ".join(
                (
                    f"{statistics.mean(c):.2f} +- {statistics.stdev(c):.2f}"
                    if len(c) > 1
                    else " ".join(f"{v:.2f}" for v in c)
                )
                for c in cells
            )
            + " |"
        )


parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
parser.add_argument("vitcod")
parser.add_argument("fashion")
parser.add_argument("work")
parser.add_argument("output")
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--images", type=int, default=2000)
parser.add_argument("--epochs", type=int, default=60)
OPTIONS = parser.parse_args()
main()
