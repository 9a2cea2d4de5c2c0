#!/usr/bin/env python3
"""Ten training steps of a small DeiT in PyTorch, float64: the oracle of tests/train/test_trace.c.

Weights, images, mask and summaries follow formulas that both sides can evaluate, so that no array
needs to be stored. Wants timm 0.9.16, for summaries.py. Run: python3
tools/golden/train_trace.py > tools/golden/train_trace.json
"""

import json
import math

import torch
import torch.nn.functional as F

from summaries import bias_of, learnt_pooling, pooling_of, query_of, size_of, summary_columns

IMAGE, PATCH, CHANNELS, CLASSES, WIDTH, DEPTH, HEADS, HIDDEN, BATCH = 8, 2, 1, 5, 12, 2, 3, 24, 6
COMPRESSED, STEPS, LR, DECAY, SMOOTHING, CLIP, WEIGHT = 2, 10, 3e-3, 0.05, 0.1, 1.0, 1e-2
TOKENS = (IMAGE // PATCH) ** 2 + 1
PLAN = "vitcod.plan.layers"


def wave(count, phase, scale):
    """scale * sin(0.73 i + phase), rounded to float32 as the C side stores it."""
    values = [scale * math.sin(0.73 * i + phase) for i in range(count)]
    return torch.tensor(values, dtype=torch.float32).double()


def parameters(autoencoder):
    """(name, shape, decays) in the order of the C table."""
    c, m, h, z = WIDTH, HIDDEN, HEADS, COMPRESSED
    table = [
        ("cls_token", (1, 1, c), 0),
        ("pos_embed", (1, TOKENS, c), 0),
        ("patch_embed.proj.weight", (c, CHANNELS, PATCH, PATCH), 1),
        ("patch_embed.proj.bias", (c,), 0),
    ]
    for b in range(DEPTH):
        block = [
            ("norm1.weight", (c,), 0),
            ("norm1.bias", (c,), 0),
            ("attn.qkv.weight", (3 * c, c), 1),
            ("attn.qkv.bias", (3 * c,), 0),
        ]
        if autoencoder:
            for x in "qk":
                block += [
                    (f"attn.encoder_{x}.weight", (z, h), 1),
                    (f"attn.encoder_{x}.bias", (z,), 0),
                    (f"attn.decoder_{x}.weight", (h, z), 1),
                    (f"attn.decoder_{x}.bias", (h,), 0),
                ]
        block += [
            ("attn.proj.weight", (c, c), 1),
            ("attn.proj.bias", (c,), 0),
            ("norm2.weight", (c,), 0),
            ("norm2.bias", (c,), 0),
            ("mlp.fc1.weight", (m, c), 1),
            ("mlp.fc1.bias", (m,), 0),
            ("mlp.fc2.weight", (c, m), 1),
            ("mlp.fc2.bias", (c,), 0),
        ]
        table += [(f"blocks.{b}.{name}", shape, decays) for name, shape, decays in block]
    return table + [
        ("norm.weight", (c,), 0),
        ("norm.bias", (c,), 0),
        ("head.weight", (CLASSES, c), 1),
        ("head.bias", (CLASSES,), 0),
    ]


def kept():
    """(layer, head, query, key): the class token, the diagonal, a sprinkle."""
    index = torch.arange
    l, h = index(DEPTH).view(-1, 1, 1, 1), index(HEADS).view(1, -1, 1, 1)
    i, j = index(TOKENS).view(1, 1, -1, 1), index(TOKENS).view(1, 1, 1, -1)
    return (i == 0) | (j == 0) | (i == j) | ((i * 5 + j * 3 + h + l) % 7 == 0)


def summary_parameters(first, queries):
    """Of block b those that summaries.py gives to layer `first` + b."""
    p = {}
    for b in range(DEPTH):
        pooling = pooling_of(first + b, TOKENS, 1)
        query = query_of(first + b, HEADS, WIDTH // HEADS) if queries else None
        if pooling is not None:
            p[f"{PLAN}.{b}.pool_weights"] = pooling
            p[f"{PLAN}.{b}.summary_bias"] = bias_of(first + b, HEADS, TOKENS, len(pooling))
        if query is not None:
            p[f"{PLAN}.{b}.pool_query"] = query
    return p


def forward(p, x, autoencoder, mask):
    c, d = WIDTH, WIDTH // HEADS
    y = F.conv2d(x, p["patch_embed.proj.weight"], p["patch_embed.proj.bias"], stride=PATCH)
    y = y.flatten(2).transpose(1, 2)
    y = torch.cat([p["cls_token"].expand(BATCH, -1, -1), y], 1) + p["pos_embed"]
    reconstruction = 0.0
    for b in range(DEPTH):
        w = {k[len(f"blocks.{b}.") :]: v for k, v in p.items() if k.startswith(f"blocks.{b}.")}
        n = F.layer_norm(y, (c,), w["norm1.weight"], w["norm1.bias"], 1e-6)
        qkv = F.linear(n, w["attn.qkv.weight"], w["attn.qkv.bias"])
        q, k, v = qkv.view(BATCH, TOKENS, 3, HEADS, d).permute(2, 0, 3, 1, 4)
        if autoencoder:
            decoded = []
            for name, t in (("q", q), ("k", k)):
                z = F.linear(
                    t.transpose(1, 3),
                    w[f"attn.encoder_{name}.weight"],
                    w[f"attn.encoder_{name}.bias"],
                )
                z = F.linear(
                    z, w[f"attn.decoder_{name}.weight"], w[f"attn.decoder_{name}.bias"]
                ).transpose(1, 3)
                reconstruction = reconstruction + torch.linalg.vector_norm(t - z)
                decoded.append(z)
            q, k = decoded
        scores = q @ k.transpose(-1, -2) / math.sqrt(d)
        if mask:
            scores = scores.masked_fill(~kept()[b], -math.inf)
        if f"{PLAN}.{b}.pool_weights" in p:
            names = ("pool_weights", "summary_bias", "pool_query")
            own, values = summary_columns(q, k, v, *(p.get(f"{PLAN}.{b}.{x}") for x in names))
            scores, v = torch.cat([scores, own], -1), torch.cat([v, values], -2)
        a = (scores.softmax(-1) @ v).transpose(1, 2).reshape(BATCH, TOKENS, c)
        y = y + F.linear(a, w["attn.proj.weight"], w["attn.proj.bias"])
        n = F.layer_norm(y, (c,), w["norm2.weight"], w["norm2.bias"], 1e-6)
        n = F.gelu(F.linear(n, w["mlp.fc1.weight"], w["mlp.fc1.bias"]))
        y = y + F.linear(n, w["mlp.fc2.weight"], w["mlp.fc2.bias"])
    y = F.layer_norm(y[:, 0], (c,), p["norm.weight"], p["norm.bias"], 1e-6)
    return F.linear(y, p["head.weight"], p["head.bias"]), reconstruction


def trace(autoencoder, mask, first=None, bias_rate=1.0, pooling_rate=0.0, query_rate=0.0):
    """With `first` on summaries (see summary_parameters), learnt at a rate times LR."""
    p, groups = {}, ([], [], [], [], [])
    for index, (name, shape, decays) in enumerate(parameters(autoencoder)):
        value = wave(math.prod(shape), index, 0.3).view(shape)
        if "norm" in name and name.endswith("weight"):
            value = (1.0 + value).float().double()
        p[name] = value.requires_grad_()
        groups[decays].append(p[name])
    summaries = {} if first is None else summary_parameters(first, query_rate > 0.0)
    for name, value in summaries.items():
        p[name] = value
        if name.endswith("bias"):
            groups[2].append(value.requires_grad_())
        elif name.endswith("query"):
            groups[4].append(value.requires_grad_())
        elif pooling_rate:
            groups[3].append(learnt_pooling(value))
    how = ((1.0, 0.0), (1.0, DECAY), (bias_rate, 0.0), (pooling_rate, 0.0), (query_rate, 0.0))
    optimiser = torch.optim.AdamW(
        [
            {"params": group, "lr": rate * LR, "weight_decay": decay}
            for group, (rate, decay) in zip(groups, how)
        ]
    )
    steps = []
    for step in range(STEPS):
        x = wave(BATCH * CHANNELS * IMAGE * IMAGE, 0.1 * step, 1.0).view(
            BATCH, CHANNELS, IMAGE, IMAGE
        )
        y = torch.tensor([(3 * i + step) % CLASSES for i in range(BATCH)])
        logits, reconstruction = forward(p, x, autoencoder, mask)
        task = F.cross_entropy(logits, y, label_smoothing=SMOOTHING)
        optimiser.zero_grad()
        (task + WEIGHT * reconstruction).backward()
        norm = torch.nn.utils.clip_grad_norm_(sum(groups, []), CLIP)
        optimiser.step()
        steps.append(
            {
                "loss": task.item(),
                "reconstruction": float(torch.as_tensor(reconstruction).detach()),
                "norm": norm.item(),
            }
        )
    out = {"steps": steps, "weights": sum(size_of(v) for k, v in p.items() if k not in summaries)}
    if summaries:
        out["summaries"] = {name: size_of(value) for name, value in summaries.items()}
    return out


def main():
    traces = {
        "dense": trace(False, False),
        "sparse": trace(True, True),
        "summaries": trace(False, True, first=0, bias_rate=10.0),
        "summaries_autoencoder": trace(True, True, first=2, pooling_rate=0.5),
        "summaries_queries": trace(True, True, first=2, pooling_rate=0.5, query_rate=2.0),
    }
    print(json.dumps(traces, indent=1))


if __name__ == "__main__":
    main()
