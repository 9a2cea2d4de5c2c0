#!/usr/bin/env python3
"""Small checkpoints written by PyTorch itself, each with a .safetensors twin: the oracle of
tests/core/test_pth.c. The twins are written here by hand, in the order of the state dict.

Run: python3 tools/golden/pth.py tests/core/golden
"""

import argparse
import collections
import json
import pathlib
import struct
import sys

import numpy as np
import torch

NAMES = {
    torch.float32: "F32",
    torch.float64: "F64",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
WIDTH_TYPES = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def raw(tensor):
    tensor = tensor.detach().contiguous()
    if tensor.dtype == torch.bool:
        tensor = tensor.to(torch.uint8)
    return tensor.view(WIDTH_TYPES[tensor.element_size()]).numpy().tobytes()


def write_twin(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        begin, data = len(data), data + raw(tensor)
        header[name] = {
            "dtype": NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [begin, len(data)],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def network():
    return torch.nn.Sequential(
        collections.OrderedDict(
            conv=torch.nn.Conv2d(3, 4, 3), norm=torch.nn.BatchNorm2d(4), head=torch.nn.Linear(4, 2)
        )
    )


def training(model):
    """What DeiT's main.py saves."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    x = model.conv(torch.randn(2, 3, 4, 4))
    model.head(model.norm(x).mean((2, 3))).sum().backward()
    optimizer.step()
    schedule.step()
    args = argparse.Namespace(
        lr=1e-3,
        data_path=None,
        betas=[0.9, 0.999],
        device=torch.device("cpu"),
        dtype=torch.float16,
        size=torch.Size([3, 4]),
        seed=2**64 - 1,
        resume="",
    )
    return {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "lr_scheduler": schedule.state_dict(),
        "epoch": 7,
        "max_accuracy": 71.5,
        "best": -(2**40),
        "args": args,
        "scaler": {},
        "model_ema": {"wrong": torch.zeros(1)},
        "short": torch.ones(3, dtype=torch.int16),
    }


def dtypes():
    values = torch.randn(5, 3)
    # the widest first: safetensors' own writers sort them so, to keep every value aligned
    return {
        "f64": values.double(),
        "i64": torch.tensor([-1, 2**62]),
        "f32": values,
        "i32": torch.arange(4, dtype=torch.int32),
        "scalar": torch.tensor(3.5),
        "empty": torch.zeros(0, 4),
        "größe": torch.ones(1),
        "f16": values.half(),
        "bf16": values.bfloat16(),
        "u8": torch.arange(7, dtype=torch.uint8),
        "bool": torch.tensor([True, False, True]),
    }


def views():
    base = torch.randn(4, 6)
    return {
        "base": base,
        "transposed": base.t(),
        "rows": base[1:3],
        "columns": base[:, 2:5],
        "every_other": base.view(-1)[::2],
        "expanded": torch.randn(3).expand(4, 3),
        "one": base[2:3, :].expand(1, 6),
        "permuted": torch.randn(2, 3, 4).permute(2, 0, 1),
        "tied": base,
        "parameter": torch.nn.Parameter(torch.randn(2, 2)),
        "flipped": base.half().t(),
    }


def beside():
    """What training loops keep beside weights: numpy's numbers, arrays and random states, paths."""
    weights = network().state_dict()
    saved = {
        "state_dict": weights,
        "metric": np.float64(72.2),
        "best": np.int64(7),
        "confusion": np.ones((2, 3)),
        "names": np.array(["cat", "dog"]),
        "np_rng": np.random.get_state(),
        "generator": np.random.default_rng(1),
        "where": pathlib.PurePosixPath("/tmp"),
        "counts": collections.Counter("abca"),
        "ranks": collections.defaultdict(list, a=[1]),
        "seen": {1, 2},
        "frozen": frozenset([3]),
        "raw": bytearray(b"\0\1"),
    }
    return weights, saved


def averaged():
    """Raw and averaged weights, each under two names, one inside another dict."""
    ema, raw = network().state_dict(), network().state_dict()
    saved = {
        "epoch": 3,
        "state_dict": raw,
        "state_dict_ema": {"module": ema},
        "arch": "vit_tiny_patch16_224",
        "student": {"w": torch.zeros(1)},
    }
    return ema, raw, saved


def side_by_side():
    """Both in one flat dict, by prefix, compiled and parallel."""
    ema, raw = network().state_dict(), network().state_dict()
    flat = {"module._orig_mod.model." + name: value for name, value in raw.items()}
    flat.update({"module._orig_mod.ema_model." + name: value for name, value in ema.items()})
    return ema, raw, {"state_dict": flat}


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    model = network()
    plain = model.state_dict()
    parallel = collections.OrderedDict(("module." + name, value) for name, value in plain.items())
    checkpoint = training(network())
    for name, saved, wanted, options in (
        ("plain", plain, plain, {}),
        ("protocol4", {"state_dict": plain}, plain, {"pickle_protocol": 4}),
        ("training", checkpoint, checkpoint["model"], {}),
        ("parallel", {"model_state_dict": parallel, "epoch": 1}, plain, {}),
        ("dtypes", dtypes(), None, {}),
        ("views", views(), None, {}),
        ("beside", *reversed(beside()), {}),
        ("beside5", *reversed(beside()), {"pickle_protocol": 5}),
        ("legacy", *reversed(beside()), {"_use_new_zipfile_serialization": False}),
        ("legacy_views", views(), None, {"_use_new_zipfile_serialization": False}),
    ):
        torch.save(saved, folder / f"{name}.pth", **options)
        write_twin(folder / f"{name}.safetensors", saved if wanted is None else wanted)
    for name, (ema, raw, saved) in (("averaged", averaged()), ("side_by_side", side_by_side())):
        torch.save(saved, folder / f"{name}.pth")
        write_twin(folder / f"{name}_ema.safetensors", ema)
        write_twin(folder / f"{name}_raw.safetensors", raw)
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), folder / "torchscript.pth")
    torch.save({"w": torch.ones(2, dtype=torch.int16)}, folder / "int16.pth")
    torch.save(model, folder / "module.pth")
    torch.save({"model": model}, folder / "module_old.pth", _use_new_zipfile_serialization=False)


if __name__ == "__main__":
    main()
