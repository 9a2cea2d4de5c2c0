"""SparseAttention beside PyTorch's scaled_dot_product_attention, forward and backward, in turns.

usage: torch_attention.py MODEL IMAGES.npy [--threads 1,2] [--rounds N] [--sparsity X]
                          [--write README.md]

MODEL is a DeiT by timm's names, IMAGES.npy normalised images (N, 3, height, width). At 224 pixels
(197 tokens) and 512 (1025) its attention over the images is averaged and pruned, and Q, K and V of
all layers lie in QKV projections of random values, as in timm. A turn is the forward and backward
pass of each layer. Results and gradients are compared with PyTorch's under the same mask first.

Prints milliseconds of all layers, on the clock and by the CPUs' time, and how many times ours
PyTorch's are, with quartiles; --write puts the table between its marks in a document.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import textwrap
import time

import numpy as np
import torch
import torch.nn.functional as F
import vitcod

import document

CASES = ((224, 8), (512, 2))  # pixels along a side, images
OURS = "SparseAttention"
BEGIN, END = "<!-- torch_attention: begin -->\n", "<!-- torch_attention: end -->\n"


def plan_at(model: str, images: np.ndarray, side: int, sparsity: float) -> vitcod.Plan:
    resized = F.interpolate(torch.from_numpy(images), (side, side), mode="bicubic")
    with vitcod.load(model, image_size=side) as opened:
        maps = opened.attention(resized)
    return vitcod.polarize(vitcod.prune(maps, sparsity=sparsity).mask)


class Case:
    def __init__(self, plan: vitcod.Plan, batch: int, head_dim: int = 64):
        heads, tokens = plan[0].heads, plan[0].queries
        self.tokens, self.batch = tokens, batch
        self.qkv = torch.randn(batch, tokens, 3, heads, head_dim, requires_grad=True)
        self.dout = torch.randn(batch, tokens, heads, head_dim).transpose(1, 2)
        self.sparse = [vitcod.torch.SparseAttention(plan, layer) for layer in range(len(plan))]
        self.masks = [vitcod.torch.bool_mask(plan, layer) for layer in range(len(plan))]

    def step(self, attention):
        out = attention(*self.qkv.permute(2, 0, 3, 1, 4).unbind(0))
        return out, torch.autograd.grad(out, self.qkv, self.dout)[0]

    def verify(self) -> None:
        for layer, sparse in enumerate(self.sparse):
            mask = self.masks[layer]
            want = self.step(lambda q, k, v, m=mask: F.scaled_dot_product_attention(q, k, v, m))
            for one, other in zip(self.step(sparse), want):
                torch.testing.assert_close(one, other, rtol=0, atol=1e-4)

    def turn(self, ways) -> tuple[float, float]:
        """Milliseconds of all layers: on the clock, and of the CPUs."""
        begun = time.perf_counter(), time.process_time()
        for attention in ways:
            self.step(attention)
        return (
            1e3 * (time.perf_counter() - begun[0]),
            1e3 * (time.process_time() - begun[1]),
        )

    def ways(self) -> dict:
        masked = [
            lambda q, k, v, m=mask: F.scaled_dot_product_attention(q, k, v, m)
            for mask in self.masks
        ]
        dense = [F.scaled_dot_product_attention] * len(self.sparse)
        return {OURS: self.sparse, "SDPA": dense, "SDPA, masked": masked}


def ratios(times: list[float], ours: list[float]) -> tuple[float, float, float]:
    """Median and quartiles, round by round."""
    sorted_ = sorted(other / one for other, one in zip(times, ours))
    count = len(sorted_)
    return statistics.median(sorted_), sorted_[count // 4], sorted_[3 * count // 4]


def measure(case: Case, threads: int, rounds: int) -> dict:
    torch.set_num_threads(threads)
    case.verify()
    ways = case.ways()
    times = {name: [] for name in ways}
    for way in ways.values():
        case.turn(way)
    for number in range(rounds):
        names = list(ways)[number % 3 :] + list(ways)[: number % 3]
        for name in names:
            times[name].append(case.turn(ways[name]))
    result = {"tokens": case.tokens, "batch": case.batch, "threads": threads}
    for clock, index in (("clock", 0), ("cpu", 1)):
        of = {name: [turn[index] for turn in turns] for name, turns in times.items()}
        result[clock] = {
            name: {"ms": statistics.median(of[name]), "ratio": ratios(of[name], of[OURS])}
            for name in of
        }
    return result


def row_of(result: dict, clock: str) -> str:
    told = {"clock": "clock", "cpu": "CPU"}[clock]
    cells = [f"{result['tokens']} x {result['batch']}", str(result["threads"]), told]
    for name, of in result[clock].items():
        median, low, high = of["ratio"]
        more = "" if name == OURS else f", {median:.2f} ({low:.2f} to {high:.2f})"
        cells.append(f"{of['ms']:.0f} ms{more}")
    return f"| {' | '.join(cells)} |"


def table_of(results: list[dict], given) -> str:
    head = (
        f"DeiT-Tiny, {100 * given.sparsity:g} % pruned, all layers forward and backward; PyTorch"
        f" {torch.__version__}; medians of {given.rounds} rounds, and the times of PyTorch's over"
        " ours with quartiles, round by round, on the clock and by the time that the CPUs took;"
        f" {os.cpu_count()} CPUs, on which {os.getloadavg()[1]:.1f} programs ran on average (2 and"
        " more: the clock says as much about them):"
    )
    lines = [
        *textwrap.wrap(head, 100),
        "",
        "| tokens x images | threads | time | " + " | ".join(results[0]["cpu"]) + " |",
        "|---|---|---|---|---|---|",
    ]
    lines += [row_of(result, clock) for result in results for clock in ("clock", "cpu")]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("images")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--sparsity", type=float, default=0.9)
    parser.add_argument("--write", metavar="README.md")
    given = parser.parse_args()
    torch.manual_seed(0)
    images, results = np.load(given.images), []
    for side, batch in CASES:
        case = Case(plan_at(given.model, images, side, given.sparsity), batch)
        for threads in map(int, given.threads.split(",")):
            results.append(measure(case, threads, given.rounds))
            for clock in ("clock", "cpu"):
                print(row_of(results[-1], clock), flush=True)
    if given.write:
        document.write_between(given.write, BEGIN, END, table_of(results, given))


if __name__ == "__main__":
    sys.exit(main())
