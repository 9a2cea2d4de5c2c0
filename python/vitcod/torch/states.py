"""Models from PyTorch to here, and back: parameters have timm's names on both sides."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import nn

from .. import model as models
from ..plan import Plan
from .attention import ADDED, SparseAttention, summaries_of, with_learnt

# What `sparsify` adds to an attention's parameters, where the plan has summaries.
LEARNT = re.compile(rf"(.*)\.sparse\.({'|'.join(ADDED[1:])})")
ATTENTION = re.compile(r"(.*)\.(qkv|qkv\.linear|kv\.linear)\.weight")


def _plain(module: nn.Module) -> nn.Module:
    """What torch.compile, DataParallel and DistributedDataParallel are wrapped around."""
    while True:
        inner = getattr(module, "_orig_mod", None) or getattr(module, "module", None)
        if not isinstance(inner, nn.Module):
            return module
        module = inner


def plan_of(module: nn.Module) -> Plan | None:
    """The plan that `sparsify` gave a model, with what it learnt of its summaries; None: it is
    dense."""
    layers = [m for m in module.modules() if isinstance(m, SparseAttention)]
    plans = {layer.plan.hash: layer.plan for layer in layers}
    if len(plans) > 1:
        raise ValueError(f"a model on plans {', '.join(plans)}; wanted one plan")
    learnt = {layer.layer: layer.summaries() for layer in layers}
    return next((plan.with_summaries(learnt) for plan in plans.values()), None)


def _in_order(name: str) -> list[tuple[bool, int, str]]:
    """To sort attention layers as they run: by numbers, and what makes a stage smaller comes before
    its blocks."""
    return [
        (True, int(part), "") if part.isdigit() else (False, part != "downsample", part)
        for part in name.split(".")
    ]


def _apart(tensors: dict) -> list[dict]:
    """Takes what was learnt of summaries out of a state dict: by part, layer by layer."""
    found: dict[str, dict] = {}
    for name in list(tensors):
        match = LEARNT.fullmatch(name)
        if match:
            found.setdefault(match[1], {})[match[2]] = tensors.pop(name)
    return [found[name] for name in sorted(found, key=_in_order)]


def _with_learnt(plan, learnt: list[dict]) -> Plan:
    if plan is None:
        raise ValueError(
            "state: what was learnt of a plan's summaries, which says nothing without the plan; "
            "wanted plan="
        )
    plan = plan if isinstance(plan, Plan) else Plan.load(plan)
    layers = [index for index, layer in enumerate(plan) if layer.summaries is not None]
    if len(layers) != len(learnt):
        raise ValueError(
            f"state: learnt summaries of {len(learnt)} layers; the plan has {len(layers)} with them"
        )
    return plan.with_summaries(
        {
            index: with_learnt(plan[index].summaries, parts, f"layer {index}")
            for index, parts in zip(layers, learnt)
        }
    )


def _heads(module: nn.Module) -> int:
    """Of a ViT; other families say it by their shapes."""
    heads = {m.num_heads for m in module.modules() if hasattr(m, "qkv") and hasattr(m, "q_norm")}
    return heads.pop() if len(heads) == 1 else 0


ACTIVATIONS = {
    "GELU": "gelu",
    "QuickGELU": "quick_gelu",
    "Hardswish": "hardswish",
    "SiLU": "silu",
}


def _activation(module: nn.Module) -> str | None:
    """That of its MLPs, which parameters do not show; None: they are gated, which they show."""
    gated = any(
        hasattr(m, "gate_last") or hasattr(m, "fc1_g") for m in module.modules()
    )  # GluMlp, SwiGLU
    found = {
        type(m.act).__name__
        for name, m in module.named_modules()
        if name.endswith("mlp") and hasattr(m, "act")
    }
    wanted = {"SiLU"} if gated else ACTIVATIONS
    if len(found) > 1 or not found.issubset(wanted):
        raise ValueError(
            f"a model whose {'gated ' if gated else ''}MLPs have {', '.join(sorted(found))}; "
            f"wanted {' or '.join(wanted)}"
        )
    if any(getattr(m, "gate_last", False) for m in module.modules()):
        raise ValueError("a model whose gate is the last half of an MLP's values; wanted the first")
    return None if gated else next((ACTIVATIONS[name] for name in found), None)


def _switches(module: nn.Module) -> dict[str, str]:
    """What parameters do not show of how a ViT computes."""
    said = {}
    activation = _activation(module)
    if activation is not None:
        said["activation"] = activation
    if not hasattr(module, "patch_embed"):  # not a ViT
        return said
    pool = getattr(module, "global_pool", "token")
    if pool not in ("token", "avg") or getattr(module, "pool_include_prefix", False):
        raise ValueError(
            f"a model that pools by {pool!r}, pool_include_prefix="
            f"{getattr(module, 'pool_include_prefix', False)}; wanted token, or avg of patches"
        )
    epsilons = {m.eps for m in module.modules() if isinstance(m, nn.LayerNorm)}
    if len(epsilons) > 1:
        raise ValueError(f"a model whose norms have eps {sorted(epsilons)}; wanted one for all")
    sides = getattr(module.patch_embed, "img_size", None)
    if sides is not None and sides[0] != sides[1]:
        said["image_size"] = f"{sides[0]}x{sides[1]}"
    said["global_pool"] = pool
    said.update({"norm_eps": repr(float(epsilon)) for epsilon in epsilons})
    return said


def _metadata(module: nn.Module) -> dict[str, str]:
    """What else it computes by, and how its images are wanted, as timm's configuration has it."""
    config = getattr(module, "pretrained_cfg", None) or {}
    said = _switches(module)
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


def from_state_dict(state, *, plan=None, heads: int = 0, image_size=0) -> models.Model:
    """A vitcod.Model with the parameters of a model of timm: `infer` them, or `save` them as
    safetensors, with the plan inside.

    state: a model of timm, or a state dict of one. Of a model, the plan that `sparsify` gave it,
    its heads, and how its images are wanted (pretrained_cfg) are taken over. What it learnt of the
    plan's summaries becomes the plan's.
    plan: a vitcod.Plan or a path instead, or of a state dict; "none": dense.
    heads: attention heads of a ViT, where the state is a dict; 0: width / 64.
    image_size: pixels along a side, or (height, width); 0: the state's.
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
    learnt = _apart(tensors)
    if learnt and plan != "none":
        plan = _with_learnt(plan, learnt)
    return models.load(tensors, plan=plan, heads=heads, image_size=image_size, metadata=metadata)


def to_state_dict(model) -> dict[str, torch.Tensor]:
    """The parameters of a vitcod.Model, or of a file that it opens, for `load_state_dict` of timm's
    model. The plan is `model.plan`; of its summaries are there what `sparsify` gives the model."""
    if not isinstance(model, models.Model):
        with models.load(model) as opened:
            return to_state_dict(opened)
    state = {name: torch.from_numpy(array) for name, array in model.to_state_dict().items()}
    plan = model.plan
    if plan is None:
        return state
    found = {match[1] for name in state if (match := ATTENTION.fullmatch(name))}
    for index, name in enumerate(sorted(found, key=_in_order)):
        for part, value in zip(ADDED[1:], summaries_of(plan, index) or ()):
            if value is not None:
                state[f"{name}.sparse.{part}"] = value
    return state
