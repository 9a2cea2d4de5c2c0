"""Vision Transformers with fixed sparse attention, after ViTCoD (You et al., HPCA 2023).

>>> import vitcod
>>> model = vitcod.load("deit_tiny_patch16_224.safetensors")
>>> maps = model.attention(images)                    # images: float32 (N, 3, 224, 224), normalised
>>> mask = vitcod.prune(maps, sparsity=0.9).mask      # bool (layers, heads, queries, keys)
>>> model.use(mask=mask)
>>> logits = model.infer(images)                      # float32 (N, 1000)
>>> vitcod.simulate(model).attention.cycles

`load`, `prune`, `polarize`, `Plan` and the methods of a model call the library, which lies inside
the package, on NumPy's memory. The verbs of the program (`simulate`, `compare`, `bench`,
`calibrate`, ..) run it as a process of its own and return what it prints with `--json`, as
dataclasses (`vitcod.results`); models, plans and arrays can be given to them in place of files.

`vitcod.torch` has attention on a plan as an operator of PyTorch, and timm's models on a plan.

What fails raises a `vitcod.Error` with the library's sentence.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

# Where each name is. They are imported when they are first used, so that `import vitcod` is quick.
_HOME = {
    "load": "model",
    "Model": "model",
    "Plan": "plan",
    "PlanLayer": "plan",
    "Pruned": "plan",
    "Summaries": "plan",
    "prune": "plan",
    "polarize": "plan",
    "summaries": "processes",
    "sweep": "processes",
    "Progress": "processes",
    "program": "processes",
    "verbs": None,
    "results": None,
    "threads": "library",
    "set_threads": "library",
    "Error": "errors",
    "FileError": "errors",
    "FormatError": "errors",
    "InvalidError": "errors",
    "UnsupportedError": "errors",
    "OutOfMemory": "errors",
    "UsageError": "errors",
    "InterruptedWork": "errors",
    "VitcodWarning": "errors",
    # Verbs of the program; those whose names Python needs end with an underscore.
    "autoencoder": "verbs",
    "bench": "verbs",
    "cache": "verbs",
    "calibrate": "verbs",
    "classify": "verbs",
    "codesign": "verbs",
    "compare": "verbs",
    "devices": "verbs",
    "evaluate": "verbs",
    "export": "verbs",
    "import_": "verbs",
    "info": "verbs",
    "profile": "verbs",
    "quantize": "verbs",
    "report": "verbs",
    "simulate": "verbs",
    "train": "verbs",
}

__all__ = [*_HOME, "__version__"]
_HOME["torch"] = None  # not for `import *`, which would need PyTorch

if TYPE_CHECKING:
    from . import results as results
    from . import torch as torch
    from . import verbs as verbs
    from .errors import Error as Error
    from .errors import FileError as FileError
    from .errors import FormatError as FormatError
    from .errors import InterruptedWork as InterruptedWork
    from .errors import InvalidError as InvalidError
    from .errors import OutOfMemory as OutOfMemory
    from .errors import UnsupportedError as UnsupportedError
    from .errors import UsageError as UsageError
    from .errors import VitcodWarning as VitcodWarning
    from .library import set_threads as set_threads
    from .library import threads as threads
    from .model import Model as Model
    from .model import load as load
    from .plan import Plan as Plan
    from .plan import PlanLayer as PlanLayer
    from .plan import Pruned as Pruned
    from .plan import Summaries as Summaries
    from .plan import polarize as polarize
    from .plan import prune as prune
    from .processes import Progress as Progress
    from .processes import program as program
    from .processes import summaries as summaries
    from .processes import sweep as sweep
    from .verbs import autoencoder as autoencoder
    from .verbs import bench as bench
    from .verbs import calibrate as calibrate
    from .verbs import classify as classify
    from .verbs import codesign as codesign
    from .verbs import compare as compare
    from .verbs import devices as devices
    from .verbs import evaluate as evaluate
    from .verbs import export as export
    from .verbs import import_ as import_
    from .verbs import info as info
    from .verbs import profile as profile
    from .verbs import quantize as quantize
    from .verbs import report as report
    from .verbs import simulate as simulate
    from .verbs import train as train

    __version__: str


def __getattr__(name: str):
    if name == "__version__":
        value = importlib.import_module("vitcod._version").VERSION
    elif name not in _HOME:
        raise AttributeError(f"module 'vitcod' has no attribute '{name}'")
    elif _HOME[name] is None:
        return importlib.import_module(f"vitcod.{name}")
    else:
        value = getattr(importlib.import_module(f"vitcod.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted(__all__)
