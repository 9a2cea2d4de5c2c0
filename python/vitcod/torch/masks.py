"""The entries that a plan keeps, as others want them, without a residual or summaries."""

from __future__ import annotations

import torch

from ..plan import Plan


def bool_mask(plan: Plan, layer: int) -> torch.Tensor:
    """bool (heads, queries, keys), True = kept: attn_mask of scaled_dot_product_attention."""
    return torch.from_numpy(~plan.mask(layer))


def csr(plan: Plan, layer: int, head: int, dtype=torch.float32) -> torch.Tensor:
    """A sparse CSR tensor (queries, keys) of a head, 1 where it is kept."""
    indptr, keys = (torch.from_numpy(array) for array in plan.csr(layer, head))
    shape = plan[layer].queries, plan[layer].keys
    values = torch.ones(len(keys), dtype=dtype)
    return torch.sparse_csr_tensor(indptr, keys, values, shape, check_invariants=True)


def block_mask(plan: Plan, layer: int, *, block_size: int | tuple[int, int] = 128, device="cpu"):
    """A BlockMask for FlexAttention (torch.nn.attention.flex_attention), the same for all images.

    block_size: queries and keys of a block; blocks without a kept entry are left out.
    """
    from torch.nn.attention.flex_attention import create_block_mask

    kept = bool_mask(plan, layer).to(device)
    heads, queries, keys = kept.shape

    def is_kept(_image, head, query, key):
        return kept[head, query.clamp(max=queries - 1), key.clamp(max=keys - 1)]

    return create_block_mask(
        is_kept, None, heads, queries, keys, device=device, BLOCK_SIZE=block_size
    )
