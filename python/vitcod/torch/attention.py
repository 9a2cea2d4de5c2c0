"""Attention on a plan as an operator of PyTorch, forward and backward.

The operator, `vitcod::sparse_attention`, knows a layer by a text: the plan's hash, the layer's
number, how it is split. So a graph that was compiled or exported holds no pointer. The layer is
there as long as somebody has the plan, a module made from it, or a result to go backward from."""

from __future__ import annotations

import ctypes
import dataclasses
import os
import threading
import weakref
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from .. import library
from ..errors import UnsupportedError
from ..library import check, lib
from ..plan import Plan
from ..plan import Summaries as PlanSummaries

SPLITS = {"plan": 0, "cost": 1}  # vc_pattern_split
DTYPES = {torch.float32: library.F32, torch.bfloat16: library.BF16}
WANTED = "wanted float32 or bfloat16"
PARTS = "bias", "weights", "query"


class _Layer:
    """A layer of a plan, compiled for computing."""

    def __init__(self, plan: Plan, index: int, split: str):
        if split not in SPLITS:
            raise ValueError(f"split is {split!r}; wanted cost or plan")
        if plan._plan.reordered:
            raise UnsupportedError(
                f"plan {plan.hash} numbers tokens in its own order, and which they were is not "
                "known; wanted one that polarize made"
            )
        options = library.PatternOptions(split=SPLITS[split])
        check(lib.vc_attention_costs_fill(options, 0))
        layer = plan._layer(index)
        self.plan = plan  # to whose arrays the pattern points
        self.heads, self.queries, self.keys = layer.heads, layer.queries, layer.keys
        pooling = layer.pooling
        self.summaries, self.entries, self.dim = pooling.count, pooling.entries, pooling.dim
        pattern = library.Pattern()
        check(lib.vc_pattern_open(pattern, layer, options))
        self.pattern = pattern

    def __del__(self):
        pattern, self.pattern = getattr(self, "pattern", None), None
        if pattern is not None:
            lib.vc_pattern_close(pattern)


_open: weakref.WeakValueDictionary[str, _Layer] = weakref.WeakValueDictionary()
_lock = threading.Lock()


def _open_layer(plan, index: int, split: str) -> tuple[str, _Layer]:
    if not isinstance(plan, Plan):
        raise TypeError(
            f"plan: {type(plan).__name__}; wanted a vitcod.Plan (of a mask: vitcod.polarize)"
        )
    plan._layer(index)  # or there is none
    key = f"{plan.hash}/{index % len(plan)}/{split}"
    with _lock:
        layer = plan._compiled.get(key) or _open.get(key) or _Layer(plan, index, split)
        _open[key] = plan._compiled[key] = layer
    return key, layer


# Of these torch.compile keeps the results, as plans do not change.
@torch.compiler.assume_constant_result
def _key_of(plan: Plan, index: int, split: str) -> str:
    return _open_layer(plan, index, split)[0]


@torch.compiler.assume_constant_result
def _sizes_of(key: str) -> tuple[int, int, int]:
    layer = _layer_of(key)
    return layer.heads, layer.queries, layer.keys


def _layer_of(key: str) -> _Layer:
    layer = _open.get(key)
    if layer is None:
        raise RuntimeError(
            f"layer {key} of a plan is not open in this process; wanted SparseAttention(plan, "
            "layer) to be there"
        )
    return layer


# ---- the operator


def _strided(tensor: torch.Tensor) -> library.Strided:
    return library.Strided(tensor.data_ptr(), DTYPES[tensor.dtype], *tensor.stride())


def _pointer(tensor: torch.Tensor | None):
    return None if tensor is None else tensor.data_ptr()


def _inputs(
    q, k, v, layer: _Layer, bias=None, summary_bias=None, pool_weights=None, pool_query=None
) -> library.StridedAttention:
    return library.StridedAttention(
        q.shape[0],
        q.shape[3],
        v.shape[3],
        _strided(q),
        _strided(k),
        _strided(v),
        ctypes.pointer(layer.pattern),
        *(_pointer(given) for given in (bias, summary_bias, pool_weights, pool_query)),
    )


def _compute(function, *arguments) -> None:
    """On as many threads as PyTorch has."""
    before, wanted = lib.vc_threads_count(), torch.get_num_threads()
    if wanted != before:
        check(lib.vc_threads_set(wanted))
    try:
        library.computes()
        check(function(*arguments))
    finally:
        if wanted != before:
            lib.vc_threads_set(before)


def _outputs(q, v, layer: _Layer, keep: bool):
    """The result, with tokens before heads in memory, as the product behind it wants them."""
    out = q.new_empty((q.shape[0], layer.queries, layer.heads, v.shape[3])).transpose(1, 2)
    rows = q.shape[0] if keep else 0
    return out, q.new_empty((rows, layer.pattern.values), dtype=torch.float32)


