"""Arrays from outside, as the library wants them: what does not fit is said, and nothing is
converted in silence. A layout that does not fit is copied."""

from __future__ import annotations

import ctypes
import math
from numbers import Number

import numpy as np

CPU = (1, 3)  # DLPack: memory of the host, plain or pinned


def of(value, what: str) -> np.ndarray:
    """An array of NumPy's, or whatever has DLPack or the buffer protocol (a tensor of PyTorch), on
    the same memory."""
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "__dlpack_device__"):
        kind, number = value.__dlpack_device__()
        if int(kind) not in CPU:
            raise TypeError(
                f"{what}: a tensor on device {device_name(value, kind, number)}; "
                "wanted one in the CPU's memory: .cpu()"
            )
        if getattr(value, "requires_grad", False):
            value = value.detach()
        if "bfloat16" in str(getattr(value, "dtype", "")):
            raise TypeError(f"{what}: bfloat16, which NumPy does not have; wanted .float()")
        return np.from_dlpack(value)
    if value is None or isinstance(value, (list, tuple, dict, str, bytes, Number)):
        raise TypeError(f"{what}: {type(value).__name__}; wanted an array")
    array = np.asarray(value)
    if array.dtype == object:
        raise TypeError(f"{what}: {type(value).__name__}; wanted an array")
    return array


def device_name(value, kind, number) -> str:
    return str(getattr(value, "device", f"{int(kind)}:{number}"))


def shaped(value, what: str, dtype, shape: tuple) -> np.ndarray:
    """Contiguous, of this dtype and shape, in which a text stands for any size."""
    array = of(value, what)
    if array.dtype != dtype:
        raise TypeError(f"{what}: {array.dtype}; wanted {np.dtype(dtype)}")
    fits = array.ndim == len(shape) and all(
        isinstance(size, str) or size == found for size, found in zip(shape, array.shape)
    )
    if not fits or 0 in array.shape:
        wanted = ", ".join(str(size) for size in shape)
        raise ValueError(f"{what}: shape {array.shape}; wanted ({wanted}), none of them 0")
    return np.ascontiguousarray(array)


def is_finite_sum(array: np.ndarray) -> bool:
    """False: a value is not finite, or the sum of finite ones is too large, of which einsum does
    not warn. The array is contiguous."""
    return math.isfinite(np.einsum("i->", array.reshape(-1)))


def address(array: np.ndarray) -> int:
    return array.ctypes.data


def pointer(array: np.ndarray, kind):
    """The address as ctypes has it of a type of values."""
    return array.ctypes.data_as(ctypes.POINTER(kind))
