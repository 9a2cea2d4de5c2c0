#!/usr/bin/env python3
"""A checkpoint of a small distilled DeiT as DeiT's training writes it, weights as in models.py.

Wants timm 0.9 or later. Run: python3 tools/golden/checkpoint.py
tests/models/golden/deit_distilled.pth
"""

import argparse
import sys

import torch
from timm.models.deit import VisionTransformerDistilled

from models import fill

model = VisionTransformerDistilled(
    img_size=16, patch_size=8, embed_dim=12, depth=1, num_heads=3, num_classes=4
)
fill(model.double())
torch.save(
    {
        "model": model.float().state_dict(),
        "epoch": 3,
        "max_accuracy": 72.5,
        "args": argparse.Namespace(model="deit", lr=5e-4),
    },
    sys.argv[1],
)