@torch.library.custom_op(
    "vitcod::sparse_attention",
    mutates_args=(),
    device_types="cpu",
    schema="(Tensor q, Tensor k, Tensor v, Tensor? bias, Tensor? summary_bias, "
    "Tensor? pool_weights, Tensor? pool_query, str layer, bool keep) -> (Tensor, Tensor)",
)
def _forward(q, k, v, bias, summary_bias, pool_weights, pool_query, layer, keep):
    opened = _layer_of(layer)
    _check(q, k, v, _sizes_of(layer))
    added = bias, summary_bias, pool_weights, pool_query
    for name, tensor, shape in zip(ADDED, added, _added_shapes(opened)):
        if tensor is not None:
            _check_added(name, tensor, shape)
    out, probs = _outputs(q, v, opened, keep)
    if q.shape[0] > 0:
        _compute(
            lib.vc_strided_attention_forward,
            _strided(out),
            probs.data_ptr() if keep else None,
            _inputs(q, k, v, opened, *added),
        )
    return out, probs


@_forward.register_fake
def _(q, k, v, bias, summary_bias, pool_weights, pool_query, layer, keep):
    return _outputs(q, v, _layer_of(layer), keep)


# `wanted`: of bias, summary_bias, pool_weights and pool_query; the others are empty.
@torch.library.custom_op(
    "vitcod::sparse_attention_backward",
    mutates_args=(),
    device_types="cpu",
    schema="(Tensor dout, Tensor q, Tensor k, Tensor v, Tensor probs, Tensor? pool_weights, "
    "Tensor? pool_query, str layer, bool[] wanted) "
    "-> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
)
def _backward(dout, q, k, v, probs, pool_weights, pool_query, layer, wanted):
    opened = _layer_of(layer)
    made = _gradients(q, k, v, opened, wanted)
    if q.shape[0] == 0:
        for gradient in made[3:]:
            gradient.zero_()
        return made
    gradients = library.StridedGradients(
        *(_strided(gradient) for gradient in made[:3]),
        *(_pointer(gradient if want else None) for gradient, want in zip(made[3:], wanted)),
    )
    _compute(
        lib.vc_strided_attention_backward,
        gradients,
        _strided(dout),
        probs.data_ptr(),
        _inputs(q, k, v, opened, pool_weights=pool_weights, pool_query=pool_query),
    )
    return made


def _gradients(q, k, v, layer: _Layer, wanted):
    return (
        torch.empty_like(q),
        torch.empty_like(k),
        torch.empty_like(v),
        *(
            q.new_empty(shape if want else (0,), dtype=torch.float32)
            for shape, want in zip(_added_shapes(layer), wanted)
        ),
    )


@_backward.register_fake
def _(dout, q, k, v, probs, pool_weights, pool_query, layer, wanted):
    return _gradients(q, k, v, _layer_of(layer), wanted)


def _set_up(ctx, inputs, output):
    q, k, v, _, _, pool_weights, pool_query, layer, _ = inputs
    probs = output[1]
    ctx.mark_non_differentiable(probs)
    ctx.save_for_backward(q, k, v, probs, pool_weights, pool_query)
    ctx.layer = layer
    ctx.opened = _layer_of(layer)  # stays until then


def _differentiate(ctx, dout, _):
    q, k, v, probs, pool_weights, pool_query = ctx.saved_tensors
    if probs.shape[0] != q.shape[0]:
        raise RuntimeError("vitcod::sparse_attention: backward, which wants keep=True")
    wanted = list(ctx.needs_input_grad[3:7])
    made = _backward(
        dout.to(q.dtype), q, k, v, probs, pool_weights, pool_query, ctx.layer, wanted
    )
    added = (gradient if want else None for gradient, want in zip(made[3:], wanted))
    return *made[:3], *added, None, None


_forward.register_autograd(_differentiate, setup_context=_set_up)


# ---- what is called


def _check(q, k, v, sizes: tuple[int, int, int]) -> None:
    heads, queries, keys = sizes
    for name, tensor in (("q", q), ("k", k), ("v", v)):
        _check_device(name, tensor)
        if tensor.dtype not in DTYPES:
            raise TypeError(f"{name}: {tensor.dtype}; {WANTED}")
        if tensor.dtype != q.dtype:
            raise TypeError(f"{name}: {tensor.dtype}, and q is {q.dtype}; wanted one dtype")
    _check_shape("q", q, q, heads, queries, "head_dim")
    _check_shape("k", k, q, heads, keys, q.shape[-1])
    _check_shape("v", v, q, heads, keys, "value_dim")


