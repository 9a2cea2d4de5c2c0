"""Images for calibration and comparison, treated as DeiT's evaluation treats them."""

import os

import numpy as np
from PIL import Image


def find(folder):
    found = sorted(
        os.path.join(where, name)
        for where, _, names in os.walk(folder)
        for name in names
        if name.lower().endswith((".jpg", ".jpeg", ".png"))
    )
    if not found:
        raise ValueError(f"{folder}: no image found, wanted a folder of JPEGs or PNGs")
    return found


def pick(found, count, offset):
    """Evenly spaced; offsets 0 and 0.5 give images that have none in common, where there are
    enough.
    """
    count = min(count, len(found))
    return [found[int((i + offset) * len(found) / count)] for i in range(count)]


def load(path, size):
    """(3, size, size), normalised."""
    image = Image.open(path).convert("RGB")
    short = int(size / 0.875)
    width, height = (int(short * side / min(image.size)) for side in image.size)
    left, top = round((width - size) / 2), round((height - size) / 2)
    image = image.resize((width, height), Image.BICUBIC).crop((left, top, left + size, top + size))
    pixels = (np.asarray(image, np.float32) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32)
