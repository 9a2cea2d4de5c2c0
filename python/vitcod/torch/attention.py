"""Attention on a plan as an operator of PyTorch, forward and backward.

The operator, `vitcod::sparse_attention`, knows a layer by a text: the plan's hash, the layer's
number, how it is split. So a graph that was compiled or exported holds no pointer. The layer is
there as long as somebody has the plan, a module made from it, or a result to go backward from."""

from __future__ import annotations

import ctypes
import os
import threading
import weakref

import torch
from torch import nn

from .. import library
from ..errors import UnsupportedError
from ..library import check, lib
from ..plan import Plan

SPLITS = {"plan": 0, "cost": 1}  # vc_pattern_split
DTYPES = {torch.float32: library.F32, torch.bfloat16: library.BF16}
WANTED = "wanted float32 or bfloat16"


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


def _inputs(q, k, v, layer: _Layer, bias=None) -> library.StridedAttention:
    return library.StridedAttention(
        q.shape[0],
        q.shape[3],
        v.shape[3],
        _strided(q),
        _strided(k),
        _strided(v),
        ctypes.pointer(layer.pattern),
        None if bias is None else bias.data_ptr(),
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
    schema="(Tensor q, Tensor k, Tensor v, Tensor? bias, str layer, bool keep)"
    " -> (Tensor, Tensor)",
)
def _forward(q, k, v, bias, layer, keep):
    opened = _layer_of(layer)
    _check(q, k, v, _sizes_of(layer))
    if bias is not None:
        _check_bias(bias, _sizes_of(layer))
    out, probs = _outputs(q, v, opened, keep)
    if q.shape[0] > 0:
        _compute(
            lib.vc_strided_attention_forward,
            _strided(out),
            probs.data_ptr() if keep else None,
            _inputs(q, k, v, opened, bias),
        )
    return out, probs


@_forward.register_fake
def _(q, k, v, bias, layer, keep):
    return _outputs(q, v, _layer_of(layer), keep)


@torch.library.custom_op(
    "vitcod::sparse_attention_backward",
    mutates_args=(),
    device_types="cpu",
    schema="(Tensor dout, Tensor q, Tensor k, Tensor v, Tensor probs, str layer, bool bias)"
    " -> (Tensor, Tensor, Tensor, Tensor)",
)
def _backward(dout, q, k, v, probs, layer, bias):
    opened = _layer_of(layer)
    made = _gradients(q, k, v, opened, bias)
    if q.shape[0] == 0:
        made[3].zero_()
        return made
    gradients = library.StridedGradients(
        *(_strided(gradient) for gradient in made[:3]), made[3].data_ptr() if bias else None
    )
    _compute(
        lib.vc_strided_attention_backward,
        gradients,
        _strided(dout),
        probs.data_ptr(),
        _inputs(q, k, v, opened),
    )
    return made


def _gradients(q, k, v, layer: _Layer, bias: bool):
    shape = (layer.heads, layer.queries, layer.keys) if bias else (0,)
    return (
        torch.empty_like(q),
        torch.empty_like(k),
        torch.empty_like(v),
        q.new_empty(shape, dtype=torch.float32),
    )


@_backward.register_fake
def _(dout, q, k, v, probs, layer, bias):
    return _gradients(q, k, v, _layer_of(layer), bias)


def _set_up(ctx, inputs, output):
    q, k, v, bias, layer, _ = inputs
    probs = output[1]
    ctx.mark_non_differentiable(probs)
    ctx.save_for_backward(q, k, v, probs)
    ctx.layer, ctx.biased = layer, bias is not None
    ctx.opened = _layer_of(layer)  # stays until then


def _differentiate(ctx, dout, _):
    q, k, v, probs = ctx.saved_tensors
    if probs.shape[0] != q.shape[0]:
        raise RuntimeError("vitcod::sparse_attention: backward, which wants keep=True")
    dq, dk, dv, dbias = _backward(dout.to(q.dtype), q, k, v, probs, ctx.layer, ctx.biased)
    return dq, dk, dv, dbias if ctx.biased else None, None, None


_forward.register_autograd(_differentiate, setup_context=_set_up)


# ---- what is called


