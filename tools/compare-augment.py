#!/usr/bin/env python3
"""Compares RandAugment's operations with Pillow's on images that are resized to 224x224, at
magnitude 9 and at random ones, with both interpolations. Prints for each operation the share of
equal values and the largest difference; fails when there is one. Needs Pillow, numpy and
BUILD/bench_augment.

usage: tools/compare-augment.py BUILD [FOLDER]
"""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent / "golden"))
from augment import INTERPOLATIONS, MOVING, NAMES, apply  # noqa: E402

SIZE = 224
IMAGES = 10
DEFAULT = pathlib.Path(__file__).parents[2] / "shared" / "data" / "imagenet-val20"


def values(name, random):
    """timm's arguments in its increasing set, at magnitude 9 either way and at a random one."""
    level = random.uniform(0, 10)
    for magnitude, sign in ((9, 1), (9, -1), (level, random.choice((1, -1)))):
        part = magnitude / 10
        if name == "Rotate":
            yield sign * part * 30
        elif name == "Posterize":
            yield max(1, 4 - int(part * 4))  # Pillow has no 0 any more
        elif name == "Solarize":
            yield 256 - int(part * 256)
        elif name == "SolarizeAdd":
            yield int(part * 110)
        elif name in ("Color", "Contrast", "Brightness", "Sharpness"):
            yield max(0.1, 1 + sign * part * 0.9)
        elif name.startswith("Shear"):
            yield sign * part * 0.3
        elif name.startswith("Translate"):
            yield sign * part * 0.45
        else:
            yield 0


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    build, folder = pathlib.Path(sys.argv[1]), pathlib.Path(
        sys.argv[2] if len(sys.argv) > 2 else DEFAULT
    )
    random = np.random.default_rng(3)
    names = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))[
        :IMAGES
    ]
    if not names:
        sys.exit(f"{folder}: no images")
    images = [Image.open(name).convert("RGB").resize((SIZE, SIZE), Image.BICUBIC) for name in names]
    cases = [
        (i, op, value, kind)
        for i in range(len(images))
        for op, name in enumerate(NAMES)
        for value in values(name, random)
        for kind in range(2 if name in MOVING else 1)
    ]
    counts = {name: [0, 0, 0] for name in NAMES}  # values, unequal ones, the largest difference
    with tempfile.TemporaryDirectory() as work:
        for i, image in enumerate(images):
            np.save(pathlib.Path(work, f"{i}.npy"), np.asarray(image))
        np.save(pathlib.Path(work, "cases.npy"), np.array(cases, float))
        subprocess.run([build / "bench_augment", "--apply", work], check=True)
        for row, (i, op, value, kind) in enumerate(cases):
            ours = np.load(pathlib.Path(work, f"made-{row}.npy")).astype(int)
            theirs = np.asarray(apply(images[i], NAMES[op], value, INTERPOLATIONS[kind])).astype(
                int
            )
            difference, count = np.abs(ours - theirs), counts[NAMES[op]]
            count[0] += difference.size
            count[1] += int((difference > 0).sum())
            count[2] = max(count[2], int(difference.max()))
    for name, (count, unequal, largest) in counts.items():
        print(
            f"{name}: {100 * (1 - unequal / count):.4f} % of values equal, largest difference"
            f" {largest}"
        )
    if any(unequal for _, unequal, _ in counts.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
