#!/usr/bin/env python3
"""Logits of small LeViTs and DeiTs, and resampled positions, from timm, in float64: the oracle of
tests/models.

Weights and images follow a formula that both sides can evaluate, so that no array needs to be
stored. timm computes the plain models; masks and ViTCoD's auto-encoder are put into its attention
here, and with neither the result must be timm's own. Wants timm 0.9.16. Run: python3
tools/golden/models.py > tools/golden/models.json
"""

import json

import noise as numbers
import numpy as np
import torch
from timm.layers import resample_abs_pos_embed
from timm.models.deit import VisionTransformerDistilled
from timm.models.levit import Attention, AttentionDownsample, LevitDistilled
from timm.models.vision_transformer import Attention as DeitAttention
from timm.models.vision_transformer import VisionTransformer, checkpoint_filter_fn

CLASSES, BATCH, IMAGE = 10, 2, 112
# name: widths, heads, depths; keys of 4 values
LEVITS = {
    "levit_128s": ((16, 32, 48), (4, 6, 8), (2, 3, 4)),
    "levit_128": ((16, 32, 48), (4, 8, 12), (4, 4, 4)),
    "levit_192": ((24, 36, 48), (3, 5, 6), (4, 4, 4)),
    "levit_256": ((32, 48, 64), (4, 6, 8), (4, 4, 4)),
    "levit_384": ((48, 64, 96), (6, 9, 12), (4, 4, 4)),
}


def noise(name, shape):
    return torch.tensor(numbers.noise(name, shape))


def value_of(name, shape):
    return torch.tensor(numbers.weight(name, shape))


def fill(model):
    state = {
        k: v if k.endswith("num_batches_tracked") else value_of(k, tuple(v.shape))
        for k, v in model.state_dict().items()
    }
    model.load_state_dict(state)


def mask_of(layer, heads, queries, keys):
    """True = pruned."""
    h, i, j = (
        torch.arange(heads).view(-1, 1, 1),
        torch.arange(queries).view(-1, 1),
        torch.arange(keys),
    )
    return ~((j == 1) | (i == j) | ((i * 5 + j * 3 + h + layer) % 7 == 0))


