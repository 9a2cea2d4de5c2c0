"""What the tests share: a small model that is in the tree, images for it, and the shared data."""

import os
import sys
import unittest
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
SMALL = ROOT / "models" / "fashion-vit.safetensors"
DATA = Path(os.environ.get("VITCOD_SHARED", ROOT.parent / "shared")) / "data"
DEIT = DATA / "deit_tiny_patch16_224.safetensors"
DEIT_MASK = DATA / "vitcod-masks/deit_tiny_lowrank_0.95/info_0.95.npy"

needs_deit = unittest.skipUnless(DEIT.exists(), f"no DeiT-Tiny in {DATA} (VITCOD_SHARED)")


def small_images(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, 1, 28, 28), np.float32)


def run_alone(code: str, *, seconds: float = 60, **environment: str):
    """Another Python: its status and what it said."""
    import subprocess

    return subprocess.run(
        [sys.executable, "-c", code],
        timeout=seconds,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