def _check(q, k, v, sizes: tuple[int, int, int]) -> None:
    heads, queries, keys = sizes
    for name, tensor in (("q", q), ("k", k), ("v", v)):
        if tensor.device.type != "cpu":
            raise TypeError(
                f"{name}: a tensor on device {tensor.device}; wanted one in the CPU's memory: "
                ".cpu()"
            )
        if tensor.dtype not in DTYPES:
            raise TypeError(f"{name}: {tensor.dtype}; {WANTED}")
        if tensor.dtype != q.dtype:
            raise TypeError(f"{name}: {tensor.dtype}, and q is {q.dtype}; wanted one dtype")
    _check_shape("q", q, q, heads, queries, "head_dim")
    _check_shape("k", k, q, heads, keys, q.shape[-1])
    _check_shape("v", v, q, heads, keys, "value_dim")


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


def _check_bias(bias, wanted: tuple[int, int, int]) -> None:
    if tuple(bias.shape) != wanted or bias.dtype != torch.float32 or not bias.is_contiguous():
        raise ValueError(
            f"bias: {bias.dtype}, shape {tuple(bias.shape)}; wanted float32 {wanted}, contiguous"
        )


def _arranged_bias(bias, wanted: tuple[int, int, int]):
    """float32 (heads, queries, keys); what is broadcast is added up on the way back."""
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


def _attend(q, k, v, bias, key: str, sizes: tuple[int, int, int]):
    if torch.is_autocast_enabled("cpu"):  # as scaled_dot_product_attention has it
        dtype = torch.get_autocast_dtype("cpu")
        q, k, v = q.to(dtype), k.to(dtype), v.to(dtype)
    _check(q, k, v, sizes)
    if bias is not None:
        bias = _arranged_bias(bias, sizes)
    keep = torch.is_grad_enabled() and any(
        tensor is not None and tensor.requires_grad for tensor in (q, k, v, bias)
    )
    return torch.ops.vitcod.sparse_attention(q, k, v, bias, key, keep)[0]


def sparse_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    plan: Plan,
    layer: int,
    bias: torch.Tensor | None = None,
    *,
    split: str = "cost",
) -> torch.Tensor:
    """softmax(q k^T / sqrt(head_dim) + bias) v over the entries that a layer of a plan keeps:
    (images, heads, queries, value_dim).

    q: (images, heads, queries, head_dim), float32 or bfloat16, in any layout, on the CPU. k:
    (images, heads, keys, head_dim); v: (images, heads, keys, value_dim).
    plan: a vitcod.Plan. A residual or summaries of it take part, as they are.
    bias: (heads, queries, keys) or what broadcasts to it, the same for all images; it is learnt.
    split: keys computed densely: cost, what is fastest on this machine; plan, its global tokens.

    Sums are float32 for either dtype, so torch.autograd.gradcheck wants eps=1e-2 and atol=1e-3. It
    is differentiated once.
    """
    key = _key_of(plan, layer, split)
    return _attend(q, k, v, bias, key, _sizes_of(key))


class SparseAttention(nn.Module):
    """`sparse_attention` on a layer of a plan, as a module without parameters: (q, k, v, bias=None)
    to (images, heads, queries, value_dim). plan: a vitcod.Plan, or a path."""

    def __init__(
        self, plan: Plan | str | os.PathLike[str], layer: int, *, split: str = "cost"
    ):
        super().__init__()
        self.plan = Plan.load(plan) if isinstance(plan, (str, os.PathLike)) else plan
        self.layer, self.split = layer, split
        self._key = _key_of(self.plan, layer, split)
        self._sizes = _sizes_of(self._key)

    def forward(
        self,
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        bias: torch.Tensor | None = None,
    ) -> torch.Tensor:
        return _attend(q, k, v, bias, self._key, self._sizes)

    def extra_repr(self) -> str:
        return f"plan {self.plan.hash}, layer {self.layer}, split={self.split!r}"

    def __deepcopy__(self, memo):
        copied = SparseAttention(self.plan, self.layer, split=self.split)
        copied.training = self.training
        return copied

    def __reduce__(self):
        return _module, (self.plan, self.layer, self.split, self.training)


def _module(plan: Plan, layer: int, split: str, training: bool) -> SparseAttention:
    return SparseAttention(plan, layer, split=split).train(training)
