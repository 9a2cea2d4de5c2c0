"""From averaged attention to masks, and from masks to plans."""

from __future__ import annotations

import ctypes
import html
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

import numpy as np

from . import arrays, library
from .errors import FormatError
from .library import check, lib

# One array, or one for each group of layers of a shape, by name and in the order in which they run.
Grouped = Union[np.ndarray, "dict[str, np.ndarray]"]
MAP_SHAPE = ("layers", "heads", "queries", "keys")
MAP_PREFIX, MASK_PREFIX = "attention_score", "mask"


def _group_paths(folder: Path, prefix: str) -> dict[str, Path]:
    """The files of a folder, named as ViTCoD has them: dpt0, subsample0, dpt1, .."""
    found, number = {}, 0
    for number in range(1000):
        names = [f"dpt{number}", f"subsample{number}"]
        there = {n: p for n in names for p in (folder / f"{prefix}_{n}.npy",) if p.exists()}
        found.update(there)
        if names[1] not in there:
            break
    if not found:
        raise FormatError(f"{folder}: no {prefix}_dpt0.npy; wanted a file for each group of layers")
    return found


def groups_of(value, what: str, dtype, prefix: str) -> dict[str, np.ndarray]:
    """Maps or masks by group: from an array, a mapping of them, or a path to either as files."""
    if isinstance(value, (str, os.PathLike)):
        path = Path(value)
        if path.is_dir():
            value = {name: np.load(file) for name, file in _group_paths(path, prefix).items()}
        else:
            value = np.load(path, allow_pickle=False)
        what = str(path)
    if isinstance(value, Mapping):
        if not value:
            raise ValueError(f"{what}: no group; wanted one at least")
        return {
            name: arrays.shaped(array, f"{what}: {name}", dtype, MAP_SHAPE)
            for name, array in value.items()
        }
    return {"": arrays.shaped(value, what, dtype, MAP_SHAPE)}


def ungrouped(groups: dict[str, np.ndarray]) -> Grouped:
    return groups[""] if list(groups) == [""] else groups


def _masks(groups: dict[str, np.ndarray]):
    masks = (library.Mask * len(groups))()
    for mask, array in zip(masks, groups.values()):
        mask.layers, mask.heads, mask.queries, mask.keys = array.shape
        mask.pruned = arrays.address(array)
    return masks


def mask_groups(mask) -> dict[str, np.ndarray]:
    return groups_of(mask, "mask", np.bool_, MASK_PREFIX)


@dataclass(frozen=True)
class Pruned:
    """What `prune` returns."""

    mask: Grouped
    """bool (layers, heads, queries, keys), True = pruned; a dict of them for grouped maps"""
    info: float
    """the strength of the rule that was used"""
    sparsity: float
    """the share of entries that is pruned, 0 to 1"""
    empty_rows: int
    """rows that the rule left empty, which keep their highest score"""
    tied_rows: int
    """rows in which `ties` had to say which of equal scores are kept"""

    def _repr_html_(self) -> str:
        from . import pictures

        groups = self.mask if isinstance(self.mask, dict) else {"": self.mask}
        share = f"{100 * self.sparsity:.2f} % pruned, strength {self.info:.6g}"
        return f"<div>{share}</div>" + pictures.of_masks(groups)


def prune(
    maps,
    *,
    rule: str = "info",
    info: float | None = None,
    sparsity: float | None = None,
    keep_class_token: bool | None = None,
    ties: str = "numpy",
    progress: Callable[[int, int], None] | None = None,
) -> Pruned:
    """Prunes averaged attention to a fixed mask.

    maps: float32 (layers, heads, queries, keys), a dict of such arrays for a model in groups of
    layers (LeViT), or a path of either as files.
    rule: info, threshold, ratio, std or random.
    info or sparsity: the rule's strength, or the share of entries to prune, 0 to 1.
    keep_class_token: row 0 and column 0 are never pruned; by default for one array (DeiT), and not
    for groups.
    ties: which of equal scores are kept: numpy, as the published code, or stable.
    progress: called with the rounds of the search for a sparsity, done and at most.
    """
    if (info is None) == (sparsity is None):
        raise TypeError("wanted one of info and sparsity")
    groups = groups_of(maps, "maps", np.float32, MAP_PREFIX)
    failure: list[BaseException] = []

    def on_round(_context, done, rounds):
        try:
            handle_interrupts()
            if progress is not None:
                progress(done, rounds)
        except BaseException as error:  # is raised when the library has returned
            failure.append(error)
        return bool(failure)

    options = lib.vc_prune_options_default()
    options.rule = rule.encode()
    options.info = -1.0 if info is None else info
    options.sparsity = -1.0 if sparsity is None else sparsity
    options.keep_class_token = (
        list(groups) == [""] if keep_class_token is None else keep_class_token
    )
    chosen = ctypes.c_int()
    if not lib.vc_prune_ties_of(chosen, ties.encode()):
        raise ValueError(f"ties is {ties!r}; wanted numpy or stable")
    options.ties = chosen
    options.on_round = library.OnRound(on_round)
    of_c = (library.Maps * len(groups))()
    for one, array in zip(of_c, groups.values()):
        one.layers, one.heads, one.queries, one.keys = array.shape
        one.values = arrays.address(array)
    made = (library.Mask * len(groups))()
    report = library.PruneReport()
    library.computes()
    with library.interrupts_held() as handle_interrupts:
        status = lib.vc_prune_groups(made, report, of_c, None, len(groups), options, b"maps")
    if failure:
        raise failure[0]
    check(status)
    masks = {}
    for (name, array), mask in zip(groups.items(), made):
        values = (ctypes.c_uint8 * array.size).from_address(mask.pruned)
        masks[name] = np.frombuffer(values, np.bool_).reshape(array.shape).copy()
        lib.vc_mask_close(mask)
    return Pruned(
        ungrouped(masks), report.info, report.sparsity, report.empty_rows, report.tied_rows
    )


