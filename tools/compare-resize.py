#!/usr/bin/env python3
"""Compares our decoded, resized and cropped images with Pillow's, put together as torchvision does
it (Resize(size / 0.875, BICUBIC), CenterCrop(size)). Prints the share of equal values and the
largest difference; fails when there is one. Needs Pillow, numpy and BUILD/bench_images. usage:
tools/compare-resize.py BUILD [FOLDER...]
"""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

SIZE = 224
DEFAULT = pathlib.Path(__file__).parents[2] / "shared" / "data" / "imagenet-val20"


def resize_and_crop(image):
    width, height = image.size
    resize = SIZE * 8 // 7
    if width <= height:
        shape = resize, int(resize * height / width)
    else:
        shape = int(resize * width / height), resize
    if shape != image.size:
        image = image.resize(shape, Image.BICUBIC)
    left = int(round((shape[0] - SIZE) / 2.0))
    top = int(round((shape[1] - SIZE) / 2.0))
    return np.asarray(image.crop((left, top, left + SIZE, top + SIZE)))


def compare(build, folder):
    """The number of values, of unequal ones, and the largest difference."""
    count = unequal = largest = 0
    with tempfile.TemporaryDirectory() as work:
        subprocess.run([build / "bench_images", folder, "--dump", work], check=True)
        names = pathlib.Path(work, "files.txt").read_text().splitlines()
        for number, name in enumerate(names):
            ours = np.load(pathlib.Path(work, f"{number:05}.npy")).astype(int)
            theirs = resize_and_crop(Image.open(name).convert("RGB")).astype(int)
            difference = np.abs(ours - theirs)
            if difference.any():
                print(
                    f"{name}: {(difference > 0).sum()} values differ, by {difference.max()} at most"
                )
            count += difference.size
            unequal += int((difference > 0).sum())
            largest = max(largest, int(difference.max()))
    print(
        f"{folder}: {len(names)} images, {100 * (1 - unequal / count):.4f} % of values equal, "
        f"largest difference {largest}"
    )
    return unequal


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folders = sys.argv[2:] or [DEFAULT]
    if sum(compare(pathlib.Path(sys.argv[1]), folder) for folder in folders):
        sys.exit(1)


if __name__ == "__main__":
    main()
