#!/usr/bin/env python3
"""Logits of a small DeiT that loses tokens from layer to layer, in float64: the oracle of
tests/models/test_token_reduction.c.

Written from the papers (SpAtten: Wang et al., HPCA 2021; ToMe: Bolya et al., ICLR 2023), token by
token: each is a pair of its values and what is known of it. No choice may hang on rounding, which
is asserted. Wants numpy. Run: python3 tools/golden/token_reduction.py >
tools/golden/token_reduction.json
"""

import json
import math

import noise
import numpy as np

IMAGE, PATCH, WIDTH, DEPTH, HEADS, HIDDEN, CLASSES, BATCH = 20, 4, 24, 4, 3, 48, 10, 2
PATCHES, HEAD = (IMAGE // PATCH) ** 2, WIDTH // HEADS
CASES = [("prune", 1.0), ("prune", 0.6), ("prune", 0.15), ("merge", 0.88), ("merge", 0.35)]
CLEAR = 1e-5  # between what is chosen and what is not

weights = {}


def weight(name, *shape):
    return weights.setdefault(name, noise.weight(name, shape))


def linear(x, name, outputs):
    inputs = x.shape[-1]
    return x @ weight(name + ".weight", outputs, inputs).T + weight(name + ".bias", outputs)


def norm(x, name):
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-6)
    return scaled * weight(name + ".weight", WIDTH) + weight(name + ".bias", WIDTH)


def gelu(x):
    return 0.5 * x * (1.0 + np.vectorize(math.erf)(x / math.sqrt(2.0)))


def embed(image, distilled):
    kernel = weight("patch_embed.proj.weight", WIDTH, 3, PATCH, PATCH)
    tokens = [weight("cls_token", 1, 1, WIDTH)[0, 0]]
    if distilled:
        tokens.append(weight("dist_token", 1, 1, WIDTH)[0, 0])
    for y in range(0, IMAGE, PATCH):
        for x in range(0, IMAGE, PATCH):
            patch = image[:, y : y + PATCH, x : x + PATCH]
            tokens.append(
                np.tensordot(kernel, patch, 3) + weight("patch_embed.proj.bias", WIDTH)
            )
    return np.array(tokens) + weight("pos_embed", 1, len(tokens), WIDTH)[0]


def attention(x, block, patches):
    """What attention adds to the tokens, its probabilities, and the keys of all heads."""
    qkv = linear(norm(x, block + "norm1"), block + "attn.qkv", 3 * WIDTH)
    q, k, v = (part.reshape(-1, HEADS, HEAD) for part in np.split(qkv, 3, axis=1))
    scores = np.einsum("ihd,jhd->hij", q, k) / math.sqrt(HEAD) + np.log(patches)
    probs = np.exp(scores - scores.max(-1, keepdims=True))
    probs /= probs.sum(-1, keepdims=True)
    out = np.einsum("hij,jhd->ihd", probs, v).reshape(-1, WIDTH)
    return linear(out, block + "attn.proj", WIDTH), probs, k


def count(rule, keep, layer):
    if rule == "prune":
        wanted = PATCHES * keep ** (layer / (DEPTH - 1))
    else:
        wanted = PATCHES - PATCHES * (1.0 - keep) * layer / (DEPTH - 1)
    assert abs(wanted % 1.0 - 0.5) > 1e-9
    return max(1, round(wanted))


def prune(x, importance, prefix, wanted):
    ranked = sorted(range(prefix, len(x)), key=lambda t: -importance[t])
    kept, gone = ranked[:wanted], ranked[wanted:]
    if gone:
        assert importance[kept[-1]] - importance[gone[0]] > CLEAR
    stay = list(range(prefix)) + sorted(kept)
    return x[stay], importance[stay]


def merge(x, patches, keys, prefix, wanted):
    keys = keys.mean(1)
    keys = keys / np.sqrt((keys**2).sum(-1, keepdims=True))
    seekers = [t for t in range(0, len(x), 2) if t >= prefix]
    targets = [t for t in range(1, len(x), 2) if t >= prefix]
    offers = []
    for t in seekers:
        best = sorted(((keys[t] @ keys[u], u) for u in targets), reverse=True)
        assert len(best) == 1 or best[0][0] - best[1][0] > CLEAR
        offers.append((best[0][0], t, best[0][1]))
    offers.sort(reverse=True)
    number = len(x) - prefix - wanted
    taken, left = offers[:number], offers[number:]
    assert len(taken) == number
    if taken and left:
        assert taken[-1][0] - left[0][0] > CLEAR
    groups = {t: [t] for t in range(len(x))}
    for _, t, u in taken:
        groups[u].append(t)
        del groups[t]
    order = list(range(prefix)) + [t for t in seekers if t in groups] + targets
    sums = [sum(patches[t] for t in groups[u]) for u in order]
    means = [sum(patches[t] * x[t] for t in groups[u]) / s for u, s in zip(order, sums)]
    return np.array(means), np.array(sums)


def forward(image, rule, keep, distilled):
    """Logits, tokens of each layer, MACs of all products."""
    x = embed(image, distilled)
    prefix = len(x) - PATCHES
    importance, patches = np.zeros(len(x)), np.ones(len(x))
    tokens, macs = [], PATCHES * WIDTH * 3 * PATCH**2 + prefix * WIDTH * CLASSES
    for layer in range(DEPTH):
        block = "blocks.%d." % layer
        n = len(x)
        tokens.append(n)
        more, probs, keys = attention(x, block, patches)
        x = x + more
        importance += probs.sum((0, 1))
        wanted = count(rule, keep, min(layer + 1, DEPTH - 1))
        if prefix + wanted < n and rule == "prune":
            x, importance = prune(x, importance, prefix, wanted)
            patches = np.ones(len(x))
        elif prefix + wanted < n:
            x, patches = merge(x, patches, keys, prefix, wanted)
            importance = np.zeros(len(x))
            macs += (n + 1) // 2 * (n // 2) * HEAD
        macs += 4 * n * WIDTH**2 + 2 * n * n * WIDTH + 2 * len(x) * WIDTH * HIDDEN
        hidden = gelu(linear(norm(x, block + "norm2"), block + "mlp.fc1", HIDDEN))
        x = x + linear(hidden, block + "mlp.fc2", WIDTH)
    x = norm(x[:prefix], "norm")
    logits = linear(x[0], "head", CLASSES)
    if distilled:
        logits = (logits + linear(x[1], "head_dist", CLASSES)) / 2.0
    return logits, tokens, macs


def case(rule, keep, distilled):
    images = noise.noise("images", (BATCH, 3, IMAGE, IMAGE))
    weights.clear()
    results = [forward(image, rule, keep, distilled) for image in images]
    return {
        "rule": rule,
        "keep": keep,
        "distilled": distilled,
        "tokens": results[0][1],
        "macs": results[0][2],
        "logits": [float("%.10g" % v) for logits, _, _ in results for v in logits],
    }


if __name__ == "__main__":
    cases = [case(rule, keep, distilled) for distilled in (False, True) for rule, keep in CASES]
    print("[" + ",\n".join(json.dumps(row) for row in cases) + "]")