def _check_device(name: str, tensor: torch.Tensor) -> None:
    if tensor.device.type != "cpu":
        raise TypeError(
            f"{name}: a tensor on device {tensor.device}; wanted one in the CPU's memory: .cpu()"
        )


def _check_shape(name, tensor, q, heads, tokens, width) -> None:
    shape = tuple(tensor.shape)
    if (
        len(shape) != 4
        or shape[0] != q.shape[0]
        or shape[1] != heads
        or shape[2] != tokens
        or shape[3] == 0
        or (not isinstance(width, str) and shape[3] != width)
    ):
        images = "images" if name == "q" else q.shape[0]
        raise ValueError(
            f"{name}: shape {shape}; wanted ({images}, {heads}, {tokens}, {width})"
        )


ADDED = "bias", "summary_bias", "pool_weights", "pool_query"


def _added_shapes(layer: _Layer) -> tuple[tuple[int, ...], ...]:
    rows = layer.heads, layer.queries
    return (*rows, layer.keys), (*rows, layer.summaries), (layer.entries,), (layer.heads, layer.dim)


def _check_added(name: str, tensor, wanted: tuple[int, ...]) -> None:
    """What the library reads as it lies in memory."""
    _check_device(name, tensor)
    if 0 in wanted:
        raise ValueError(f"{name}: a tensor; the layer of the plan has no such thing")
    if tuple(tensor.shape) != wanted or tensor.dtype != torch.float32 or not tensor.is_contiguous():
        raise ValueError(
            f"{name}: {tensor.dtype}, shape {tuple(tensor.shape)}; wanted float32 {wanted}, "
            "contiguous"
        )


def _arranged_bias(bias, wanted: tuple[int, int, int]):
    """float32 (heads, queries, keys); what is broadcast is added up on the way back."""
    _check_device("bias", bias)
    if not bias.dtype.is_floating_point:
        raise TypeError(f"bias: {bias.dtype}; wanted numbers that are added to the scores")
    shape = tuple(bias.shape)
    if len(shape) == 4 and shape[0] == 1:
        bias = bias[0]
    if bias.dim() > 3 or any(
        size not in (1, want) for size, want in zip(reversed(bias.shape), reversed(wanted))
    ):
        raise ValueError(f"bias: shape {shape}; wanted {wanted}, or what broadcasts to it")
    return bias.to(torch.float32).expand(wanted).contiguous()


class Summaries(NamedTuple):
    """What can be learnt of the summaries of a plan's layer, G of them from `entries` tokens."""

    bias: torch.Tensor
    """(heads, queries, G), added to their scores; where a query does not see one it is not read"""
    weights: torch.Tensor
    """(entries): what keys and values are pooled by"""
    query: torch.Tensor | None = None
    """(heads, head_dim): weights by the image's keys (vitcod.Summaries); None: the plan's"""


def summaries_of(plan: Plan, layer: int) -> Summaries | None:
    """Those of the plan, float32, 0 for what a query does not see; None: it has none there."""
    of = plan[layer].summaries
    if of is None:
        return None
    bias = torch.from_numpy(of.bias)
    return Summaries(
        torch.where(torch.isneginf(bias), 0.0, bias),
        torch.from_numpy(of.weights),
        None if of.query is None else torch.from_numpy(of.query),
    )


def _wide(name: str, tensor: torch.Tensor | None):
    if tensor is None:
        return None
    _check_device(name, tensor)  # of another one the operator would not run
    return tensor.to(torch.float32).contiguous()


def _attend(q, k, v, bias, summaries: Summaries | None, key: str, sizes: tuple[int, int, int]):
    if torch.is_autocast_enabled("cpu"):  # as scaled_dot_product_attention has it
        dtype = torch.get_autocast_dtype("cpu")
        q, k, v = q.to(dtype), k.to(dtype), v.to(dtype)
    _check(q, k, v, sizes)
    if bias is not None:
        bias = _arranged_bias(bias, sizes)
    parts = (None, None, None) if summaries is None else summaries
    learnt = [_wide(name, tensor) for name, tensor in zip(ADDED[1:], parts)]
    keep = torch.is_grad_enabled() and any(
        tensor is not None and tensor.requires_grad for tensor in (q, k, v, bias, *learnt)
    )
    return torch.ops.vitcod.sparse_attention(q, k, v, bias, *learnt, key, keep)[0]


