#!/usr/bin/env python3
"""Exports models as ONNX and compares ONNX Runtime's logits with vitcod's: a table of model x way
(dense, masked, with summaries, ..) x largest difference, of four images of noise.

usage: compare-onnx.py VITCOD DATA [--tolerance X] [--models NAME,..]

DATA has deit_tiny_patch16_224.safetensors, vitcod-masks and imagenet-samples (a folder of images,
for the plans that `calibrate` makes). Other models are timm's architectures with random weights,
statistics and biases. Wants numpy, onnx and onnxruntime; torch and timm for the others.
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
MASKS = {
    "deit_tiny_patch16_224": "vitcod-masks/deit_tiny_lowrank_0.95/info_0.95.npy",
    "levit_128": "vitcod-masks/levit_128_lowrank/masks/0.9",
}
SUMMARIES = ("3x3", "3x3q", "3x3s1.5")


class Compared:
    """One model: what is exported of it, and how far ONNX Runtime is from vitcod."""

    def __init__(self, vitcod, work, images):
        self.vitcod, self.work, self.images = vitcod, work, images
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
        self.run("calibrate", model, "--data", data, *few, "--rule", "budget", *options, "-o", out)
        return out

    def coded(self, model, data):
        out = self.path("autoencoder.safetensors")
        self.run("autoencoder", model, "--data", data, "--sample", "8", "-o", out)
        return out

    def masked(self, model, data):
        """A mask of its own attention."""
        maps, out = self.path("maps"), self.path("masks")
        self.run("attention", model, "--data", data, "--sample", "8", "-o", maps)
        self.run("prune", maps, "--sparsity", "0.9", "-o", out)
        return out


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


def ways_of(compared, name, model, data):
    images, mask = os.path.join(data, "imagenet-samples"), MASKS.get(name)
    yield "dense", [model]
    path = os.path.join(data, mask) if mask else compared.masked(model, images)
    yield "mask", [model, "--mask", path]
    yield "auto-encoder", [model, "--autoencoder", compared.coded(model, images)]
    if name.startswith("levit"):
        return
    for grid in SUMMARIES:
        yield f"summaries {grid}", [
            compared.calibrated(model, images, grid, "--summary", grid, "--residual", "none")
        ]
    yield "residual", [compared.calibrated(model, images, "mean", "--residual", "mean")]


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("vitcod")
    parser.add_argument("data")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--models", default=",".join(("deit_tiny_patch16_224", *RANDOM)))
    args = parser.parse_args()
    print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}\n")
    print("| model | attention | largest difference | largest logit |\n|---|---|---|---|")
    worst = 0.0
    with tempfile.TemporaryDirectory() as work:
        images = np.random.default_rng(0).standard_normal((4, 3, 224, 224)).astype(np.float32)
        for name in args.models.split(","):
            folder = os.path.join(work, name)
            os.makedirs(folder)
            compared = Compared(args.vitcod, folder, images)
            real = os.path.join(args.data, name + ".safetensors")
            model = real if os.path.exists(real) else random_checkpoint(name, work)
            for way, arguments in ways_of(compared, name, model, args.data):
                difference, largest = compared.difference(*arguments)
                worst = max(worst, difference)
                print(f"| {name} | {way} | {difference:.1e} | {largest:.2f} |", flush=True)
    if worst > args.tolerance:
        sys.exit(f"{worst:.1e} is more than {args.tolerance:.0e}")


if __name__ == "__main__":
    main()
