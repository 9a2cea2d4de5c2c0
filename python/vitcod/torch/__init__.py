"""Plans in PyTorch: training with them anywhere, and models from there to here and back.

>>> import timm, vitcod
>>> model = timm.create_model("deit_tiny_patch16_224", pretrained=True)
>>> vitcod.torch.sparsify(model, plan)                # and train it as ever
>>> vitcod.torch.from_state_dict(model).save("sparse.safetensors")

`SparseAttention` and `sparse_attention` compute softmax(Q K^T / sqrt(d) + bias) V over what a layer
of a plan keeps, forward and backward, by the kernels that models here train with; on the CPU, in
float32 or bfloat16, under torch.compile too. What a plan has in place of pruned entries takes part,
and its summaries are learnt (`summaries_of`). `bool_mask`, `block_mask` and `csr` are a plan's
entries as others want them. PyTorch from 2.4 on; `sparsify` needs timm.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import torch as _torch

if not hasattr(_torch.library, "custom_op"):
    raise ImportError(f"vitcod.torch: PyTorch {_torch.__version__}; wanted 2.4 or later")

_HOME = {
    "SparseAttention": "attention",
    "Summaries": "attention",
    "sparse_attention": "attention",
    "summaries_of": "attention",
    "bool_mask": "masks",
    "block_mask": "masks",
    "csr": "masks",
    "from_state_dict": "states",
    "to_state_dict": "states",
    "plan_of": "states",
    "sparsify": "models",
}
__all__ = list(_HOME)

if TYPE_CHECKING:
    from .attention import SparseAttention as SparseAttention
    from .attention import Summaries as Summaries
    from .attention import sparse_attention as sparse_attention
    from .attention import summaries_of as summaries_of
    from .masks import block_mask as block_mask
    from .masks import bool_mask as bool_mask
    from .masks import csr as csr
    from .models import sparsify as sparsify
    from .states import from_state_dict as from_state_dict
    from .states import plan_of as plan_of
    from .states import to_state_dict as to_state_dict


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'vitcod.torch' has no attribute '{name}'")
    value = getattr(importlib.import_module(f"vitcod.torch.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted(__all__)
