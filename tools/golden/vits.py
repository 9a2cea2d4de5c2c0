#!/usr/bin/env python3
"""Logits and ten training steps of small plain ViTs, each with something that a DeiT has not, from
timm in float64: the oracle of tests/models/test_vit.c and tests/train/test_vit_trace.c.

Weights and images follow a formula that both sides can evaluate, so that no array needs to be
stored. Masks and ViTCoD's auto-encoder are put into timm's attention as models.py does it. Wants
timm 1.0. Run: python3 tools/golden/vits.py > tools/golden/vits.json
"""

import json
from collections import OrderedDict
from functools import partial

import torch
import torch.nn.functional as F
from timm.layers import SwiGLUPacked, resample_abs_pos_embed
from timm.models.vision_transformer import VisionTransformer, checkpoint_filter_fn
from torch import nn

from models import BATCH, CLASSES, fill, flat, instrument, noise

EPS = partial(nn.LayerNorm, eps=1e-5)


class PreLogits(VisionTransformer):
    """What timm before 0.6 had in front of the head: a product and tanh, on fewer values."""

    def __init__(self, **switches):
        super().__init__(**switches)
        fc = nn.Linear(self.embed_dim, 16)
        self.pre_logits = nn.Sequential(OrderedDict(fc=fc, act=nn.Tanh()))
        self.head = nn.Linear(16, CLASSES)

    def forward_head(self, x, pre_logits=False):
        return self.head(self.pre_logits(self.fc_norm(self.pool(x))))


GAP = {"class_token": False, "global_pool": "avg"}
REG4 = {"init_values": 1.0, "no_embed_class": True, "reg_tokens": 4}
VITS = {
    "layer_scale": {"init_values": 1.0},
    "no_qkv_bias": {"qkv_bias": False},
    "no_embed_class": {"no_embed_class": True},
    "registers": {"reg_tokens": 3},
    "average": {"global_pool": "avg"},
    "average_norm": {"global_pool": "avg", "fc_norm": False},
    "gap": GAP,
    "gap_norm": {**GAP, "fc_norm": False},
    "pre_norm": {"pre_norm": True, "norm_layer": EPS},
    "quick_gelu": {"act_layer": "quick_gelu"},
    "swiglu": {"mlp_layer": SwiGLUPacked, "act_layer": nn.SiLU, "mlp_ratio": 5.0},
    "pre_logits": {},
    "clip": {"pre_norm": True, "norm_layer": EPS, "act_layer": "quick_gelu"},
    "deit3": {"init_values": 1.0, "no_embed_class": True},
    "reg4": REG4,
    "reg4_gap": {**GAP, **REG4},
    "oblong": {"img_size": (24, 40)},
    "oblong_reg4": {**REG4, "img_size": (48, 24)},
    "oblong_patches": {"img_size": (24, 32), "patch_size": (12, 8)},
}
TRACES = (
    "layer_scale",
    "registers",
    "average",
    "gap_norm",
    "pre_norm",
    "reg4_gap",
    "quick_gelu",
    "swiglu",
    "pre_logits",
    "oblong_reg4",
)
FEATURES = ("reg4", "average", "gap_norm")
RESIZED = ("reg4", "gap", "registers")
OBLONG = (16, 64)  # pixels of as many patches as there are in 32 x 32
STEPS, LR, DECAY, SMOOTHING, CLIP = 10, 3e-3, 0.05, 0.1, 1.0


def make(name, image=None):
    sizes = {"img_size": 32, "patch_size": 8, **VITS[name]}
    if image:
        sizes["img_size"] = image
    model = (PreLogits if name == "pre_logits" else VisionTransformer)(
        embed_dim=24,
        depth=2,
        num_heads=3,
        num_classes=CLASSES,
        **sizes,
    )
    fill(model.double())
    return model.eval()


def images_for(model, name="images"):
    return noise(name, (BATCH, 3, *model.patch_embed.img_size))


def resized(name, image):
    """Of a model for so many pixels whose weights were made for 32."""
    model, state = make(name, image), make(name).state_dict()
    if image == OBLONG:  # which timm takes for the same grid, by their number
        state["pos_embed"] = resample_abs_pos_embed(
            state["pos_embed"],
            new_size=model.patch_embed.grid_size,
            num_prefix_tokens=0 if model.no_embed_class else model.num_prefix_tokens,
        )
    model.load_state_dict(checkpoint_filter_fn(state, model))
    return flat(model(images_for(model)))


def trace(name):
    model = make(name)
    groups = ([], [])
    for name, value in model.named_parameters():
        groups[value.ndim > 1 and "token" not in name and name != "pos_embed"].append(value)
    optimiser = torch.optim.AdamW(
        [{"params": group, "weight_decay": d} for group, d in zip(groups, (0.0, DECAY))], lr=LR
    )
    steps = []
    for step in range(STEPS):
        y = torch.tensor([(3 * i + step) % CLASSES for i in range(BATCH)])
        logits = model(images_for(model, f"images {step}"))
        loss = F.cross_entropy(logits, y, label_smoothing=SMOOTHING)
        optimiser.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(sum(groups, []), CLIP)
        optimiser.step()
        steps += [loss.item(), norm.item()]
    return {"steps": steps, "weights": sum(float(p.abs().sum()) for p in model.parameters())}


def features(model, images):
    tokens = model.forward_features(images)
    out = {"pool": flat(model.forward_head(tokens, pre_logits=True))}
    if model.cls_token is not None:
        out["cls"] = flat(tokens[:, 0])
    if isinstance(model.fc_norm, nn.Identity):
        out["tokens"] = flat(tokens.sum(1))
    return out


def vit(name):
    model, out = make(name), {}
    with torch.no_grad():
        images = images_for(model)
        out["plain"] = flat(model(images))
        if name in FEATURES:
            out.update(features(model, images))
        if name in RESIZED:
            out["grown"] = resized(name, 56)
            out["stretched"] = resized(name, (56, 24))
            out["rearranged"] = resized(name, OBLONG)
        state = instrument(model)
        assert torch.allclose(
            model(images).flatten(), torch.tensor(out["plain"], dtype=torch.float64), rtol=1e-9
        )
        state.update(mask=1, autoencoder=1, reconstruction=0.0)
        out["mask_autoencoder"] = flat(model(images))
    if name in TRACES:
        out["trace"] = trace(name)
    out["parameters"] = sum(p.numel() for p in make(name).parameters())
    return out


def main():
    torch.manual_seed(0)
    out = {name: vit(name) for name in VITS}
    print("{" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in out.items()) + "}")


if __name__ == "__main__":
    main()