def attend(a, q, k, v, state):
    """q, k, v (B, N, H, D) of module `a`; what timm's forward does between its projections. A hook
    sees what the softmax is about to, heads in front of tokens, and may add columns."""
    if state["autoencoder"] and not isinstance(a, AttentionDownsample):
        for x in ("q", "k"):
            before = q if x == "q" else k
            code = before.permute(0, 1, 3, 2)
            code = (
                code @ state[a.name + f".encoder_{x}.weight"].T
                + state[a.name + f".encoder_{x}.bias"]
            )
            code = (
                code @ state[a.name + f".decoder_{x}.weight"].T
                + state[a.name + f".decoder_{x}.bias"]
            )
            after = code.permute(0, 1, 3, 2)
            state["reconstruction"] = state["reconstruction"] + (after - before).norm()
            q, k = (after, k) if x == "q" else (q, after)
    q, k, v = (x.permute(0, 2, 1, 3) for x in (q, k, v))
    scores = q @ k.transpose(-1, -2) * a.scale
    if hasattr(a, "attention_biases"):
        scores = scores + a.attention_biases[:, a.attention_bias_idxs]
    if state["mask"]:
        scores = scores.masked_fill(mask_of(a.index, *scores.shape[1:]), float("-inf"))
    if state["hook"]:
        scores, v = state["hook"](a, scores, q, k, v)
    return a.proj((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


def own_forward(a, state):
    def forward(x):
        b, n, _ = x.shape
        return attend(
            a,
            *a.qkv(x).view(b, n, a.num_heads, -1).split([a.key_dim, a.key_dim, a.val_dim], 3),
            state,
        )

    return forward


def deit_forward(a, state):
    def forward(x, **_):  # of timm 1.0: attn_mask and is_causal
        b, n, _ = x.shape
        return attend(a, *a.qkv(x).view(b, n, 3, a.num_heads, -1).unbind(2), state)

    return forward


def subsampling_forward(a, state):
    def forward(x):
        b, n, _ = x.shape
        k, v = a.kv(x).view(b, n, a.num_heads, -1).split([a.key_dim, a.val_dim], 3)
        q = a.q(x)
        return attend(a, q.view(b, q.shape[1], a.num_heads, a.key_dim), k, v, state)

    return forward


def compressed(heads):
    return 4 if heads == 6 else (heads + 1) // 2


def instrument(model):
    """Replaces every attention's forward; what it does is steered by the state that is returned."""
    state, index = {"autoencoder": False, "mask": False, "hook": None, "reconstruction": 0.0}, 0
    forwards = {
        Attention: own_forward,
        AttentionDownsample: subsampling_forward,
        DeitAttention: deit_forward,
    }
    for name, a in model.named_modules():
        if type(a) not in forwards:
            continue
        a.name, a.index, h, index = name, index, a.num_heads, index + 1
        a.forward = forwards[type(a)](a, state)
        for x in ("q", "k"):
            z = compressed(h)
            for part, shape in (
                (f"encoder_{x}.weight", (z, h)),
                (f"encoder_{x}.bias", (z,)),
                (f"decoder_{x}.weight", (h, z)),
                (f"decoder_{x}.bias", (h,)),
            ):
                state[f"{name}.{part}"] = value_of(f"{name}.{part}", shape)
    return state


def flat(x):
    return [float(f"{v:.10g}") for v in x.detach().flatten()]


def rounding(model, x, trials=16):
    """How far outputs in training go when weights are rounded to float32 in other ways: a norm over
    few images magnifies that where they hardly differ.
    """
    exact, state = model(x), {k: v.clone() for k, v in model.state_dict().items()}
    generator, furthest = torch.Generator().manual_seed(0), 0.0
    for _ in range(trials):
        with torch.no_grad():
            for name, p in model.named_parameters():
                way = torch.rand(p.shape, generator=generator, dtype=p.dtype) * 2 - 1
                p.copy_(state[name] * (1 + way * 2.0**-24))
        for head, was in zip(model(x), exact, strict=True):
            furthest = max(furthest, float((head - was).abs().max()))
    model.load_state_dict(state)
    return furthest


def levit(widths, heads, depths):
    model = (
        LevitDistilled(
            img_size=IMAGE,
            embed_dim=widths,
            key_dim=4,
            num_heads=heads,
            depth=depths,
            num_classes=CLASSES,
        )
        .double()
        .eval()
    )
    fill(model)
    x = noise("images", (BATCH, 3, IMAGE, IMAGE))
    with torch.no_grad():
        plain = model(x)
        state = instrument(model)
        assert torch.allclose(model(x), plain, rtol=1e-12, atol=1e-12)
        out = {"parameters": sum(p.numel() for p in model.parameters()), "plain": flat(plain)}
        for name, mask, autoencoder in (
            ("mask", 1, 0),
            ("autoencoder", 0, 1),
            ("mask_autoencoder", 1, 1),
        ):
            state.update(mask=mask, autoencoder=autoencoder, reconstruction=0.0)
            out[name] = flat(model(x))
            if autoencoder:
                out[name + "_reconstruction"] = float(state["reconstruction"])
        state.update(mask=0, autoencoder=0)
        model.train()
        model.distilled_training = True
        out["batch_statistics"] = [flat(head) for head in model(x)]
        running = model.state_dict()["stages.1.blocks.0.attn.qkv.bn.running_mean"]
        out["batch_statistics_running_mean"] = flat(running)
        out["batch_statistics_rounding"] = rounding(model, x)
    return out


def deit(image, distilled):
    kind = VisionTransformerDistilled if distilled else VisionTransformer
    return (
        kind(img_size=image, patch_size=8, embed_dim=24, depth=2, num_heads=3, num_classes=CLASSES)
        .double()
        .eval()
    )


def deit_logits(image, distilled, weights_image):
    """Of a model for `image` pixels whose weights were made for `weights_image`."""
    source, model = deit(weights_image, distilled), deit(image, distilled)
    fill(source)
    model.load_state_dict(checkpoint_filter_fn(source.state_dict(), model))
    with torch.no_grad():
        return flat(model(noise("images", (BATCH, 3, image, image))))


def positions(old, new, prefix, width):
    """timm resamples in float32; the same in float64, which must be near."""
    x = noise("pos_embed", (1, prefix + old * old, width)).float() * torch.tensor(
        np.float32(0.3)
    )  # as the C side
    x = x.double()
    by_timm = resample_abs_pos_embed(x, (new, new), num_prefix_tokens=prefix)
    grid = x[:, prefix:].reshape(1, old, old, width).permute(0, 3, 1, 2)
    grid = torch.nn.functional.interpolate(grid, size=(new, new), mode="bicubic", antialias=True)
    out = torch.cat([x[:, :prefix], grid.permute(0, 2, 3, 1).reshape(1, -1, width)], dim=1)
    assert torch.allclose(out, by_timm, rtol=0, atol=2e-7) and out.shape == by_timm.shape
    return {"old": old, "new": new, "prefix": prefix, "width": width, "values": flat(out)}


def oblong_positions(old, new, prefix, width):
    """The same from rows and columns to others."""
    x = noise("pos_embed", (1, prefix + old[0] * old[1], width)).float() * torch.tensor(
        np.float32(0.3)
    )
    x = x.double()
    by_timm = resample_abs_pos_embed(x, new, old, num_prefix_tokens=prefix)
    grid = x[:, prefix:].reshape(1, *old, width).permute(0, 3, 1, 2)
    grid = torch.nn.functional.interpolate(grid, size=new, mode="bicubic", antialias=True)
    out = torch.cat([x[:, :prefix], grid.permute(0, 2, 3, 1).reshape(1, -1, width)], dim=1)
    assert torch.allclose(out, by_timm, rtol=0, atol=2e-7) and out.shape == by_timm.shape
    return {"old": old, "new": new, "prefix": prefix, "width": width, "values": flat(out)}


def resized_deit():
    return {
        "positions": [
            positions(*sizes, 3)
            for sizes in (
                (4, 7, 1),
                (7, 4, 1),
                (5, 5, 1),
                (4, 7, 2),
                (7, 3, 2),
                (2, 9, 1),
                (9, 1, 1),
                (1, 3, 2),
            )
        ],
        "oblong_positions": [
            oblong_positions(*sizes, 3)
            for sizes in (
                ((4, 4), (3, 7), 1),
                ((4, 4), (2, 8), 1),
                ((3, 5), (5, 3), 2),
                ((2, 8), (4, 4), 1),
                ((6, 2), (2, 9), 1),
                ((1, 5), (4, 1), 2),
            )
        ],
        "grown": deit_logits(56, False, 32),
        "shrunk": deit_logits(32, False, 56),
        "grown_distilled": deit_logits(56, True, 32),
        "shrunk_distilled": deit_logits(24, True, 56),
    }


def main():
    torch.manual_seed(0)
    out = {name: levit(*sizes) for name, sizes in LEVITS.items()}
    out["deit_distilled"] = {"plain": deit_logits(32, True, 32)}
    out["deit_resized"] = resized_deit()
    print("{" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in out.items()) + "}")


if __name__ == "__main__":
    main()