def polarize(mask, *, threshold: int = 50) -> Plan:
    """Reorders tokens: a mask becomes a plan.

    mask: bool (layers, heads, queries, keys), True = pruned; a dict of such arrays; or a path.
    threshold: a column that keeps more entries is a global token, and computed densely. For groups
    it is that of the first, and less in others as they have fewer queries.
    """
    groups = mask_groups(mask)
    plan = library.Plan()
    check(lib.vc_polarize_groups(plan, _masks(groups), len(groups), threshold, b"mask"))
    return Plan(plan)


@dataclass(frozen=True)
class Summaries:
    """Keys and values of a layer that are pooled anew for each image, and stand in for those that
    are pruned: G of them, the same for all heads."""

    start: np.ndarray
    """int32 (G + 1): summary g is the sum of entries start[g] to start[g + 1] - 1"""
    keys: np.ndarray
    """int32 (entries): the tokens that are pooled, ascending in a summary"""
    weights: np.ndarray
    """float32 (entries)"""
    bias: np.ndarray
    """float32 (heads, queries, G), added to their scores; -inf: the query does not see it"""
    query: np.ndarray | None = None
    """float32 (heads, head_dim): the weights are the softmax of log(weights) + query . key /
    sqrt(head_dim) over the entries of a summary; None: they are as they are"""

    def __len__(self) -> int:
        return len(self.start) - 1


@dataclass(frozen=True)
class PlanLayer:
    """A layer of a plan. H heads, Tq queries, Tk keys; the columns of all heads follow each other.
    The arrays are copies."""

    heads: int
    queries: int
    keys: int
    query_order: np.ndarray
    """int32 (H, Tq): row i of the reordered map is query query_order[i]"""
    key_order: np.ndarray
    """int32 (H, Tk): column j of the reordered map is key key_order[j]"""
    global_tokens: np.ndarray
    """int32 (H): so many columns are computed densely, which come first"""
    column_start: np.ndarray
    """int32 (H, Tk + 1): positions in rows"""
    rows: np.ndarray
    """int32 (kept entries): reordered row indices, ascending in a column"""
    summaries: Summaries | None
    """what stands in for the pruned entries"""


def _copied(pointer, *shape) -> np.ndarray:
    return np.ctypeslib.as_array(pointer, shape).copy()


def _summaries_of(layer: library.PlanLayer) -> Summaries | None:
    pooling = layer.pooling
    if pooling.count == 0:
        return None
    return Summaries(
        _copied(pooling.start, pooling.count + 1),
        _copied(pooling.keys, pooling.entries),
        _copied(pooling.weights, pooling.entries),
        _copied(layer.summary_bias, layer.heads, layer.queries, pooling.count),
        _copied(pooling.query, layer.heads, pooling.dim) if pooling.query else None,
    )


def _give_summaries(layer: library.PlanLayer, of: Summaries | None, what: str) -> None:
    if of is None:
        check(lib.vc_plan_layer_add_summaries(layer, library.Pooling(), None))
        return
    start = arrays.shaped(of.start, f"{what}: start", np.int32, ("summaries + 1",))
    count, entries = len(start) - 1, int(start[-1])
    keys = arrays.shaped(of.keys, f"{what}: keys", np.int32, (entries,))
    weights = arrays.shaped(of.weights, f"{what}: weights", np.float32, (entries,))
    shape = (layer.heads, layer.queries, count)
    bias = arrays.shaped(of.bias, f"{what}: bias", np.float32, shape)
    pooling = library.Pooling(count, entries)
    pooling.start = arrays.pointer(start, ctypes.c_int32)
    pooling.keys = arrays.pointer(keys, ctypes.c_int32)
    pooling.weights = arrays.pointer(weights, ctypes.c_float)
    if of.query is not None:
        query = arrays.shaped(of.query, f"{what}: query", np.float32, (layer.heads, "head_dim"))
        pooling.dim, pooling.query = query.shape[1], arrays.pointer(query, ctypes.c_float)
    check(lib.vc_plan_layer_add_summaries(layer, pooling, arrays.pointer(bias, ctypes.c_float)))


