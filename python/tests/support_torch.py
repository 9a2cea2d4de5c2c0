"""What tests of vitcod.torch share: PyTorch itself, masks and summaries."""

import unittest

import numpy as np
import vitcod

try:
    import torch

    if not hasattr(torch.library, "custom_op"):
        raise ImportError(f"PyTorch {torch.__version__}, wanted 2.4 or later")
except ImportError as error:
    raise unittest.SkipTest(f"no PyTorch: {error}") from None
try:
    import timm
except ImportError:
    timm = None

import vitcod.torch as vt  # noqa: F401

needs_timm = unittest.skipUnless(timm, "no timm")
H, T, D = 2, 9, 4


def mask_of(layers, heads, queries, keys, seed=0, density=0.3):
    rng = np.random.default_rng(seed)
    pruned = rng.random((layers, heads, queries, keys)) > density
    pruned[..., 0] = False  # a global token, and no empty row
    return pruned


def summaries_for(heads, queries, keys, *, queried=False, seed=0):
    """Three, of which two share tokens; some queries do not see the first."""
    rng = np.random.default_rng(seed)
    start = np.array([0, 2, 5, 8], np.int32)
    tokens = np.array([1, 2, 2, 3, 4, 5, 6, keys - 1], np.int32)
    bias = rng.standard_normal((heads, queries, 3), np.float32)
    bias[:, ::3, 0] = -np.inf
    query = rng.standard_normal((heads, D), np.float32) if queried else None
    weights = rng.uniform(0.2, 0.8, len(tokens)).astype(np.float32)
    return vitcod.Summaries(start, tokens, weights, bias, query)
