"""Numbers that follow from a name, the same here and in the tests (tests/noise.h, timm.h), so that
weights and images need not be stored. Wants numpy alone."""

import numpy as np


def fnv(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) % 2**64
    return value


def noise(name, shape):
    """Values in -1 .. 1 that depend on the name and the flat index alone, rounded to float32."""
    count = int(np.prod(shape))
    x = (
        np.arange(count, dtype=np.uint64) * np.uint64(2654435761) + np.uint64(fnv(name) % 2**32)
    ) % np.uint64(2**32)
    for _ in range(2):
        x ^= x >> np.uint64(16)
        x = (x * np.uint64(0x45D9F3B)) % np.uint64(2**32)
    x ^= x >> np.uint64(16)
    values = (x.astype(np.float64) / 2.0**31 - 1.0).astype(np.float32).astype(np.float64)
    return values.reshape(shape)


def weight(name, shape):
    """A parameter of a model, scaled so that activations keep their size."""
    x = noise(name, shape)
    if name.endswith("running_var"):
        return (1.0 + 0.5 * x).astype(np.float32).astype(np.float64)
    if ".bn.weight" in name or ("norm" in name and name.endswith("weight")):
        return (1.0 + 0.3 * x).astype(np.float32).astype(np.float64)
    if (
        len(shape) < 2
        or name.endswith("attention_biases")
        or "token" in name
        or "pos_embed" in name
    ):
        return (0.3 * x).astype(np.float32).astype(np.float64)
    # float32 at every step, as the C side computes it
    gain = (
        2.0 if ".qkv." in name or ".kv." in name or ".q." in name else 1.5
    )  # so that attention tells tokens apart
    scale = np.float32(gain) / np.sqrt(np.float32(np.prod(shape[1:])))
    return (x.astype(np.float32) * scale).astype(np.float64)
