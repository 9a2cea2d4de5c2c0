"""Attention of timm's models on a plan: the classes that take the place of timm's, whose modules
and parameters they keep under the same names."""

from __future__ import annotations

import os
from collections.abc import Iterable

from timm.models import levit
from timm.models.vision_transformer import Attention
from torch import nn

from ..plan import Plan
from .attention import SparseAttention, learnable, summaries_of, words_of


class PlanAttention(Attention):
    """Of a ViT or DeiT."""

    def forward(self, x, attn_mask=None, is_causal=False):
        if attn_mask is not None or is_causal:
            raise ValueError("attention on a plan: another mask; wanted none beside the plan")
        images, tokens, _ = x.shape
        # Neither is there in timm before 1.0.16.
        gate, norm = getattr(self, "gate", None), getattr(self, "norm", None)
        factor = gate(x).sigmoid() if gate is not None else None
        qkv = self.qkv(x).reshape(images, tokens, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        out = self.sparse(self.q_norm(q), self.k_norm(k), v)
        out = out.transpose(1, 2).reshape(images, tokens, -1)
        if norm is not None:
            out = norm(out)
        if factor is not None:
            out = out * factor
        return self.proj_drop(self.proj(out))


class PlanLevitAttention(levit.Attention):
    def forward(self, x):
        images, tokens, _ = x.shape
        parts = self.qkv(x).view(images, tokens, self.num_heads, -1)
        q, k, v = parts.split([self.key_dim, self.key_dim, self.val_dim], dim=3)
        out = self.sparse(
            q.transpose(1, 2),
            k.transpose(1, 2),
            v.transpose(1, 2),
            self.get_attention_biases(x.device),
        )
        return self.proj(out.transpose(1, 2).reshape(images, tokens, self.val_attn_dim))


class PlanLevitDownsample(levit.AttentionDownsample):
    def forward(self, x):
        images, tokens, _ = x.shape
        parts = self.kv(x).view(images, tokens, self.num_heads, -1)
        k, v = parts.split([self.key_dim, self.val_dim], dim=3)
        q = self.q(x).view(images, -1, self.num_heads, self.key_dim)
        out = self.sparse(
            q.transpose(1, 2),
            k.transpose(1, 2),
            v.transpose(1, 2),
            self.get_attention_biases(x.device),
        )
        return self.proj(out.transpose(1, 2).reshape(images, -1, self.val_attn_dim))


SWAPS = {
    Attention: PlanAttention,
    levit.Attention: PlanLevitAttention,
    levit.AttentionDownsample: PlanLevitDownsample,
}


def _swap_of(module: nn.Module):
    return next(
        (new for old, new in SWAPS.items() if type(module) in (old, new)),
        None,
    )


def _tokens(model: nn.Module, module: nn.Module) -> tuple[int | None, int | None]:
    """Queries and keys; None: as many as the images have."""
    if hasattr(module, "attention_bias_idxs"):
        return tuple(module.attention_bias_idxs.shape)
    embedding = getattr(model, "pos_embed", None)
    if embedding is None or embedding.ndim != 3:
        return None, None
    own = embedding.shape[1]
    if getattr(model, "no_embed_class", False):  # positions are of patches alone
        own += model.num_prefix_tokens
    return own, own


def _check(model: nn.Module, name: str, module: nn.Module, layer, index: int) -> None:
    if getattr(module, "use_conv", False):
        raise ValueError(f"{name}: attention of convolutions; wanted a LeViT of linear layers")
    if getattr(getattr(module, "attn_drop", None), "p", 0):
        raise ValueError(
            f"{name}: drops {module.attn_drop.p:g} of the attention in training, which kernels on "
            "a plan do not; wanted attn_drop_rate=0"
        )
    queries, keys = _tokens(model, module)
    found = module.num_heads, queries or layer.queries, keys or layer.keys
    wanted = layer.heads, layer.queries, layer.keys
    if found != wanted:
        raise ValueError(
            f"{name}: (heads, queries, keys) are {found}, of layer {index} of the plan {wanted}"
        )


def _learnt(plan: Plan, learn: Iterable[str] | None) -> list[frozenset[str] | None]:
    """What is learnt of each layer, of what it has."""
    if learn is None:
        return [None] * len(plan)
    words = words_of(learn)
    possible = [learnable(summaries_of(plan, index)) for index in range(len(plan))]
    missing = words.difference(*possible)
    if missing:
        raise ValueError(
            f"learn has {', '.join(sorted(missing))}, which no layer of the plan has; wanted "
            f"{', '.join(sorted(frozenset().union(*possible))) or 'a plan with summaries'}"
        )
    return [words & of for of in possible]


def sparsify(
    model: nn.Module,
    plan: Plan | str | os.PathLike[str],
    *,
    learn: Iterable[str] | None = None,
    split: str = "cost",
) -> nn.Module:
    """Puts the attention of a ViT, DeiT or LeViT of timm on a plan, in place, and returns it. Its
    parameters and their names stay, so optimisers, checkpoints and scripts of training go on. Those
    of a plan's summaries come to them: `..attn.sparse.summary_bias`.

    plan: a vitcod.Plan, or a path. On a model that is on a plan already, it takes its place.
    learn: what is learnt of summaries, in the layers that have it: see SparseAttention.
    split: see sparse_attention.
    """
    plan = Plan.load(plan) if isinstance(plan, (str, os.PathLike)) else plan
    if not isinstance(plan, Plan):
        raise TypeError(f"plan: {type(plan).__name__}; wanted a vitcod.Plan or a path")
    found = {}
    for name, module in model.named_modules():
        if _swap_of(module):
            found[name] = module
        elif "Attention" in type(module).__name__ and not isinstance(module, SparseAttention):
            raise ValueError(
                f"{name}: {type(module).__name__}; wanted attention of timm's VisionTransformer or "
                "Levit"
            )
    if len(found) != len(plan):
        raise ValueError(f"a model of {len(found)} attention layers; the plan has {len(plan)}")
    for index, (name, module) in enumerate(found.items()):
        _check(model, name, module, plan[index], index)
    sparse = [
        SparseAttention(plan, index, learn=words, split=split)
        for index, words in enumerate(_learnt(plan, learn))
    ]
    for module, attention in zip(found.values(), sparse):
        module.__class__ = _swap_of(module)
        module.sparse = attention.train(module.training)
    return model
