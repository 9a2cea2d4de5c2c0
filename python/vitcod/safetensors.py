"""Tensors by name in memory, as the bytes of a safetensors file and back."""

from __future__ import annotations

import json
import os

import numpy as np

from . import arrays

_NAMES = {
    "float32": "F32",
    "float64": "F64",
    "float16": "F16",
    "int64": "I64",
    "int32": "I32",
    "int8": "I8",
    "uint8": "U8",
    "bool": "BOOL",
}
_DTYPES = {name: np.dtype(dtype) for dtype, name in _NAMES.items()}


def to_memory(tensors, what: str, metadata=None) -> int:
    """A file in memory, as a descriptor: tensors of a state dict by name, and texts by name."""
    header: dict = {"__metadata__": dict(metadata)} if metadata else {}
    arrays_of = {}
    for name, value in tensors.items():
        if not isinstance(name, str):
            raise TypeError(f"{what}: the name {name!r}; wanted texts")
        if not hasattr(value, "shape"):
            raise TypeError(f"{what}: '{name}' is {type(value).__name__}; wanted an array")
        array = arrays.of(value, f"{what}: '{name}'")
        if array.dtype.name not in _NAMES:
            raise TypeError(f"{what}: '{name}' is {array.dtype}; wanted {', '.join(_NAMES)}")
        arrays_of[name] = array
    parts, offset = [], 0
    # The widest values first, so that each starts at a multiple of its size.
    for name, array in sorted(arrays_of.items(), key=lambda item: -item[1].itemsize):
        end = offset + array.nbytes
        header[name] = {
            "dtype": _NAMES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [offset, end],
        }
        parts.append(array)
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file = os.memfd_create("vitcod", os.MFD_CLOEXEC)
    with os.fdopen(os.dup(file), "wb") as out:
        out.write(len(text).to_bytes(8, "little") + text)
        for array in parts:
            out.write(np.ascontiguousarray(array).data if array.size else b"")
    return file


def read(path) -> dict[str, np.ndarray]:
    """The tensors of a file by name, copied."""
    with open(path, "rb") as file:
        data = file.read()
    end = 8 + int.from_bytes(data[:8], "little")
    tensors = {}
    for name, entry in json.loads(data[8:end]).items():
        if name == "__metadata__":
            continue
        first, last = entry["data_offsets"]
        values = np.frombuffer(data, np.uint8, last - first, end + first)
        tensors[name] = values.view(_DTYPES[entry["dtype"]]).reshape(entry["shape"]).copy()
    return tensors
