"""Reads and writes float32 safetensors, from the format's description."""

import json
import struct

import numpy as np


def read_header(path):
    """Name to {dtype, shape, data_offsets}, and where the data starts."""
    with open(path, "rb") as file:
        length = file.read(8)
        if len(length) < 8 or struct.unpack("<Q", length)[0] > 1 << 26:
            raise ValueError(f"{path}: no safetensors file")
        header = json.loads(file.read(struct.unpack("<Q", length)[0]))
        return {
            name: entry for name, entry in header.items() if name != "__metadata__"
        }, file.tell()


def read(path):
    header, start = read_header(path)
    data = np.fromfile(path, np.uint8, offset=start)
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] != "F32":
            raise ValueError(f"{path}: '{name}' is {entry['dtype']}, wanted F32")
        first, end = entry["data_offsets"]
        tensors[name] = data[first:end].view(np.float32).reshape(entry["shape"])
    return tensors


def write(path, tensors):
    header, at = {}, 0
    for name, tensor in tensors.items():
        header[name] = {
            "dtype": "F32",
            "shape": list(tensor.shape),
            "data_offsets": [at, at + tensor.nbytes],
        }
        at += tensor.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            file.write(np.ascontiguousarray(tensor, np.float32).tobytes())