def _unpickled(file: bytes) -> Plan:
    with tempfile.TemporaryDirectory(prefix="vitcod-") as folder:
        path = os.path.join(folder, "plan.safetensors")
        Path(path).write_bytes(file)
        return Plan.load(path)


class Plan:
    """Which entries of the attention maps are kept, layer by layer, and in which order tokens come.
    Made by `polarize`, `Plan.load` or `Model.plan`; it does not change."""

    def __init__(self, plan: library.Plan):
        self._plan = plan  # and it is this object's to close
        self._compiled: dict[str, Any] = {}  # layers, for vitcod.torch

    def __del__(self):
        plan, self._plan = getattr(self, "_plan", None), None
        if plan is not None:
            lib.vc_plan_close(plan)

    @classmethod
    def load(cls, path) -> Plan:
        """From a plan's file, or that of a model with a plan inside."""
        plan = library.Plan()
        check(lib.vc_plan_read(plan, library.path_bytes(path)))
        return cls(plan)

    @classmethod
    def of_library(cls, plan) -> Plan:
        """A copy."""
        copied = library.Plan()
        check(lib.vc_plan_copy(copied, plan))
        return cls(copied)

    def with_summaries(self, summaries: Mapping[int, Summaries | None]) -> Plan:
        """A copy in which these layers have these summaries in place of their own; None: none."""
        made = Plan.of_library(self._plan)
        for index, of in summaries.items():
            _give_summaries(made._layer(index), of, f"summaries of layer {index}")
        return made

    def save(self, path) -> None:
        """Writes the plan as safetensors."""
        check(lib.vc_plan_write(library.path_bytes(path), self._plan))

    def __deepcopy__(self, _memo) -> Plan:
        return self  # it does not change

    def __reduce__(self):
        with tempfile.TemporaryDirectory(prefix="vitcod-") as folder:
            path = os.path.join(folder, "plan.safetensors")
            self.save(path)
            return _unpickled, (Path(path).read_bytes(),)

    @property
    def hash(self) -> str:
        """16 digits, as results name the plan that they are about."""
        return f"{lib.vc_plan_hash(self._plan):016x}"

    @property
    def kept_share(self) -> float:
        """Kept entries and scores of summaries, as a share of all entries, 0 to 1."""
        return lib.vc_plan_kept_share(self._plan)

    @property
    def method(self) -> str:
        """What it does about what is pruned: "kept entries alone", "with a residual" or "with
        summaries"."""
        return lib.vc_plan_method(self._plan).decode()

    @property
    def threshold(self) -> int:
        """A column that keeps more entries is a global token."""
        return self._plan.threshold

    def __len__(self) -> int:
        return self._plan.layer_count

    def __getitem__(self, index: int) -> PlanLayer:
        layer = self._layer(index)
        heads, queries, keys = layer.heads, layer.queries, layer.keys
        start = _copied(layer.column_start, heads, keys + 1)
        return PlanLayer(
            heads,
            queries,
            keys,
            _copied(layer.query_order, heads, queries),
            _copied(layer.key_order, heads, keys),
            _copied(layer.global_tokens, heads),
            start,
            _copied(layer.rows, int(start[-1, -1])),
            _summaries_of(layer),
        )

    def __iter__(self) -> Iterator[PlanLayer]:
        return (self[index] for index in range(len(self)))

    def _layer(self, index: int):
        count = len(self)
        if not -count <= index < count:
            raise IndexError(f"layer {index} of a plan with {count}")
        return self._plan.layers[index % count]

    def mask(self, layer: int) -> np.ndarray:
        """bool (heads, queries, keys) of a layer, True = pruned, in the tokens' own order."""
        of = self._layer(layer)
        pruned = np.empty((of.heads, of.queries, of.keys), np.bool_)
        lib.vc_plan_layer_mask(arrays.pointer(pruned, ctypes.c_uint8), of)
        return pruned

    def bias(self, layer: int) -> np.ndarray:
        """float32 (heads, queries, keys): 0 where kept, -inf where pruned; what other programs add
        to the scores."""
        return np.where(self.mask(layer), np.float32(-np.inf), np.float32(0))

    def csr(self, layer: int, head: int) -> tuple[np.ndarray, np.ndarray]:
        """The kept entries of a head by query, in the tokens' own order: int32 indptr (queries + 1)
        and int32 keys (kept entries), ascending in a row."""
        kept = ~self.mask(layer)[head]
        indptr = np.concatenate([[0], np.cumsum(kept.sum(1))]).astype(np.int32)
        return indptr, np.nonzero(kept)[1].astype(np.int32)

    def __repr__(self) -> str:
        return f"<vitcod.Plan {self.hash}: {len(self)} layers, {100 * self.kept_share:.2f} % kept>"

    def _repr_html_(self) -> str:
        from . import pictures

        return f"<div>{html.escape(repr(self))}</div>" + pictures.of_plan(self)
