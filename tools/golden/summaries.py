#!/usr/bin/env python3
"""Small DeiTs and LeViTs with summary tokens in float64: the oracle of
tests/models/test_summary_logits.c, and, on dense models, what a summary's bias is made of: of
tests/distill/test_summary_statistics.c.

timm computes everything but the attention, which is written here as it is defined: one softmax over
kept entries and summaries, whose keys and values are weighted sums of keys and values (of decoded
keys, where there is an auto-encoder), by weights that are given or that queries make. Weights,
images, kept entries, poolings and biases follow formulas that both sides can evaluate. Wants timm
0.9.16. Run: python3 tools/golden/summaries.py > tools/golden/summaries.json
"""

import json
import math

import torch
from timm.models.levit import LevitDistilled
from timm.models.vision_transformer import VisionTransformer

from models import fill, instrument, noise

CLASSES, BATCH, IMAGES = 10, 2, 4
# name: what timm's constructor wants. Heads of 16 and 64 values are what bfloat16 is packed for.
DEITS = {
    "deit": {"img_size": 56, "patch_size": 8, "embed_dim": 48, "depth": 4, "num_heads": 3},
    "deit_wide": {"img_size": 112, "patch_size": 8, "embed_dim": 128, "depth": 3, "num_heads": 2},
}
LEVITS = {
    "levit": {"img_size": 112, "embed_dim": (32, 48, 64), "key_dim": 16, "num_heads": (2, 3, 4)},
    "levit_narrow": {
        "img_size": 80,
        "embed_dim": (16, 24, 32),
        "key_dim": 4,
        "num_heads": (2, 3, 2),
    },
}


def blocks(pooling, side, prefix, weights=True):
    """A grid of side x side tokens behind `prefix` others in pooling x pooling blocks, as (G, Tk);
    row r is in block r * pooling / side, rounded down."""
    row = torch.arange(side) * pooling // side
    block = (row.view(-1, 1) * pooling + row).flatten()
    inside = torch.cat(
        [
            torch.zeros(pooling**2, prefix, dtype=torch.bool),
            block == torch.arange(pooling**2).view(-1, 1),
        ],
        1,
    )
    return inside.float() / inside.sum(1, keepdim=True) if weights else inside


def pooling_of(layer, keys, prefix):
    """Layer by layer: 3 x 3 blocks, none, five weighted sums that overlap and know no grid, and one
    summary of all tokens of the grid."""
    side = math.isqrt(keys - prefix)
    kind = layer % 4
    if kind == 1:
        return None
    if kind == 2:
        j, k = torch.arange(5).view(-1, 1), torch.arange(keys)
        inside = (k * 7 + j * 3 + layer) % 4 == 0
        weights = 1 + 0.5 * noise(f"pool_weights {layer}", (5, keys)).float()
        return (inside * weights / inside.sum(1, keepdim=True)).double()
    return blocks(min(3, side) if kind == 0 else 1, side, prefix).double()


def bias_of(layer, heads, queries, summaries):
    """Every fifth is left out, and all of every sixth row."""
    h, i, j = (
        torch.arange(heads).view(-1, 1, 1),
        torch.arange(queries).view(-1, 1),
        torch.arange(summaries),
    )
    bias = 1 + noise(f"summary_bias {layer}", (heads, queries, summaries)).float()
    out = ((h + 2 * i + 3 * j + layer) % 5 == 0) | (i % 6 == 2)
    return bias.masked_fill(out, -math.inf).double()


def kept(layer, heads, queries, keys):
    """Some columns whole, the diagonal and a sprinkle; the last head of every fourth layer keeps
    everything."""
    h, i, j = (
        torch.arange(heads).view(-1, 1, 1),
        torch.arange(queries).view(-1, 1),
        torch.arange(keys),
    )
    full = (h == heads - 1) & (layer % 4 == 3)
    return full | (j == 0) | (i == j) | ((i * 5 + j * 3 + h + layer) % 11 == 0)


def learnt_pooling(pooling):
    """Weights that are learnt where there are any; the others stay 0."""
    inside = pooling != 0
    pooling.requires_grad_().register_hook(lambda gradient: gradient * inside)
    return pooling


def size_of(x):
    """Sum of absolute values, without those that are infinite."""
    return x.detach().abs().where(x.isfinite(), 0.0).sum().item()


def query_of(layer, heads, dim):
    """Queries that pool; the one summary of all tokens has none."""
    return None if layer % 4 == 3 else (2 * noise(f"pool_query {layer}", (heads, dim)))


def summary_columns(q, k, v, pooling, bias, query=None):
    """Scores and values of a layer's summaries. Queries (H, D) make the weights of a head anew for
    each image: the softmax of log(pooling) + query . k / sqrt(D)."""
    root = math.sqrt(q.shape[-1])
    if query is not None:
        inside = pooling != 0
        logits = (k @ query.unsqueeze(-1)).transpose(-1, -2) / root + pooling.where(
            inside, 1.0
        ).log()
        pooling = logits.masked_fill(~inside, -math.inf).softmax(-1)
    return q @ (pooling @ k).transpose(-1, -2) / root + bias, pooling @ v


