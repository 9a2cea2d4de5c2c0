#!/usr/bin/env python3
"""Exports models as ONNX and compares ONNX Runtime's logits with vitcod's: a table of model x way
(dense, masked, with summaries, ..) x largest difference, of four images of noise.

usage: compare-onnx.py VITCOD DATA [--tolerance X] [--models 'NAME;..']

DATA has deit_tiny_patch16_224.safetensors, vitcod-masks and imagenet-samples (a folder of images,
for the plans that `calibrate` makes). Other models are timm's architectures with random weights,
statistics and biases, and the small ViTs of tools/golden/vits.py, each with a switch that a DeiT
has not (LayerScale, registers, no class token, SwiGLU, ..), whose images have 32 pixels. Wants
numpy, onnx and onnxruntime; torch, timm and safetensors for the others.
"""

import argparse
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime

RANDOM = (
    "deit_small_distilled_patch16_224",
    "levit_128s",
    "levit_128",
    "levit_256d",
)
SWITCHED = "ViT, "  # and a name of vits.py
MASKS = {
    "deit_tiny_patch16_224": "vitcod-masks/deit_tiny_lowrank_0.95/info_0.95.npy",
    "levit_128": "vitcod-masks/levit_128_lowrank/masks/0.9",
}
SUMMARIES = ("", "q", "s1.5")


class Compared:
    """One model: what is exported of it, and how far ONNX Runtime is from vitcod."""

    def __init__(self, vitcod, work, images):
        self.vitcod, self.work, self.images = vitcod, work, images
        small = images.shape[2] < 224  # where summaries of 17 tokens would be most of the scores
        self.sparsity, self.grid = ("--sparsity=0.4", "1x1") if small else ("--sparsity=0.9", "3x3")
        np.save(self.path("x.npy"), images)

    def path(self, name):
        return os.path.join(self.work, name)

    def run(self, *arguments):
        done = subprocess.run([self.vitcod, *arguments], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(arguments)}: {done.stderr.strip()}")

    def difference(self, *model):
        """Largest of the differences, and largest of the logits."""
        file, out = self.path("model.onnx"), self.path("logits.npy")
        self.run("export", *model, "-o", file)
        onnx.checker.check_model(file, full_check=True)
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        (have,) = session.run(["logits"], {"images": self.images})
        self.run("infer", *model, "--dtype", "fp32", "--input", self.path("x.npy"), "-o", out)
        want = np.load(out)
        return float(np.abs(have - want).max()), float(np.abs(want).max())

    def calibrated(self, model, data, name, *options):
        """A file with a plan inside, of eight images."""
        out = self.path(f"{name}.safetensors")
        few = ["--sample", "8", "--statistics", "8", "--batch", "1", "--epochs", "0"]
        how = [*few, "--rule", "budget", self.sparsity, *options]
        self.run("calibrate", model, "--data", data, *how, "-o", out)
        return out

    def coded(self, model, data):
        out = self.path("autoencoder.safetensors")
        self.run("autoencoder", model, "--data", data, "--sample", "8", "-o", out)
        return out

    def drawn(self, mask):
        """A plan with summaries of no meaning."""
        from safetensors import safe_open
        from safetensors.numpy import save_file

        path, out = self.path("plan.safetensors"), self.path("drawn.safetensors")
        self.run("polarize", mask, "-o", path)
        with safe_open(path, "np") as file:
            metadata, tensors = file.metadata(), {n: file.get_tensor(n) for n in file.keys()}
        random = np.random.default_rng(0)
        for layer in range(sum(name.endswith(".rows") for name in tensors)):
            draw_summaries(tensors, layer, random)
        save_file(tensors, out, metadata)
        return out

    def masked(self, model, data):
        """A mask of its own attention."""
        maps, out = self.path("maps"), self.path("masks")
        self.run("attention", model, "--data", data, "--sample", "8", "-o", maps)
        self.run("prune", maps, self.sparsity, "-o", out)
        return out


