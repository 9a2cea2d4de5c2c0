#!/usr/bin/env python3
"""Imports checkpoints that PyTorch wrote, compares every tensor bit for bit, and the logits.

usage: compare-import.py VITCOD [WORK]
       compare-import.py VITCOD --vits [NAME ..]    plain ViTs of timm at their original sizes,
       logits, or features where there are no classes, to 1e-4 of the largest
       compare-import.py VITCOD --all [WORD]    every plain ViT of timm by name, with WORD in it,
       made narrow and of two layers: refused, or within so much of the largest output
       compare-import.py VITCOD --cases DIR    a table of the checkpoints below DIR: refused, or
       their largest difference to NAME_y.npy, the logits of images NAME_x.npy, or, where these are
       not there, to those of timm's or transformers' model with the same weights in float64;
       "loads" where that model is not known

Wants torch, timm and numpy, and transformers for Hugging Face's names; timm before 0.9 gives LeViT
the names of its first release, later ones timm's own. Models have random weights and statistics.
Differences are of the largest logit, or absolute where all are below 1.
"""

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile

import numpy as np
import safetensors.torch
import timm
import torch

try:
    import transformers
except ImportError:
    transformers = None

VITS = (
    "vit_tiny_patch16_224",
    "vit_small_patch16_224",
    "vit_small_patch32_224",
    "vit_base_patch32_224",
    "vit_small_patch16_224.dino",
    "vit_small_patch14_dinov2",
    "vit_small_patch14_reg4_dinov2",
    "vit_giant_patch14_dinov2",
    "deit3_small_patch16_224",
    "deit3_medium_patch16_224",
    "vit_base_patch16_clip_224",
    "vit_base_patch32_clip_224",
    "vit_base_patch32_clip_quickgelu_224.openai",
    "vit_medium_patch16_gap_240",
    "vit_medium_patch16_reg4_gap_256",
    "vit_mediumd_patch16_reg4_gap_256",
    "flexivit_small",
)
# What is too large here has the same switches, but fewer and narrower layers.
SHRUNK = {"vit_giant_patch14_dinov2": {"embed_dim": 384, "depth": 4, "num_heads": 6}}
TOLERANCE = 1e-4

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
    patches = getattr(model, "patch_embed", None)
    side = patches.img_size[0] if hasattr(patches, "img_size") else 224
    x = torch.randn(1 if side > 224 else 2, 3, side, side)
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
    model = timm.create_model(name, **SHRUNK.get(name, {}))
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
    error = logit_error(model, vitcod, checkpoint, work)
    os.remove(checkpoint)
    os.remove(imported)
    print(
        f"{name}: {len(have)} tensors equal bit for bit, {same} of them under the same name; "
        f"logits within {error:.1e} of the largest",
        flush=True,
    )
    if not error <= TOLERANCE:
        sys.exit(f"{name}: wanted at most {TOLERANCE:.0e}")


def try_shrunk(name, vitcod, work):
    """What becomes of a timm architecture with all of its switches, but small."""
    torch.manual_seed(1)
    try:
        model = timm.create_model(name, embed_dim=128, depth=2, num_heads=2)
    except (TypeError, ValueError, RuntimeError, AssertionError) as error:
        return f"not made: {str(error).splitlines()[0][:60]}"
    if not isinstance(model, timm.models.vision_transformer.VisionTransformer):
        return "no plain ViT"
    for value in model.state_dict().values():
        value.copy_(0.1 * torch.randn(value.shape))
    checkpoint, side = os.path.join(work, name + ".pth"), model.patch_embed.img_size
    images, logits = os.path.join(work, "images.npy"), os.path.join(work, "logits.npy")
    torch.save(model.state_dict(), checkpoint)
    x = torch.randn(1, 3, *side)
    np.save(images, x.numpy())
    run = [vitcod, "infer", checkpoint, "--input", images, "-o", logits, "--force", "--heads", "2"]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    os.remove(checkpoint)
    if done.returncode != 0:
        return "refused: " + done.stderr.strip().splitlines()[-1].split(".pth: ")[-1]
    with torch.no_grad():
        want = model.double().eval()(x.double()).numpy()
    error = float(np.abs(np.load(logits) - want).max() / np.abs(want).max())
    return f"{'within' if error <= TOLERANCE else 'DIFFERS:'} {error:.1e}"


def try_all(word, vitcod, work):
    differ = []
    for name in timm.list_models(["vit_*", "deit*", "flexivit_*", "beit3_*", "naflexvit_*"]):
        if word in name:
            how = try_shrunk(name, vitcod, work)
            print(f"{name}: {how}", flush=True)
            if how.startswith("DIFFERS"):
                differ.append(name)
    if differ:
        sys.exit(f"wanted at most {TOLERANCE:.0e} of {', '.join(differ)}")


# Averaged weights come first, as vitcod and timm take them.
PLACES = ("model_ema", "state_dict_ema", "teacher", "model", "state_dict", "model_state_dict")
PLACES += ("net", "params", "weights", "student")
PREFIXES = ("module.", "_orig_mod.", "model.", "backbone.", "ema.", "net.")


