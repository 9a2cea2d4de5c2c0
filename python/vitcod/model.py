"""Models: opened once, run many times."""

from __future__ import annotations

import ctypes
import os
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from . import arrays, library, safetensors
from . import plan as plans
from .errors import Error, UnsupportedError
from .library import check, lib

PRECISIONS = ("fp32", "bf16", "int8")  # vc_precision
SPLITS = {"plan": 0, "cost": 1, "whole": 2, None: 3}  # vc_pattern_split; None: the usual one
MOST_ENGINES = 4  # of a model: each has packed weights of its own
STATE_DICT = "state dict"
FIRST_PIECE, LONG_PIECE = 8, 0.4  # images computed at once, seconds


@dataclass(frozen=True)
class Attention:
    """Layers of one shape, whose maps and masks are one array."""

    group: str
    """empty where all layers are one group"""
    layers: int
    heads: int
    queries: int
    keys: int
    head_dim: int
    """values per head of Q and K"""


def load(
    model,
    *,
    mask=None,
    plan=None,
    autoencoder=None,
    heads: int = 0,
    image_size: int | tuple[int, int] | str = 0,
    activation: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Model:
    """Opens a model for inference.

    model: a checkpoint's path (safetensors, .pth), or a state dict: arrays or tensors of PyTorch
    by timm's names, which are copied.
    mask, plan: see Model.use. A plan inside the file is used unless one of them is given.
    autoencoder: a file with the auto-encoder's weights.
    heads: attention heads, where the file does not say; 0: width / 64.
    image_size: pixels along a side, or (height, width); 0: the checkpoint's.
    activation: gelu, quick_gelu, hardswish or silu, where the file does not say.
    metadata: what a safetensors file would say besides, of a state dict: input_mean, crop_pct, ..
    """
    opened = Model(
        model,
        autoencoder=autoencoder,
        heads=heads,
        image_size=image_size,
        activation=activation,
        without_plan=mask is not None or plan is not None,
        metadata=metadata,
    )
    if mask is not None or plan not in (None, "none"):
        opened.use(mask=mask, plan=plan)
    return opened


class Model:
    """A model, opened by `vitcod.load`. Calls from several threads wait for each other; two models
    run side by side. `close`, or the end of a `with`, releases it."""

    def __init__(
        self, model, *, autoencoder, heads, image_size, activation, without_plan, metadata
    ):
        size = library.Extent.of(image_size)
        options = library.ModelOptions(
            heads=heads, in_place=1, without_plan=without_plan, image_size=size
        )
        if autoencoder is not None:
            options.autoencoder = library.path_bytes(autoencoder)
        if activation is not None:
            options.activation = activation.encode()
        self._model = self._memory = None
        self._engines: OrderedDict[tuple, ctypes.c_void_p] = OrderedDict()
        self._lock = threading.RLock()  # the last that close wants
        # What has to be said to the program to have the same model.
        self._said: dict[str, object] = {
            "autoencoder": autoencoder,
            "heads": heads or None,
            "image_size": str(size) if size.height else None,
            "activation": activation,
        }
        self._restricted: tuple[str, object] | None = ("plan", "none") if without_plan else None
        if isinstance(model, Mapping):
            self._memory = safetensors.to_memory(model, STATE_DICT, metadata)
            self.path = f"/proc/{os.getpid()}/fd/{self._memory}"
        elif metadata:
            raise TypeError("metadata beside a file; wanted it with a state dict")
        else:
            self.path = os.fsdecode(model)
        opened = ctypes.c_void_p()
        try:
            check(lib.vc_model_open(opened, library.path_bytes(self.path), options))
        except Error as error:
            if self._memory is None:
                raise
            raise type(error)(str(error).replace(self.path, STATE_DICT)) from None
        self._model = opened
        self._input = lib.vc_model_input_of(opened)

    def close(self) -> None:
        """Releases the model. It cannot be used afterwards; closing again is fine."""
        if not hasattr(self, "_lock"):
            return
        with self._lock:
            self._close_engines()
            # Each is forgotten before it is closed: Ctrl-C in between must not close it twice.
            model, self._model = self._model, None
            if model is not None:
                lib.vc_model_close(model)
            memory, self._memory = self._memory, None
            if memory is not None:
                os.close(memory)

    __del__ = close

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def _open(self):
        if self._model is None:
            raise ValueError(f"{self.path}: the model is closed")
        return self._model

    def _close_engines(self) -> None:
        while self._engines:
            lib.vc_engine_close(self._engines.popitem()[1])

    # ---- what it is

    @property
    def family(self) -> str:
        """ "deit" or "levit" """
        return lib.vc_model_family(self._open()).decode()

    @property
    def classes(self) -> int:
        """How many classes it tells apart; 0: it does not classify."""
        return self._input.classes

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of an image, in pixels"""
        return self._input.channels, self._input.height, self._input.width

    @property
    def normalisation(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation per channel: an image's value is (pixel / 255 - mean) / deviation."""
        count = self._input.channels
        return (
            np.array(self._input.mean[:count], np.float32),
            np.array(self._input.std[:count], np.float32),
        )

    @property
    def parameters(self) -> int:
        count = ctypes.c_size_t()
        check(lib.vc_model_parameters(count, self._open()))
        return count.value

    @property
    def attention_groups(self) -> list[Attention]:
        """Its attention layers, by groups of one shape, in the order in which they run."""
        groups = []
        for g in range(lib.vc_model_groups(self._open())):
            group = lib.vc_model_group(self._model, g)
            layer = lib.vc_model_layer(self._model, group.first)
            groups.append(
                Attention(
                    group.name.decode(),
                    group.count,
                    layer.heads,
                    layer.queries,
                    layer.keys,
                    layer.head_dim,
                )
            )
        return groups

    @property
    def plan(self) -> plans.Plan | None:
        """A copy of what attention is restricted to; masks count as a plan without an order. None:
        not restricted."""
        with self._lock:
            entries = lib.vc_model_entries(self._open())
            return plans.Plan.of_library(entries) if entries else None

    def __repr__(self) -> str:
        if self._model is None:
            return f"<vitcod.Model {self.path}: closed>"
        return (
            f"<vitcod.Model {self._name()}: {self.family}, {self.parameters} parameters, "
            f"input {self.input_shape}, {self.classes} classes>"
        )

    def _name(self) -> str:
        return self.path if self._memory is None else STATE_DICT

    # ---- what it is restricted to

    def use(self, *, mask=None, plan=None) -> Model:
        """Restricts attention, instead of any restriction before, and returns the model.

        mask: bool (layers, heads, queries, keys), True = pruned, a dict of such arrays for a model
        in groups of layers, or a path. plan: a Plan, or a path. They are copied.
        """
        if (mask is None) == (plan is None):
            raise TypeError("wanted one of mask and plan")
        with self._lock:
            model = self._open()
            # Before the model changes, to whose plan they point: Ctrl-C may come in between.
            self._close_engines()
            if mask is not None:
                groups = plans.mask_groups(mask)
                wanted = [group.group for group in self.attention_groups]
                if list(groups) != wanted and len(groups) > 1 and sorted(groups) == sorted(wanted):
                    groups = {name: groups[name] for name in wanted}
                status = lib.vc_model_use_masks(model, plans._masks(groups), len(groups), b"mask")
            elif isinstance(plan, plans.Plan):
                status = lib.vc_model_use_plan(model, plan._plan, b"plan")
            else:
                status = lib.vc_model_use_files(model, None, library.path_bytes(plan))
            check(status)
            self._restricted = ("mask", groups) if mask is not None else ("plan", plan)
        return self

    # ---- what it computes

    @staticmethod
    def _pieces(count: int, batch: int):
        """Starts and sizes of what is computed at once: at most a batch, and so much that Ctrl-C is
        noticed within a second. Results do not depend on it."""
        first, size = 0, min(batch, FIRST_PIECE)
        while first < count:
            begun = time.perf_counter()
            yield first, min(size, count - first)
            seconds = time.perf_counter() - begun
            first += size
            if seconds > LONG_PIECE:
                size = max(1, size // 2)
            elif seconds < LONG_PIECE / 4:
                size = min(batch, 2 * size)

    @staticmethod
    def _check_batch(batch: int) -> None:
        if not isinstance(batch, int) or not 1 <= batch <= 4096:
            raise ValueError(f"batch is {batch}; wanted 1 to 4096")

    def _images(self, images) -> np.ndarray:
        shape = self.input_shape
        x = arrays.shaped(images, "images", np.float32, ("images", *shape))
        if not arrays.is_finite_sum(x):
            tensor = library.Tensor(0, x.ndim, tuple(x.shape), arrays.address(x))
            check(lib.vc_tensor_check_finite(tensor, b"images", b"values"))
        return x

    def _engine(self, dtype: str, batch: int, split: str | None, dense: bool):
        key = (dtype, batch, split, dense, lib.vc_threads_count())
        engine = self._engines.get(key)
        if engine is not None:
            self._engines.move_to_end(key)
            return engine
        if dtype not in PRECISIONS:
            raise ValueError(f"dtype is {dtype!r}; wanted one of {', '.join(PRECISIONS)}")
        if split not in SPLITS:
            raise ValueError(f"split is {split!r}; wanted plan, cost or None")
        options = lib.vc_engine_options_default()
        options.precision = PRECISIONS.index(dtype)
        options.batch = batch
        options.split = SPLITS[split]
        options.unrestricted = dense
        engine = ctypes.c_void_p()
        check(lib.vc_engine_open(engine, self._open(), options))
        self._engines[key] = engine
        while len(self._engines) > MOST_ENGINES:
            lib.vc_engine_close(self._engines.popitem(last=False)[1])
        return engine

    def infer(
        self,
        images,
        *,
        dtype: str = "fp32",
        batch: int = 8,
        split: str | None = None,
        dense: bool = False,
    ) -> np.ndarray:
        """float32 (N, classes): the logits.

        images: float32 (N, channels, height, width), normalised (`normalisation`).
        dtype: precision of the products: fp32, bf16 or int8.
        batch: so many images at once, or fewer where they take long, as Ctrl-C is noticed between.
        split: keys computed densely: plan, its global tokens; cost, what is fastest on this
        machine. By default by the plan where there is one, by cost for a mask.
        dense: leave mask and plan aside.
        """
        self._check_batch(batch)
        with self._lock:
            self._open()
            x = self._images(images)
            library.computes()
            engine = self._engine(dtype, batch, split, dense)
            count, outputs = len(x), self._input.outputs
            logits = np.empty((count, outputs), np.float32)
            source, target = arrays.address(x), arrays.address(logits)
            of_image = x.strides[0]
            for first, some in self._pieces(count, batch):
                check(
                    lib.vc_engine_run(
                        engine,
                        target + first * outputs * 4,
                        source + first * of_image,
                        some,
                    )
                )
        if not arrays.is_finite_sum(logits):
            tensor = library.Tensor(0, 2, (count, outputs), target)
            check(lib.vc_tensor_check_finite(tensor, b"images", b"logits"))
        return logits

    def attention(self, images, *, batch: int = 8) -> plans.Grouped:
        """float32 (layers, heads, queries, keys): softmax(Q K^T), averaged over the images; a dict
        of such arrays for a model in groups of layers.

        images: float32 (N, channels, height, width), normalised. A mask in use counts; on a plan no
        map is made.
        """
        self._check_batch(batch)
        with self._lock:
            model = self._open()
            if lib.vc_model_plan(model):
                raise UnsupportedError(
                    f"{self._name()}: on a plan no map is made; wanted the model "
                    "dense (load(.., plan='none')) or under a mask"
                )
            x = self._images(images)
            library.computes()
            return self._averaged(x, batch)

    def _averaged(self, x: np.ndarray, batch: int) -> plans.Grouped:
        stats, made = library.DenseStats(), {}
        try:
            check(lib.vc_dense_stats_open(stats, self._model, batch, 0, 0))
            tap = lib.vc_dense_stats_tap(stats)
            for first, some in self._pieces(len(x), batch):
                part = x[first : first + some]
                check(lib.vc_tap_images(self._model, arrays.address(part), len(part), batch, tap))
            for g in range(stats.groups):
                of = stats.attention[g]
                maps = np.empty((of.layers, of.heads, of.queries, of.keys), np.float32)
                lib.vc_attention_stats_mean(arrays.address(maps), of)
                made[lib.vc_model_group(self._model, g).name.decode()] = maps
        finally:
            lib.vc_dense_stats_close(stats)
        return plans.ungrouped(made)

    # ---- what others get

    def save(self, path) -> None:
        """Writes the model as safetensors, with its auto-encoder, and the plan in use."""
        with self._lock:
            check(lib.vc_model_write(library.path_bytes(path), self._open()))

    def to_state_dict(self) -> dict[str, np.ndarray]:
        """Its parameters by timm's names, copied. What it is restricted to is not among them: see
        `plan`."""
        with tempfile.TemporaryDirectory(prefix="vitcod-") as folder:
            path = os.path.join(folder, "model.safetensors")
            self.save(path)
            tensors = safetensors.read(path)
        return {name: t for name, t in tensors.items() if not name.startswith("vitcod.")}

    def arguments(self, folder: str) -> tuple[str, dict[str, object]]:
        """How the program is told of this model: its path, and options. Files are made in the
        folder where they are needed."""
        with self._lock:
            self._open()
            options = dict(self._said)
            if self._restricted is not None:
                kind, value = self._restricted
                options[kind] = value
            return self.path, options
