"""SparseAttention beside PyTorch's scaled_dot_product_attention, forward and backward, in turns.

usage: torch_attention.py MODEL IMAGES.npy [--threads N] [--rounds N] [--sparsity X] [--json FILE]

MODEL is a DeiT by timm's names, IMAGES.npy normalised images (N, 3, height, width). At 224 pixels
(197 tokens) and 512 (1025) its attention over the images is averaged and pruned, and Q, K and V of
all layers lie in QKV projections of random values, as in timm. A turn is the forward and backward
pass of each layer. Results and gradients are compared with PyTorch's under the same mask first.

Columns: milliseconds of all layers; median of the rounds' ratios with quartiles.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
import vitcod

CASES = ((224, 8), (512, 2))  # pixels along a side, images


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

    def turn(self, ways) -> float:
        """Milliseconds of all layers."""
        begun = time.perf_counter()
        for attention in ways:
            self.step(attention)
        return 1e3 * (time.perf_counter() - begun)

    def ways(self) -> dict:
        masked = [
            lambda q, k, v, m=mask: F.scaled_dot_product_attention(q, k, v, m)
            for mask in self.masks
        ]
        dense = [F.scaled_dot_product_attention] * len(self.sparse)
        return {"SparseAttention": self.sparse, "SDPA": dense, "SDPA, masked": masked}


def measure(case: Case, rounds: int) -> dict:
    case.verify()
    ways, times = case.ways(), {}
    for way in ways.values():
        case.turn(way)
    for number in range(rounds):
        names = list(ways)[number % 3 :] + list(ways)[: number % 3]
        for name in names:
            times.setdefault(name, []).append(case.turn(ways[name]))
    ours = times["SparseAttention"]
    result = {"tokens": case.tokens, "batch": case.batch, "rounds": rounds}
    for name, of in times.items():
        ratios = sorted(other / one for other, one in zip(of, ours))
        result[name] = {
            "median_ms": statistics.median(of),
            "ratio": statistics.median(ratios),
            "quartiles": [ratios[len(ratios) // 4], ratios[3 * len(ratios) // 4]],
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("images")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--sparsity", type=float, default=0.9)
    parser.add_argument("--json")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    images = np.load(given.images)
    results = []
    for side, batch in CASES:
        plan = plan_at(given.model, images, side, given.sparsity)
        results.append(measure(Case(plan, batch), given.rounds))
        result = results[-1]
        for name in ("SparseAttention", "SDPA", "SDPA, masked"):
            of = result[name]
            low, high = of["quartiles"]
            print(
                f"{result['tokens']:5} tokens  {name:16} {of['median_ms']:8.2f} ms"
                f"  {of['ratio']:5.2f} ({low:.2f} to {high:.2f})",
                flush=True,
            )
    if given.json:
        with open(given.json, "w") as file:
            json.dump(
                {
                    "torch": torch.__version__,
                    "vitcod": vitcod.__version__,
                    "threads": given.threads,
                    "sparsity": given.sparsity,
                    "cases": results,
                },
                file,
                indent=1,
            )


if __name__ == "__main__":
    sys.exit(main())
