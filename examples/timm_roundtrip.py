"""A model pruned here, finetuned in PyTorch, and deployed here: the same logits on both sides.

usage: timm_roundtrip.py MODEL IMAGES [--mask MASK.npy] [--steps 10] [--output FILE.safetensors]

MODEL is a DeiT or ViT by timm's names (safetensors, .pth). IMAGES is a .npy of normalised images,
(N, 3, height, width), or a folder of them by class, of which the first 16 are taken. The mask is
ViTCoD's or that of any rule; without it, attention averaged over the images is pruned by 90 %.

Each step is taken twice, with SparseAttention and with dense attention under the same mask: their
losses agree, and so do the logits of PyTorch and of the library before and after. Needs torch (2.4
or later) and timm.
"""

from __future__ import annotations

import argparse
import copy
import functools
import sys
from pathlib import Path

import numpy as np
import timm
import torch
import torch.nn.functional as F
import vitcod

WITHIN = 1e-5  # of the largest logit, and of losses
MOST_IMAGES = 16


def read_images(path: Path, model) -> torch.Tensor:
    if path.is_dir():
        config = timm.data.resolve_model_data_config(model)
        transform = timm.data.create_transform(**config)
        dataset = timm.data.ImageDataset(str(path), transform=transform)
        return torch.stack([dataset[i][0] for i in range(min(len(dataset), MOST_IMAGES))])
    return torch.from_numpy(np.load(path))


def masked(attention, mask, x, **_):
    """What a script without our kernels would do: all scores, and -inf where they are pruned."""
    images, tokens, _ = x.shape
    qkv = attention.qkv(x).reshape(images, tokens, 3, attention.num_heads, -1)
    q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    return attention.proj(out.transpose(1, 2).reshape(images, tokens, -1))


def dense_under_mask(model, plan):
    for layer, block in enumerate(model.blocks):
        mask = vitcod.torch.bool_mask(plan, layer)
        block.attn.forward = functools.partial(masked, block.attn, mask)
    return model


def finetune(model, images, labels, steps: int) -> list[float]:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    model.train()
    losses = []
    for _ in range(steps):
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    return losses


def compare(what: str, here, there) -> bool:
    here, there = np.asarray(here, np.float64), np.asarray(there, np.float64)
    difference, largest = abs(here - there).max(), max(1.0, abs(there).max())
    share = difference / largest
    print(f"{what}: largest difference {difference:.1e}, {share:.1e} of {largest:.3g}")
    return difference <= WITHIN * largest


@torch.no_grad()
def logits(model, images) -> np.ndarray:
    return model(images).numpy()


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("--arch", default="deit_tiny_patch16_224", help="timm's name of the model")
    parser.add_argument("--mask", type=Path)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--output", type=Path, default=Path("finetuned.safetensors"))
    given = parser.parse_args(arguments)

    # Here: the model, a mask, a plan.
    state = vitcod.torch.to_state_dict(given.model)
    classes = len(state["head.bias"])
    dense = timm.create_model(given.arch, num_classes=classes).eval()
    dense.load_state_dict(state)
    images = read_images(given.images, dense)
    with vitcod.load(given.model, plan="none") as model:
        mask = given.mask or vitcod.prune(model.attention(images), sparsity=0.9).mask
        labels = torch.from_numpy(model.infer(images).argmax(1))
        plan = vitcod.polarize(mask)
        before = model.use(plan=plan).infer(images)
    print(plan)

    # There: the same model on the plan, finetuned, and once more without our kernels.
    sparse = vitcod.torch.sparsify(copy.deepcopy(dense), plan)
    other = dense_under_mask(dense, plan)
    good = compare("logits before", before, logits(sparse, images))
    losses = finetune(sparse, images, labels, given.steps)
    print("losses:", " ".join(f"{loss:.5f}" for loss in losses))
    of_dense = finetune(other, images, labels, given.steps)
    good &= compare("losses, sparse and dense", losses, of_dense)

    # Here again, from a file.
    with vitcod.torch.from_state_dict(sparse) as model:
        model.save(given.output)
    with vitcod.load(given.output) as model:
        good &= compare("logits after", model.infer(images), logits(sparse, images))
        good &= model.plan.hash == plan.hash
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
