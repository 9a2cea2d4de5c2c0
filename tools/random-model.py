#!/usr/bin/env python3
"""Writes a model of timm with random weights as safetensors: something of its original size to
measure with, where there is no checkpoint. LayerScale is 1 in place of 1e-5, so that every layer
counts. Wants timm and safetensors.

usage: tools/random-model.py NAME FILE.safetensors
"""

import sys

import timm
import torch
from safetensors.torch import save_file


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip().splitlines()[-1])
    torch.manual_seed(0)
    model = timm.create_model(sys.argv[1], pretrained=False)
    heads = {str(m.num_heads) for m in model.modules() if hasattr(m, "num_heads")}
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name.endswith("gamma"):
                value.fill_(1.0)
    state = {name: value.contiguous() for name, value in model.state_dict().items()}
    metadata = {"arch": sys.argv[1]} | ({"num_heads": heads.pop()} if len(heads) == 1 else {})
    save_file(state, sys.argv[2], metadata)


if __name__ == "__main__":
    main()
