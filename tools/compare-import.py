#!/usr/bin/env python3
"""Imports checkpoints that PyTorch wrote, compares every tensor bit for bit, and the logits.

usage: compare-import.py VITCOD [WORK]
       compare-import.py VITCOD --cases DIR    a table of the checkpoints below DIR: refused, or
       their largest difference to NAME_y.npy, the logits of images NAME_x.npy; "loads" without

Wants torch, timm and numpy; timm before 0.9 gives LeViT the names of its first release, later ones
timm's own. Models have random weights and statistics.
"""

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile

import numpy as np
import timm
import torch

MODELS = ("deit_tiny_patch16_224", "deit_tiny_distilled_patch16_224", "levit_128s", "levit_384")


def read_safetensors(path):
    """Name to (dtype, shape, bytes), from the format's description."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    return {
        name: (entry["dtype"], tuple(entry["shape"]), data[slice(*entry["data_offsets"])])
        for name, entry in header.items()
        if name != "__metadata__"
    }


def bytes_of(tensor):
    dtype = {torch.float32: "F32", torch.int64: "I64"}[tensor.dtype]
    return dtype, tuple(tensor.shape), np.ascontiguousarray(tensor.numpy()).tobytes()


def logit_error(model, vitcod, checkpoint, work):
    images, logits = os.path.join(work, "images.npy"), os.path.join(work, "logits.npy")
    x = torch.randn(2, 3, 224, 224)
    np.save(images, x.numpy())
    subprocess.run(
        [vitcod, "infer", checkpoint, "--input", images, "-o", logits],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with torch.no_grad():
        want = model.double().eval()(x.double()).numpy()
    return float(np.abs(np.load(logits) - want).max() / np.abs(want).max())


def compare(name, vitcod, work):
    torch.manual_seed(1)
    model = timm.create_model(name)
    for key, value in model.state_dict().items():
        if value.dtype == torch.float32:
            value.copy_(
                torch.rand(value.shape) + 0.5
                if key.endswith("running_var")
                else 0.05 * torch.randn(value.shape)
            )
    state = model.state_dict()
    checkpoint, imported = os.path.join(work, name + ".pth"), os.path.join(
        work, name + ".safetensors"
    )
    torch.save({"model": state, "args": argparse.Namespace(model=name)}, checkpoint)
    subprocess.run(
        [vitcod, "import", checkpoint, "-o", imported], check=True, stdout=subprocess.DEVNULL
    )
    want = {
        key: bytes_of(value)
        for key, value in state.items()
        if not key.endswith("attention_bias_idxs")
    }
    have = read_safetensors(imported)
    if sorted(want.values()) != sorted(have.values()):
        sys.exit(f"{name}: the tensors differ")
    same = sum(want.get(key) == value for key, value in have.items())
    print(
        f"{name}: {len(have)} tensors equal bit for bit, {same} of them under the same name; "
        f"logits within {logit_error(model, vitcod, checkpoint, work):.1e} of the largest"
    )


def case(path, vitcod, work):
    """What becomes of one checkpoint."""
    stem, logits = os.path.splitext(path)[0], os.path.join(work, "logits.npy")
    images, want = stem + "_x.npy", stem + "_y.npy"
    known = os.path.exists(images) and os.path.exists(want)
    run = ["infer", path, "--input", images, "-o", logits, "--force"] if known else ["info", path]
    done = subprocess.run([vitcod, *run], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return "refused: " + done.stderr.strip().split(": ", 2)[-1]
    if not known:
        return "loads"
    have, want = np.load(logits), np.load(want)
    if have.shape != want.shape:
        return f"DIFFERS: {have.shape}, wanted {want.shape}"
    error = float(np.abs(have - want).max())
    return f"{'loads' if error <= 1e-5 else 'DIFFERS'}: within {error:.1e}"


def compare_cases(folder, vitcod, work):
    ends = (".pth", ".ckpt", ".bin", ".safetensors")
    paths = (os.path.join(d, f) for d, _, names in os.walk(folder) for f in names)
    for path in sorted(p for p in paths if p.endswith(ends)):
        print(f"{os.path.relpath(path, folder)}: {case(path, vitcod, work)}", flush=True)


def main():
    vitcod = os.path.abspath(sys.argv[1])
    if sys.argv[2:3] == ["--cases"]:
        with tempfile.TemporaryDirectory() as work:
            compare_cases(sys.argv[3], vitcod, work)
        return
    print(f"torch {torch.__version__}, timm {timm.__version__}")
    with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else None) as work:
        for name in MODELS:
            compare(name, vitcod, work)


if __name__ == "__main__":
    main()
