#!/usr/bin/env python3
"""Are the MACs that `vitcod profile --count` finds those that fvcore finds in timm's models?

usage: compare-macs.py VITCOD (wants torch, timm and fvcore)

Both count convolutions, linear layers and matrix products; what fvcore counts of norms is left out.
They must be equal.
"""

import json
import logging
import subprocess
import sys
import warnings

import timm
import torch
from fvcore.nn import FlopCountAnalysis

NAMES = [
    "deit_tiny_patch16_224",
    "deit_small_patch16_224",
    "deit_base_patch16_224",
    "deit_base_patch16_384",
    "levit_128s",
    "levit_128",
    "levit_192",
    "levit_256",
    "levit_384",
]
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
apart = 0
for name in NAMES:
    model = timm.create_model(name).eval()
    size = model.default_cfg["input_size"]
    counts = FlopCountAnalysis(model, torch.zeros(1, *size)).by_operator()
    theirs = int(sum(v for k, v in counts.items() if k in ("conv", "linear", "matmul")))
    said = subprocess.run(
        [sys.argv[1], "profile", "--arch", name, "--count", "--json"],
        check=True,
        stdout=subprocess.PIPE,
    )
    ours = json.loads(said.stdout)["macs"]
    apart += ours != theirs
    print(f"{name}: {ours} and {theirs}: {'equal' if ours == theirs else 'NOT EQUAL'}")
sys.exit(apart > 0)
