#!/usr/bin/env python3
"""The same work as bench_model.c in PyTorch and timm: images per second, one round a line,
and as a comment the most memory that those rounds had, without what Python and PyTorch take.

usage: torch_model.py tiny|demo|small train|forward BATCH ROUNDS [fp32|bf16] [eager|compiled]

Threads: OMP_NUM_THREADS. bf16 is autocast's.
"""

import contextlib
import os
import sys
import time

import timm
import torch

name, mode, batch, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
half, compiled = "bf16" in sys.argv[5:], "compiled" in sys.argv[5:]
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))


def memory(name):
    with open("/proc/self/status", encoding="ascii") as status:
        return next(1024 * int(line.split()[1]) for line in status if line.startswith(name))


before = memory("VmRSS")
SIZES = {
    "demo": {"patch_size": 2, "embed_dim": 48, "depth": 4, "num_heads": 3},
    "small": {"patch_size": 4, "embed_dim": 64, "depth": 6, "num_heads": 4},
}
if name in SIZES:
    model = timm.models.vision_transformer.VisionTransformer(
        img_size=28, in_chans=1, num_classes=10, **SIZES[name]
    )
    x = torch.randn(batch, 1, 28, 28)
elif name == "tiny":
    model = timm.create_model("deit_tiny_patch16_224", pretrained=False)
    x = torch.randn(batch, 3, 224, 224)
else:
    sys.exit(f"torch_model: '{name}' is no model, wanted tiny, demo or small")
y = torch.zeros(batch, dtype=torch.long)
optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.05)
model.train(mode == "train")
run = torch.compile(model) if compiled else model


def precision():
    return torch.autocast("cpu", torch.bfloat16) if half else contextlib.nullcontext()


for r in range(-2, rounds):
    if r == 0:  # from here on VmHWM is about what follows
        with open("/proc/self/clear_refs", "w", encoding="ascii") as peak:
            peak.write("5")
    start = time.perf_counter()
    if mode == "train":
        optimiser.zero_grad(set_to_none=False)
        with precision():
            loss = torch.nn.functional.cross_entropy(run(x), y, label_smoothing=0.1)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    else:
        with torch.no_grad(), precision():
            run(x)
    if r >= 0:
        print(f"{batch / (time.perf_counter() - start):.3f}", flush=True)
print(f"# peak_bytes {memory('VmHWM') - before}")
