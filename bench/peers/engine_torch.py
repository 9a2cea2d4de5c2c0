"""PyTorch with timm's model, attention by SDPA: as it is, compiled, compiled with frozen weights;
under a mask SDPA with that mask, and FlexAttention."""

import numpy as np
import torch
import torch._inductor.config

import deit

VERSION = torch.__version__


def candidates(job):
    torch.set_num_threads(job["threads"])
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[job["dtype"]]

    def opened(attention=deit.MaskedAttention, fused=False):
        model = deit.open_model(job["arch"], job["checkpoint"], job["size"])
        if fused:
            deit.fuse(model)
        if job["mask"]:
            deit.restrict(model, np.load(job["mask"], mmap_mode="r"), attention)
        return model.to(dtype)

    def compiled(frozen, **how):
        torch._dynamo.reset()
        torch._inductor.config.freezing = frozen
        return caller(torch.compile(opened(**how)), dtype)

    ways = {
        "eager": lambda: caller(opened(), dtype),
        "compiled": lambda: compiled(False),
        "compiled, frozen": lambda: compiled(True),
    }
    if job["arch"].startswith("levit"):
        ways["fused"] = lambda: caller(opened(fused=True), dtype)
        ways["fused, compiled"] = lambda: compiled(True, fused=True)
    if job["mask"]:
        ways["FlexAttention"] = lambda: compiled(False, attention=deit.FlexAttention)
    return ways


def caller(model, dtype):
    # Freezing wants no_grad, and inference_mode makes compiled code anew.
    @torch.no_grad()
    def run(images):
        return model(torch.from_numpy(images).to(dtype)).float().numpy()

    return run
