#!/usr/bin/env python3
"""Masks by ViTCoD's published rules, in NumPy of their time: the oracle of
tests/algorithm/test_published_rules.c.

What counts are NumPy's own habits: its argsort parts equal scores in an order that is not stable, a
float32 added to a Python float is a float64, and a mean of float32 is added in pairs. NumPy 1.25
sorts in another way on CPUs with AVX-512, and from 2.0 such a sum is a float32, so this wants an
older one. Maps follow formulas that both sides can evaluate; masks are hashed (FNV-1a of their
bytes). Wants numpy 1.23. Run: python3 tools/golden/masks.py > tools/golden/masks.json
"""

import json

import numpy as np

from noise import noise

SIDE, HEADS = 67, 3


def hashed(values):
    """FNV-1a of an array's bytes, in hexadecimal."""
    value = 0xCBF29CE484222325
    for byte in np.ascontiguousarray(values).tobytes():
        value = ((value ^ byte) * 0x100000001B3) % 2**64
    return "%016x" % value


def smooth_maps():
    """Rows whose sums come near to 1, of scores of all sizes."""
    x = (noise("smooth", (HEADS, SIDE, SIDE)) + 1.0).astype(np.float32)
    return x * x * x * np.float32(1 / 128)


def tied_maps():
    """Few different scores, which are sums of powers of two: no rounding."""
    x = noise("tied", (HEADS, SIDE, SIDE))
    return (np.floor((x + 1.0) * 6) / 1024).astype(np.float32)


def killer(count):
    """What sends a quicksort with the median of three into its worst case, with every score
    twice."""
    half = count // 2
    row = np.zeros(count)
    for i in range(half):
        row[i] = i + 1 if i % 2 == 0 else half + i + half % 2
        row[half + i] = 2 * (i + 1)
    return np.floor(row / 2).astype(np.float32)


def rows():
    """Rows to be sorted."""
    few = lambda count: np.floor((noise("row", (count,)) + 1.0) * 4).astype(np.float32)
    return {
        **{"noise %d" % count: few(count) for count in (1, 2, 16, 17, 18, 100, 197, 1000)},
        "equal 300": np.ones(300, np.float32),
        "rising 300": np.floor(np.arange(300) / 3).astype(np.float32),
        "falling 300": np.floor(np.arange(300, 0, -1) / 3).astype(np.float32),
        "killer 2000": killer(2000),
    }


def info(row, cut):
    total, added = 0.0, 0
    highest_first = np.sort(row)[::-1]
    while total < cut and added < len(row):
        total += highest_first[added]
        added += 1
    assert added == 0 or isinstance(total, np.float64)
    return np.argsort(np.argsort(row)) <= len(row) - added - 2


def ratio(row, share):
    return np.argsort(np.argsort(row)) < share * len(row)


def std(row, deviations):
    return row < row.mean() + np.float32(deviations) * row.std()


RULES = {"info": info, "ratio": ratio, "std": std}
CASES = {
    "info": (0.0, 0.1, 0.186, 0.3, 0.5, 0.8, 2.0),
    "ratio": (0.0, 0.3, 0.5, 0.75, 0.9, 0.95, 0.99),
    "std": (0.0, 0.25, 0.5, 0.9, 1.0, 1.2),
}


def main():
    maps = {"smooth": smooth_maps(), "tied": tied_maps()}
    masks = []
    for name, values in maps.items():
        for rule, strengths in CASES.items():
            for strength in strengths:
                pruned = np.apply_along_axis(RULES[rule], 2, values, strength)
                masks.append(
                    {
                        "maps": name,
                        "rule": rule,
                        "strength": strength,
                        "pruned": int(pruned.sum()),
                        "empty_rows": int(pruned.all(axis=2).sum()),
                        "fnv": hashed(pruned.astype(np.uint8)),
                    }
                )
    orders = [
        {"row": name, "fnv": hashed(np.argsort(row).astype(np.int32))}
        for name, row in rows().items()
    ]
    print(json.dumps({"numpy": np.__version__, "masks": masks, "orders": orders}, indent=1))


if __name__ == "__main__":
    main()
