#!/usr/bin/env python3
"""Runs a DeiT with a plan inside, with or without summaries and an auto-encoder, in timm, in
float64, and compares the logits that vitcod makes of the same images, in every precision.

usage: compare-summaries.py VITCOD MODEL IMAGES.npy [NAME]

MODEL is what `vitcod calibrate` wrote, IMAGES an array as `vitcod infer` reads it, NAME timm's name
of the model (default: deit_tiny_patch16_224). Wants torch, safetensors and timm 0.9.16.
"""

import math
import os
import subprocess
import sys
import tempfile

import numpy as np
import timm
import torch
from safetensors.torch import load_file

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden"))
from models import instrument
from summaries import summary_columns


class Plan:
    """The plan of a file, as the hook that models.attend calls."""

    def __init__(self, tensors):
        prefix = "vitcod.plan."
        self.own = {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
        self.entries = self.kept = self.summaries = 0

    def member(self, layer, name):
        return self.own.get(f"layers.{layer}.{name}")

    def pruned(self, layer, shape):
        """(H, Tq, Tk) in the tokens' own order."""
        start, rows = self.member(layer, "column_start"), self.member(layer, "rows")
        queries, keys = self.member(layer, "query_order"), self.member(layer, "key_order")
        pruned = torch.ones(shape, dtype=torch.bool)
        for h in range(shape[0]):
            for j in range(shape[2]):
                entries = rows[int(start[h, j]) : int(start[h, j + 1])].long()
                pruned[h, queries[h, entries].long(), int(keys[h, j])] = False
        return pruned

    def pooling(self, layer, keys):
        start = self.member(layer, "pool_start")
        pooling = torch.zeros(len(start) - 1, keys, dtype=torch.float64)
        for j in range(len(start) - 1):
            part = slice(int(start[j]), int(start[j + 1]))
            at = self.member(layer, "pool_keys")[part].long()
            pooling[j, at] = self.member(layer, "pool_weights")[part].double()
        return pooling

    def __call__(self, a, scores, q, k, v):
        pruned = self.pruned(a.index, scores.shape[1:])
        scores = scores.masked_fill(pruned, -math.inf)
        self.entries += pruned.numel()
        self.kept += int((~pruned).sum())
        if self.member(a.index, "kept_share") is not None:
            sys.exit("a plan with kept shares is not computed here")
        if self.member(a.index, "pool_start") is None:
            return scores, v
        pooling = self.pooling(a.index, scores.shape[-1])
        bias = self.member(a.index, "summary_bias").double()
        self.summaries += bias.numel()
        query = self.member(a.index, "pool_query")
        query = None if query is None else query.double()
        own, values = summary_columns(q, k, v, pooling, bias, query)
        return torch.cat([scores, own], -1), torch.cat([v, values], -2)


def by_timm(name, path, images):
    tensors = load_file(path)
    model = timm.create_model(name).double().eval()
    state = instrument(model)
    missing = [k for k in model.state_dict() if k not in tensors]
    if missing:
        sys.exit(f"{path} does not have {missing[0]}")
    model.load_state_dict({k: tensors[k].double() for k in model.state_dict()})
    coders = {k: v.double() for k, v in tensors.items() if ".encoder_" in k or ".decoder_" in k}
    state.update(coders, autoencoder=bool(coders))
    state["hook"] = plan = Plan(tensors)
    with torch.no_grad():
        return model(images).numpy(), plan


def by_vitcod(vitcod, path, images, dtype, work):
    logits = os.path.join(work, "logits.npy")
    command = [vitcod, "infer", path, "--input", images, "--dtype", dtype, "-o", logits]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return np.load(logits)


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    vitcod, path, images = sys.argv[1:4]
    name = sys.argv[4] if len(sys.argv) == 5 else "deit_tiny_patch16_224"
    want, plan = by_timm(name, path, torch.from_numpy(np.load(images)).double())
    print(
        f"{path}: {plan.kept / plan.entries:.2%} of the entries kept, "
        f"{plan.summaries / plan.entries:.2%} for summaries"
    )
    with tempfile.TemporaryDirectory() as work:
        for dtype in ("fp32", "bf16", "int8"):
            have = by_vitcod(vitcod, path, images, dtype, work)
            error = np.abs(have - want).max() / np.abs(want).max()
            agree = (have.argmax(1) == want.argmax(1)).mean()
            print(f"{dtype}: within {error:.1e} of the largest logit, {agree:.1%} of classes equal")


if __name__ == "__main__":
    main()