def draw_summaries(tensors, layer, random):
    """Three of every layer of a plan, pooled by weights, with a bias."""
    heads, queries = tensors[f"layers.{layer}.query_order"].shape
    keys = tensors[f"layers.{layer}.key_order"].shape[1]
    tokens = np.concatenate([np.sort(random.permutation(keys)[: keys // 3]) for _ in range(3)])
    drawn = {
        "pool_start": np.arange(4) * (keys // 3),
        "pool_keys": tokens,
        "pool_weights": random.uniform(0, 6 / keys, len(tokens)),
        "summary_bias": random.standard_normal((heads, queries, 3)),
    }
    for name, values in drawn.items():
        dtype = np.int32 if name in ("pool_start", "pool_keys") else np.float32
        tensors[f"layers.{layer}.{name}"] = values.astype(dtype)


def random_checkpoint(name, work):
    """Logits of about 1, which those of a model as it is initialised are not."""
    import timm
    import torch

    torch.manual_seed(1)
    model = timm.create_model(name)
    for key, value in model.state_dict().items():
        if key.endswith("running_var"):
            value.uniform_(0.5, 1.5)
        elif key.endswith("bn.weight"):
            value.uniform_(0.5, 1.0)
        elif value.is_floating_point() and value.ndim < 3 and not key.endswith(".weight"):
            value.normal_(0.0, 0.2)
    path = os.path.join(work, name + ".pth")
    torch.save(model.state_dict(), path)
    return path


def switched_checkpoint(name, vits, work):
    from safetensors.torch import save_file

    model = vits.make(name).float()
    norm, act = model.blocks[0].norm1, type(model.blocks[0].mlp.act).__name__
    said = {"num_heads": "3", "global_pool": model.global_pool, "norm_eps": repr(norm.eps)}
    if act != "SiLU":
        said["activation"] = "quick_gelu" if act == "QuickGELU" else "gelu"
    path = os.path.join(work, name + ".safetensors")
    save_file({key: x.contiguous() for key, x in model.state_dict().items()}, path, said)
    return path


def vits_of_timm():
    """tools/golden/vits.py, if there is a timm."""
    sys.path.insert(0, os.path.join(os.path.dirname(__file__), "golden"))
    import vits

    return vits


def names_of(given):
    """The models, and of what size their images are."""
    if given:
        names = given.split(";")
    else:
        names = ["deit_tiny_patch16_224", *RANDOM]
        names += [SWITCHED + name for name in vits_of_timm().VITS]
    return [(name, 32 if name.startswith(SWITCHED) else 224) for name in names]


def checkpoint_of(name, data, work):
    real = os.path.join(data, name + ".safetensors")
    if os.path.exists(real):
        return real
    if name.startswith(SWITCHED):
        return switched_checkpoint(name[len(SWITCHED) :], vits_of_timm(), work)
    return random_checkpoint(name, work)


def ways_of(compared, name, model, data):
    images, mask = os.path.join(data, "imagenet-samples"), MASKS.get(name)
    yield "dense", [model]
    path = os.path.join(data, mask) if mask else compared.masked(model, images)
    yield "mask", [model, "--mask", path]
    yield "auto-encoder", [model, "--autoencoder", compared.coded(model, images)]
    if name.startswith("levit"):  # whose summaries `calibrate` does not make
        yield "summaries, drawn", [model, "--plan", compared.drawn(path)]
        return
    for kind in SUMMARIES:
        grid = compared.grid + kind
        yield f"summaries {grid}", [
            compared.calibrated(model, images, grid, "--summary", grid, "--residual", "none")
        ]
    yield "residual", [compared.calibrated(model, images, "mean", "--residual", "mean")]


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("vitcod")
    parser.add_argument("data")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--models", help=f"separated by ;, as 'levit_128;{SWITCHED}swiglu'")
    args = parser.parse_args()
    print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}\n")
    print("| model | attention | largest difference | largest logit |\n|---|---|---|---|")
    worst = 0.0
    with tempfile.TemporaryDirectory() as work:
        for name, side in names_of(args.models):
            images = np.random.default_rng(0).standard_normal((4, 3, side, side), np.float32)
            folder = os.path.join(work, name)
            os.makedirs(folder)
            compared = Compared(args.vitcod, folder, images)
            model = checkpoint_of(name, args.data, work)
            for way, arguments in ways_of(compared, name, model, args.data):
                difference, largest = compared.difference(*arguments)
                worst = max(worst, difference)
                print(f"| {name} | {way} | {difference:.1e} | {largest:.2f} |", flush=True)
    if not worst <= args.tolerance:
        sys.exit(f"{worst:.1e} is more than {args.tolerance:.0e}")


if __name__ == "__main__":
    main()
