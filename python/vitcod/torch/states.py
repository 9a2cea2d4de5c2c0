"""Models from PyTorch to here, and back: parameters have timm's names on both sides."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from .. import model as models
from ..plan import Plan
from .attention import SparseAttention


def _plain(module: nn.Module) -> nn.Module:
    """What torch.compile, DataParallel and DistributedDataParallel are wrapped around."""
    while True:
        inner = getattr(module, "_orig_mod", None) or getattr(module, "module", None)
        if not isinstance(inner, nn.Module):
            return module
        module = inner


def plan_of(module: nn.Module) -> Plan | None:
    """The plan that `sparsify` gave a model; None: it is dense."""
    plans = {m.plan.hash: m.plan for m in module.modules() if isinstance(m, SparseAttention)}
    if len(plans) > 1:
        raise ValueError(f"a model on plans {', '.join(plans)}; wanted one plan")
    return next(iter(plans.values()), None)


def _heads(module: nn.Module) -> int:
    """Of a ViT; other families say it by their shapes."""
    heads = {m.num_heads for m in module.modules() if hasattr(m, "qkv") and hasattr(m, "q_norm")}
    return heads.pop() if len(heads) == 1 else 0


def _metadata(module: nn.Module) -> dict[str, str]:
    """How its images are wanted, as timm's configuration of it has them."""
    config = getattr(module, "pretrained_cfg", None) or {}
    said = {}
    for key, name in (("mean", "input_mean"), ("std", "input_std")):
        if config.get(key):
            said[name] = " ".join(repr(float(value)) for value in config[key])
    if config.get("crop_pct"):
        said["crop_pct"] = repr(float(config["crop_pct"]))
    if config.get("interpolation") in ("bicubic", "bilinear"):
        said["interpolation"] = config["interpolation"]
    if config.get("architecture"):
        said["arch"] = config["architecture"]
    return said


def _wide(tensor):
    """float32 of what NumPy does not have, or the library does not compute with; exact."""
    tensor = tensor.detach()
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor


def from_state_dict(state, *, plan=None, heads: int = 0, image_size: int = 0) -> models.Model:
    """A vitcod.Model with the parameters of a model of timm: `infer` them, or `save` them as
    safetensors, with the plan inside.

    state: a model of timm, or a state dict of one. Of a model, the plan that `sparsify` gave it,
    its heads, and how its images are wanted (pretrained_cfg) are taken over.
    plan: a vitcod.Plan or a path instead; "none": dense.
    heads: attention heads of a ViT, where the state is a dict; 0: width / 64.
    image_size: pixels along a side; 0: the state's.
    """
    metadata: dict[str, str] = {}
    if isinstance(state, nn.Module):
        module = _plain(state)
        plan = plan_of(module) if plan is None else plan
        heads = heads or _heads(module)
        metadata = _metadata(module)
        state = module.state_dict()
    if not isinstance(state, Mapping):
        raise TypeError(f"state: {type(state).__name__}; wanted a model of timm or a state dict")
    tensors = {
        name: _wide(value) if isinstance(value, torch.Tensor) else value
        for name, value in state.items()
    }
    return models.load(tensors, plan=plan, heads=heads, image_size=image_size, metadata=metadata)


def to_state_dict(model) -> dict[str, torch.Tensor]:
    """The parameters of a vitcod.Model, or of a file that it opens, for `load_state_dict` of timm's
    model. The plan is `model.plan`."""
    if isinstance(model, models.Model):
        return {name: torch.from_numpy(array) for name, array in model.to_state_dict().items()}
    with models.load(model) as opened:
        return to_state_dict(opened)
