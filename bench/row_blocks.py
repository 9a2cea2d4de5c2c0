#!/usr/bin/env python3
"""Would blocks of queries pay in sparse attention? Modelled cost with rows of the sparser part in
blocks of 6 queries that share keys, as they lie and clustered by support, and how full 1x16 and 4x4
blocks are. Costs are what `vitcod profile --costs` says of AVX-512. Needs numpy.

usage: bench/row_blocks.py MASK.npy..
"""

import sys

import numpy as np

ROW_ENTRY, ROW, BLOCK = 1.6, 7.0, 6  # in entries of a panel; queries in a block


def panel_cost(queries, keys):
    return queries * 0.5 * ((keys + 15) // 16 * 16 + keys)


def split(kept):
    """The cheapest panel of the fullest columns: its cost, cost of all, what is left."""
    queries, keys = kept.shape
    order = np.argsort(-kept.sum(0), kind="stable")
    left = np.concatenate([np.cumsum(kept.sum(0)[order][::-1])[::-1], [0]])
    costs = [
        panel_cost(queries, n) + ROW_ENTRY * left[n] + (ROW * queries if left[n] else 0)
        for n in range(keys + 1)
    ]
    best = int(np.argmin(costs))
    rest = kept.copy()
    rest[:, order[:best]] = False
    return panel_cost(queries, best), costs[best], rest


def cluster(rest):
    """Greedy: the fullest row left, then rows that add the fewest keys to its block."""
    counts, overlap = rest.sum(1), rest.astype(np.float32)
    free, order = np.ones(len(rest), bool), []
    while free.any():
        row = int(np.argmax(np.where(free, counts, -1)))
        union = rest[row].copy()
        for _ in range(BLOCK):
            order.append(row)
            free[row] = False
            union |= rest[row]
            if not free.any():
                break
            shared = overlap @ union
            row = int(np.argmin(np.where(free, counts - 1.5 * shared, np.inf)))
            if len(order) % BLOCK == 0:
                break
    return np.array(order)


def in_blocks(rest, order):
    cost = 0.0
    for first in range(0, len(order), BLOCK):
        rows = rest[order[first : first + BLOCK]]
        entries = rows.sum()
        if entries:
            cost += min(
                panel_cost(len(rows), rows.any(0).sum()), ROW_ENTRY * entries + ROW * len(rows)
            )
    return cost


def fill(rest, height, width):
    padded = np.zeros([-(-n // size) * size for n, size in zip(rest.shape, (height, width))], bool)
    padded[: rest.shape[0], : rest.shape[1]] = rest
    blocks = padded.reshape(padded.shape[0] // height, height, -1, width).any((1, 3)).sum()
    return rest.sum() / max(blocks * height * width, 1)


for path in sys.argv[1:]:
    heads = [head for layer in ~np.load(path).astype(bool) for head in layer]
    now = as_lie = clustered = 0.0
    fills = []
    for kept in heads:
        panel, cost, rest = split(kept)
        now += cost
        as_lie += min(cost, panel + in_blocks(rest, np.arange(len(rest))))
        clustered += min(cost, panel + in_blocks(rest, cluster(rest)))
        if rest.any():
            fills.append((fill(rest, 1, 16), fill(rest, 4, 4)))
    narrow, square = np.mean(fills, 0)
    print(
        f"{path}: in blocks of {BLOCK} as they lie {as_lie / now:.3f} of the cost, clustered"
        f" {clustered / now:.3f}; 1x16 blocks {100 * narrow:.0f} % full, 4x4 {100 * square:.0f} %"
    )
