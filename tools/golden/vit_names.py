#!/usr/bin/env python3
"""How timm's plain ViTs want images, by the names of their weights: mean of the first channel, std
of the last, crop, interpolation. The oracle of tests/models/test_looks.c. Wants timm 1.0. Run:
python3 tools/golden/vit_names.py > tools/golden/vit_names.json
"""

import json

import timm
import torch
from timm.models.vision_transformer import VisionTransformer

OTHERS = ("q_norm", "attn_pool", "fc1_g", "attn.norm", "mlp.norm", "patch_embed.backbone")


def is_plain(arch):
    try:
        with torch.device("meta"):
            model = timm.create_model(arch)
    except (RuntimeError, NotImplementedError, TypeError, ValueError):
        return False
    names = model.state_dict()
    return (
        type(model) is VisionTransformer
        and "_rpn_" not in arch  # norms behind attention, which are refused
        and not any(part in name for part in OTHERS for name in names)
        and "blocks.0.mlp.fc1.weight" in names
        and ("norm.weight" in names or "fc_norm.weight" in names)
        and type(model.blocks[0].mlp.act).__name__ != "GELUTanh"
    )


def main():
    out, plain = {}, {}
    for name in timm.list_pretrained(["vit_*", "deit3_*"]):
        arch = name.split(".")[0]
        if plain.setdefault(arch, is_plain(arch)):
            c = timm.get_pretrained_cfg(name)
            out[name] = [c.mean[0], c.std[-1], c.crop_pct, c.interpolation]
    print("{" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in out.items()) + "}")


if __name__ == "__main__":
    main()
