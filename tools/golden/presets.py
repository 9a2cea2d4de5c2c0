#!/usr/bin/env python3
"""What timm has under the names of our presets: parameters, tokens, side of an image, outputs, mean
of the first channel, std of the last, crop, interpolation. The oracle of
tests/models/test_presets.c. DeiTs and LeViTs want images as their published code does, so theirs
are left out. Wants timm 1.0. Run:
python3 tools/golden/presets.py NAME .. > tools/golden/presets.json
(names: vitcod info --list)
"""

import json
import sys

import timm
import torch


def describe(name):
    with torch.device("meta"):
        model = timm.create_model(name)
    cfg, patches = timm.get_pretrained_cfg(name), model.patch_embed
    tokens = patches.num_patches + getattr(model, "num_prefix_tokens", 0)
    looks = [cfg.mean[0], cfg.std[-1], cfg.crop_pct, cfg.interpolation]
    return [
        sum(p.numel() for p in model.parameters()),
        tokens,
        patches.img_size[0],
        model.num_classes or model.num_features,
        *(looks if name.startswith(("vit_", "deit3_")) else []),
    ]


def main():
    out = {name: describe(name) for name in sys.argv[1:] if not name.startswith("levit")}
    print("{" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in out.items()) + "}")


if __name__ == "__main__":
    main()