def state_of(path):
    """The tensors of a checkpoint, without what stands around them, as float32; or None."""
    if path.endswith(".safetensors"):
        state = safetensors.torch.load_file(path)
    else:
        state = torch.load(path, map_location="cpu", weights_only=False)
    for place in PLACES:
        if isinstance(state, dict) and isinstance(state.get(place), dict):
            state = state[place]
    if not isinstance(state, dict):
        return None
    state = {k: v for k, v in state.items() if isinstance(v, torch.Tensor)}
    for prefix in 2 * PREFIXES:
        if state and all(k.startswith(prefix) for k in state):
            state = {k[len(prefix) :]: v for k, v in state.items()}
    return {k: v.float() if v.is_floating_point() else v for k, v in state.items()}


def timm_vit(state):
    patch, positions = state["patch_embed.proj.weight"], state["pos_embed"].shape[1]
    width, fc1 = patch.shape[0], state["blocks.0.mlp.fc1.weight"].shape[0]
    pooled = "fc_norm.weight" in state
    model = timm.models.vision_transformer.VisionTransformer(
        img_size=int((positions - 1) ** 0.5) * patch.shape[2],
        patch_size=patch.shape[2],
        in_chans=patch.shape[1],
        num_classes=state["head.weight"].shape[0],
        embed_dim=width,
        depth=sum(k.endswith(".norm1.weight") for k in state),
        num_heads=width // 64,
        mlp_ratio=fc1 / width,
        qkv_bias="blocks.0.attn.qkv.bias" in state,
        init_values=1.0 if "blocks.0.ls1.gamma" in state else None,
        global_pool="avg" if pooled else "token",
        fc_norm=pooled,
    )
    model.load_state_dict(state)
    return model, (patch.shape[1], *model.patch_embed.img_size)


def transformers_vit(state):
    """Of a ViT or DeiT with one classifier; norms with the epsilon that timm has."""
    patch = next(v for k, v in state.items() if k.endswith("patch_embeddings.projection.weight"))
    positions = next(v for k, v in state.items() if k.endswith("position_embeddings")).shape[1]
    width, side = patch.shape[0], int((positions - 1) ** 0.5) * patch.shape[2]
    state = {k.replace("deit.", "vit.", 1): v for k, v in state.items()}
    config = transformers.ViTConfig(
        hidden_size=width,
        num_hidden_layers=sum(k.endswith(".layernorm_before.weight") for k in state),
        num_attention_heads=width // 64,
        intermediate_size=4 * width,
        image_size=side,
        patch_size=patch.shape[2],
        num_channels=patch.shape[1],
        num_labels=state["classifier.weight"].shape[0],
        layer_norm_eps=1e-6,
    )
    made, missing = transformers.ViTForImageClassification.from_pretrained(
        None, config=config, state_dict=state, output_loading_info=True
    )
    if missing["missing_keys"] or missing["unexpected_keys"]:
        raise ValueError("not all tensors were read")
    return made, (patch.shape[1], side, side)


def model_of(path):
    """timm's or transformers' model with the weights of a checkpoint, and its images' shape."""
    state = state_of(path)
    if "patch_embed.proj.weight" in state:
        return timm_vit(state)
    if any(k.endswith("patch_embeddings.projection.weight") for k in state):
        return transformers_vit(state)
    model = timm.create_model(os.path.splitext(os.path.basename(path))[0], num_classes=1000)
    model.load_state_dict(state)
    return model, (3, 224, 224)


def make_reference(path, work):
    """Random images and the logits of the known model in float64; None where there is none."""
    images, want = os.path.join(work, "x.npy"), os.path.join(work, "y.npy")
    try:
        model, shape = model_of(path)
    except (KeyError, RuntimeError, ValueError, TypeError, AttributeError):
        return None
    x = torch.randn(1, *shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        y = model.double().eval()(x.double())
    np.save(images, x.numpy())
    np.save(want, getattr(y, "logits", y).numpy())
    return images, want


def case(path, vitcod, work):
    """What becomes of one checkpoint."""
    stem, logits = os.path.splitext(path)[0], os.path.join(work, "logits.npy")
    images, want = stem + "_x.npy", stem + "_y.npy"
    known = os.path.exists(images) and os.path.exists(want)
    opened = subprocess.run([vitcod, "info", path], capture_output=True, text=True, check=False)
    if not known and opened.returncode == 0:
        made = make_reference(path, work)
        known = made is not None
        images, want = made or (None, None)
    run = ["infer", path, "--input", images, "-o", logits, "--force"] if known else ["info", path]
    done = subprocess.run([vitcod, *run], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return "refused: " + done.stderr.strip().split(": ", 2)[-1]
    if not known:
        return "loads"
    have, want = np.load(logits), np.load(want)
    if have.shape != want.shape:
        return f"DIFFERS: {have.shape}, wanted {want.shape}"
    error = float(np.abs(have - want).max() / max(1.0, np.abs(want).max()))
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
    if sys.argv[2:3] == ["--all"]:
        with tempfile.TemporaryDirectory() as work:
            try_all("".join(sys.argv[3:4]), vitcod, work)
        return
    if sys.argv[2:3] == ["--vits"]:
        with tempfile.TemporaryDirectory() as work:
            for name in sys.argv[3:] or VITS:
                compare(name, vitcod, work)
        return
    with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else None) as work:
        for name in MODELS:
            compare(name, vitcod, work)


if __name__ == "__main__":
    main()