class Summaries:
    """A plan with summaries, as the hook that models.attend calls. Layer l has the pooling of
    l + shift."""

    def __init__(self, prefix, shift=0, queries=False):
        self.prefix, self.shift, self.queries, self.layers = prefix, shift, queries, {}

    def layer(self, index, heads, queries, keys, dim):
        """What the plan has of a layer, by name, made when it is first wanted."""
        if index not in self.layers:
            at = index + self.shift
            self.layers[index] = own = {}
            pooling = pooling_of(at, keys, self.prefix)
            if pooling is not None:
                own["pool_weights"] = pooling
                own["summary_bias"] = bias_of(at, heads, queries, pooling.shape[0])
                own["pool_query"] = query_of(at, heads, dim) if self.queries else None
        return self.layers[index]

    def parameters(self, model, rates):
        """What is learnt of all layers at some rate, by the names in a model's file."""
        learnt = {}
        for a in model.modules():
            if not hasattr(a, "index"):
                continue
            own = self.layer(a.index, a.num_heads, *a.attention_bias_idxs.shape, a.key_dim)
            for name, value in own.items():
                if value is None or not rates[name]:
                    continue
                value = learnt_pooling(value) if name == "pool_weights" else value.requires_grad_()
                learnt[f"vitcod.plan.layers.{a.index}.{name}"] = value
        return learnt

    def __call__(self, a, scores, q, k, v):
        _, heads, queries, keys = scores.shape
        scores = scores.masked_fill(~kept(a.index + self.shift, heads, queries, keys), -math.inf)
        own = self.layer(a.index, heads, queries, keys, q.shape[-1])
        if not own:
            return scores, v
        own, values = summary_columns(
            q, k, v, own["pool_weights"], own["summary_bias"], own["pool_query"]
        )
        return torch.cat([scores, own], -1), torch.cat([v, values], -2)


def rounded(x, digits):
    """Numbers for JSON; what is minus infinity becomes null."""
    return [
        None if v == -math.inf else float(f"{v:.{digits}g}") for v in x.detach().flatten().tolist()
    ]


def make(name):
    """The model, and its number of tokens outside the grid."""
    if name in DEITS:
        return VisionTransformer(**DEITS[name], num_classes=CLASSES).double().eval(), 1
    sizes = LEVITS[name]
    return LevitDistilled(**sizes, depth=(2, 1, 2), num_classes=CLASSES).double().eval(), 0


def logits(name):
    model, prefix = make(name)
    fill(model)
    x = noise("images", (BATCH, 3, model_size(name), model_size(name)))
    with torch.no_grad():
        plain = model(x)
        state = instrument(model)
        assert torch.allclose(model(x), plain, rtol=1e-12, atol=1e-12)
        out = {}
        for queries in (False, True):
            state["hook"] = Summaries(prefix, queries=queries)
            key = "queries" if queries else "summaries"
            state["autoencoder"] = False
            out[key] = rounded(model(x), 10)
            state.update(autoencoder=True, reconstruction=0.0)
            out[f"{key}_autoencoder"] = rounded(model(x), 10)
            out[f"{key}_autoencoder_reconstruction"] = float(state["reconstruction"])
    return out


def model_size(name):
    return (DEITS | LEVITS)[name]["img_size"]


class Statistics:
    """The hook that gathers means over images, layer by layer: attention, and for each pooling of a
    list what summaries of g x g blocks weigh beside the dense row, exp(q . kbar / sqrt(d)) / Z."""

    def __init__(self, prefix, poolings, images):
        self.prefix, self.poolings, self.images = prefix, poolings, images
        self.mean, self.weight = {}, {}

    def __call__(self, a, scores, q, k, v):
        self.mean[a.index] = scores.softmax(-1).mean(0)
        log_z = scores.logsumexp(-1, keepdim=True)
        side = math.isqrt(scores.shape[-1] - self.prefix)
        for g in self.poolings:
            kbar = blocks(g, side, self.prefix).double() @ k
            own = q @ kbar.transpose(-1, -2) / math.sqrt(q.shape[-1])
            self.weight[a.index, g] = (own - log_z).exp().mean(0)
        return scores, v

    def bias(self, layer, g):
        """log of the mean attention of the pruned entries of a block over the summary's weight."""
        mean = self.mean[layer]
        heads, queries, keys = mean.shape
        side = math.isqrt(keys - self.prefix)
        pruned = ~kept(layer, heads, queries, keys)
        pruned[..., : self.prefix] = False
        pruned[:, : self.prefix] = False
        inside = blocks(g, side, self.prefix, weights=False).double()
        return (mean * pruned @ inside.T / self.weight[layer, g]).log()


def statistics(kind, sizes, prefix, poolings):
    model = kind(**sizes, num_classes=CLASSES).double().eval()
    fill(model)
    state = instrument(model)
    state["hook"] = seen = Statistics(prefix, poolings, IMAGES)
    with torch.no_grad():
        model(noise("images", (IMAGES, 3, sizes["img_size"], sizes["img_size"])))
    return [
        {
            f"{g}": {
                "weight": rounded(seen.weight[l, g], 7),
                "bias": rounded(seen.bias(l, g), 7),
            }
            for g in poolings
        }
        for l in sorted(seen.mean)
    ]


def main():
    torch.manual_seed(0)
    out = {name: logits(name) for name in (*DEITS, *LEVITS)}
    small = DEITS["deit"] | {"img_size": 32, "depth": 2}
    out["deit_statistics"] = statistics(VisionTransformer, small, 1, (1, 2, 3))
    small = LEVITS["levit_narrow"] | {"depth": (1, 1, 1)}
    out["levit_statistics"] = statistics(LevitDistilled, small, 0, (1, 2))
    print("{" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in out.items()) + "}")


if __name__ == "__main__":
    main()