def sparse_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    plan: Plan,
    layer: int,
    bias: torch.Tensor | None = None,
    *,
    summaries: Summaries | None = None,
    split: str = "cost",
) -> torch.Tensor:
    """softmax(q k^T / sqrt(head_dim) + bias) v over the entries that a layer of a plan keeps:
    (images, heads, queries, value_dim).

    q: (images, heads, queries, head_dim), float32 or bfloat16, in any layout, on the CPU. k:
    (images, heads, keys, head_dim); v: (images, heads, keys, value_dim).
    plan: a vitcod.Plan. A residual of it takes part as it is.
    bias: (heads, queries, keys) or what broadcasts to it, the same for all images; it is learnt.
    summaries: in place of the plan's own (`summaries_of`); they are learnt.
    split: keys computed densely: cost, what is fastest on this machine; plan, its global tokens.

    Sums are float32 for either dtype, so torch.autograd.gradcheck wants eps=1e-2 and atol=1e-3. It
    is differentiated once.
    """
    key = _key_of(plan, layer, split)
    return _attend(q, k, v, bias, summaries, key, _sizes_of(key))


def with_learnt(own: PlanSummaries, learnt, what: str) -> PlanSummaries:
    """Summaries of a plan with what was learnt of them, by the names of parameters."""
    made = {}
    for name, part in zip(ADDED[1:], PARTS):
        value, of_plan = learnt.get(name), getattr(own, part)
        shape = None if of_plan is None else of_plan.shape
        found = None if value is None else tuple(value.shape)
        if found != shape:
            raise ValueError(f"{what}: {name} of shape {found}; the plan's has {shape}")
        made[part] = None if value is None else value.detach().float().cpu().numpy()
    made["bias"] = np.where(np.isneginf(own.bias), own.bias, made["bias"])
    return dataclasses.replace(own, **made)


def learnable(summaries: Summaries | None) -> frozenset[str]:
    """What steps of an optimiser may change. Weights beside queries have to stay above 0."""
    if summaries is None:
        return frozenset()
    return frozenset(["bias", "weights" if summaries.query is None else "query"])


def words_of(learn: Iterable[str] | None) -> frozenset[str]:
    words = frozenset([learn] if isinstance(learn, str) else learn or ())
    if not words <= set(PARTS):
        raise ValueError(
            f"learn has {', '.join(sorted(words - set(PARTS)))}; wanted {', '.join(PARTS)}"
        )
    return words


class SparseAttention(nn.Module):
    """`sparse_attention` on a layer of a plan, as a module: (q, k, v, bias=None) to (images, heads,
    queries, value_dim).

    plan: a vitcod.Plan, or a path.
    learn: what is learnt of the layer's summaries: bias, weights (of a pooling without queries),
    query (of one with them); None: the bias. Where the layer has summaries the module has them as
    parameters, `summary_bias` (heads, queries, G), `pool_weights` (entries) and `pool_query`
    (heads, head_dim), all in its state dict; else it has none. `vitcod calibrate` learns the bias,
    ten times as fast as the rest of a model, without weight decay.
    split: see sparse_attention.
    """

    def __init__(
        self,
        plan: Plan | str | os.PathLike[str],
        layer: int,
        *,
        learn: Iterable[str] | None = None,
        split: str = "cost",
    ):
        super().__init__()
        self.plan = Plan.load(plan) if isinstance(plan, (str, os.PathLike)) else plan
        self.layer, self.split = layer, split
        self._open()
        own = summaries_of(self.plan, layer)
        possible, words = learnable(own), words_of(learn)
        if not words <= possible:
            raise ValueError(
                f"learn has {', '.join(sorted(words - possible))}; of layer {layer} of the plan "
                f"can be learnt: {', '.join(sorted(possible)) or 'nothing'}"
            )
        for name, part in zip(ADDED[1:], PARTS):
            value = None if own is None else getattr(own, part)
            learnt = part in (("bias",) if learn is None else words)
            self.register_parameter(name, None if value is None else nn.Parameter(value, learnt))

    def _open(self) -> None:
        self._key = _key_of(self.plan, self.layer, self.split)
        self._sizes = _sizes_of(self._key)

    def forward(
        self,
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        bias: torch.Tensor | None = None,
    ) -> torch.Tensor:
        summaries = None
        if self.summary_bias is not None:
            summaries = Summaries(self.summary_bias, self.pool_weights, self.pool_query)
        return _attend(q, k, v, bias, summaries, self._key, self._sizes)

    def summaries(self) -> PlanSummaries | None:
        """As a plan has them, with what was learnt."""
        own = self.plan[self.layer].summaries
        return None if own is None else with_learnt(own, self._parameters, f"layer {self.layer}")

    def extra_repr(self) -> str:
        return f"plan {self.plan.hash}, layer {self.layer}, split={self.split!r}"

    def __setstate__(self, state) -> None:
        super().__setstate__(state)
        self._open()  # in this process
