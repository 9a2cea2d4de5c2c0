"""The library by ctypes: its structs, its functions, its failures. What is here is checked against
the headers by a test; everything else of the package calls `lib` and `check`.

ctypes releases the GIL during each call."""

from __future__ import annotations

import contextlib
import ctypes
import operator
import os
import signal
import threading
from ctypes import (
    POINTER,
    c_char_p,
    c_double,
    c_float,
    c_int,
    c_int32,
    c_size_t,
    c_ssize_t,
    c_uint8,
    c_uint64,
    c_void_p,
)
from pathlib import Path

from . import errors
from ._version import VERSION

MOST_GROUPS = 15
DENSE_STATS_REST = 1 << 14  # bytes for what is not looked at, with room for more of it
F32, BF16 = 0, 3
# constants of the headers
FIXED = {"VC_MOST_GROUPS": MOST_GROUPS, "VC_F32": F32, "VC_BF16": BF16}


class Extent(ctypes.Structure):
    _fields_ = [("height", c_size_t), ("width", c_size_t)]

    @classmethod
    def of(cls, size) -> Extent:
        """Of 224, (224, 384) or "224x384"."""
        sides = size.split("x") if isinstance(size, str) else size
        both = isinstance(sides, (tuple, list)) and len(sides) == 2
        number = int if isinstance(size, str) else operator.index
        try:
            height, width = map(number, sides if both else (size, size))
        except (TypeError, ValueError):
            height = width = -1
        if min(height, width) < 0:
            raise ValueError(
                f"a size of {size!r}; wanted a side as 224, or height and width as (224, 384)"
            )
        return cls(height, width)

    def __str__(self):
        return str(self.height) if self.height == self.width else f"{self.height}x{self.width}"


class ModelOptions(ctypes.Structure):
    _fields_ = [
        ("heads", c_size_t),
        ("mean", POINTER(c_float)),
        ("std", POINTER(c_float)),
        ("crop_pct", c_double),
        ("interpolation", c_char_p),
        ("features", c_char_p),
        ("activation", c_char_p),
        ("autoencoder", c_char_p),
        ("weights", c_int),
        ("in_place", c_int),
        ("remember", c_int),
        ("without_plan", c_int),
        ("image_size", Extent),
    ]


class ModelInput(ctypes.Structure):
    _fields_ = [
        ("height", c_size_t),
        ("width", c_size_t),
        ("channels", c_size_t),
        ("joints", c_size_t),
        ("classes", c_size_t),
        ("classifiers", c_size_t),
        ("outputs", c_size_t),
        ("mean", c_float * 4),
        ("std", c_float * 4),
        ("crop_pct", c_double),
        ("interpolation", c_int),
    ]


class AttentionLayer(ctypes.Structure):
    _fields_ = [
        ("heads", c_size_t),
        ("queries", c_size_t),
        ("keys", c_size_t),
        ("head_dim", c_size_t),
        ("value_dim", c_size_t),
        ("width", c_size_t),
        ("grid", Extent),
        ("compressed", c_size_t * 2),
        ("compressible", c_int),
        ("group", c_size_t),
    ]


class AttentionGroup(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char * 32), ("first", c_size_t), ("count", c_size_t)]


class SplitCosts(ctypes.Structure):
    _fields_ = [("panel_entry", c_double), ("row_entry", c_double), ("row", c_double)]


class EngineOptions(ctypes.Structure):
    _fields_ = [
        ("precision", c_int),
        ("batch", c_size_t),
        ("threads", c_size_t),
        ("split", c_int),
        ("costs", SplitCosts),
        ("backend", c_void_p),
        ("device", c_size_t),
        ("unrestricted", c_int),
        ("attention", c_int),
        ("cache", c_int),
        ("on_note", c_void_p),
    ]


class Tensor(ctypes.Structure):
    _fields_ = [
        ("dtype", c_int),
        ("rank", c_size_t),
        ("shape", c_size_t * 8),
        ("data", c_void_p),
    ]


class AttentionStats(ctypes.Structure):
    _fields_ = [
        ("layers", c_size_t),
        ("heads", c_size_t),
        ("queries", c_size_t),
        ("keys", c_size_t),
        ("images", c_uint64),
        ("sum", c_void_p),
    ]


class DenseStats(ctypes.Structure):
    _fields_ = [
        ("model", c_void_p),
        ("groups", c_size_t),
        ("attention", AttentionStats * MOST_GROUPS),
        ("_rest", ctypes.c_uint8 * DENSE_STATS_REST),
    ]


class Tap(ctypes.Structure):
    _fields_ = [
        ("attention", c_void_p),
        ("query_key", c_void_p),
        ("scores", c_void_p),
        ("operands", c_void_p),
        ("context", c_void_p),
    ]


class Mask(ctypes.Structure):
    _fields_ = [
        ("layers", c_size_t),
        ("heads", c_size_t),
        ("queries", c_size_t),
        ("keys", c_size_t),
        ("pruned", c_void_p),
    ]


class Maps(ctypes.Structure):
    _fields_ = [
        ("layers", c_size_t),
        ("heads", c_size_t),
        ("queries", c_size_t),
        ("keys", c_size_t),
        ("values", c_void_p),
    ]


# context, done, rounds
OnRound = ctypes.CFUNCTYPE(c_int, c_void_p, c_size_t, c_size_t)


class PruneOptions(ctypes.Structure):
    _fields_ = [
        ("rule", c_char_p),
        ("info", c_double),
        ("sparsity", c_double),
        ("keep_class_token", c_int),
        ("ties", c_int),
        ("on_round", OnRound),
        ("context", c_void_p),
    ]


class PruneReport(ctypes.Structure):
    _fields_ = [
        ("info", c_double),
        ("sparsity", c_double),
        ("empty_rows", c_size_t),
        ("tied_rows", c_size_t),
    ]


class Pooling(ctypes.Structure):
    _fields_ = [
        ("count", c_size_t),
        ("entries", c_size_t),
        ("start", POINTER(c_int32)),
        ("keys", POINTER(c_int32)),
        ("weights", POINTER(c_float)),
        ("dim", c_size_t),
        ("query", POINTER(c_float)),
    ]


class PlanLayer(ctypes.Structure):
    _fields_ = [
        ("heads", c_size_t),
        ("queries", c_size_t),
        ("keys", c_size_t),
        ("query_order", POINTER(c_int32)),
        ("key_order", POINTER(c_int32)),
        ("global_tokens", POINTER(c_int32)),
        ("column_start", POINTER(c_int32)),
        ("rows", POINTER(c_int32)),
        ("kept_share", POINTER(c_float)),
        ("pooling", Pooling),
        ("summary_bias", POINTER(c_float)),
    ]


class Plan(ctypes.Structure):
    _fields_ = [
        ("layer_count", c_size_t),
        ("layers", POINTER(PlanLayer)),
        ("threshold", c_size_t),
        ("reordered", c_int),
    ]


class PatternOptions(ctypes.Structure):
    _fields_ = [("split", c_int), ("costs", SplitCosts), ("plan_order", c_int)]


class Pattern(ctypes.Structure):
    _fields_ = [
        ("heads", c_size_t),
        ("queries", c_size_t),
        ("keys", c_size_t),
        ("values", c_size_t),
        ("pooling", POINTER(Pooling)),
        ("summary_bias", c_void_p),
        ("head", c_void_p),
        ("memory", c_void_p),
    ]


class Strided(ctypes.Structure):
    _fields_ = [
        ("data", c_void_p),
        ("dtype", c_int),
        ("image", c_ssize_t),
        ("head", c_ssize_t),
        ("token", c_ssize_t),
        ("value", c_ssize_t),
    ]


class StridedAttention(ctypes.Structure):
    _fields_ = [
        ("batch", c_size_t),
        ("head_dim", c_size_t),
        ("value_dim", c_size_t),
        ("q", Strided),
        ("k", Strided),
        ("v", Strided),
        ("pattern", POINTER(Pattern)),
        ("bias", c_void_p),
        ("summary_bias", c_void_p),
        ("pool_weights", c_void_p),
        ("pool_query", c_void_p),
    ]


class StridedGradients(ctypes.Structure):
    _fields_ = [
        ("q", Strided),
        ("k", Strided),
        ("v", Strided),
        ("bias", c_void_p),
        ("summary_bias", c_void_p),
        ("pool_weights", c_void_p),
        ("pool_query", c_void_p),
    ]


STRUCTS = {
    "vc_extent": Extent,
    "vc_model_options": ModelOptions,
    "vc_model_input": ModelInput,
    "vc_attention_layer": AttentionLayer,
    "vc_attention_group": AttentionGroup,
    "vc_split_costs": SplitCosts,
    "vc_engine_options": EngineOptions,
    "vc_tensor": Tensor,
    "vc_attention_stats": AttentionStats,
    "vc_dense_stats": DenseStats,
    "vc_tap": Tap,
    "vc_mask": Mask,
    "vc_maps": Maps,
    "vc_prune_options": PruneOptions,
    "vc_prune_report": PruneReport,
    "vc_pooling": Pooling,
    "vc_plan_layer": PlanLayer,
    "vc_plan": Plan,
    "vc_pattern_options": PatternOptions,
    "vc_pattern": Pattern,
    "vc_strided": Strided,
    "vc_strided_attention": StridedAttention,
    "vc_strided_gradients": StridedGradients,
}

_P = c_void_p
_MODEL = c_void_p  # its config, which comes first, as well

# Result and arguments; c_int results with a * are statuses.
STATUS = "status"
FUNCTIONS = {
    "vc_status_name": (c_char_p, c_int),
    "vc_last_error": (c_char_p,),
    "vc_threads_set": (STATUS, c_int),
    "vc_threads_count": (c_int,),
    "vc_isa_check": (STATUS,),
    "vc_tensor_check_finite": (STATUS, POINTER(Tensor), c_char_p, c_char_p),
    "vc_model_open": (STATUS, POINTER(_P), c_char_p, POINTER(ModelOptions)),
    "vc_model_close": (None, _MODEL),
    "vc_model_write": (STATUS, c_char_p, _MODEL),
    "vc_model_family": (c_char_p, _MODEL),
    "vc_model_input_of": (ModelInput, _MODEL),
    "vc_model_parameters": (STATUS, POINTER(c_size_t), _MODEL),
    "vc_model_layers": (c_size_t, _MODEL),
    "vc_model_layer": (AttentionLayer, _MODEL, c_size_t),
    "vc_model_groups": (c_size_t, _MODEL),
    "vc_model_group": (AttentionGroup, _MODEL, c_size_t),
    "vc_model_use_masks": (STATUS, _MODEL, POINTER(Mask), c_size_t, c_char_p),
    "vc_model_use_plan": (STATUS, _MODEL, POINTER(Plan), c_char_p),
    "vc_model_use_files": (STATUS, _MODEL, c_char_p, c_char_p),
    "vc_model_plan": (POINTER(Plan), _MODEL),
    "vc_model_entries": (POINTER(Plan), _MODEL),
    "vc_tap_images": (STATUS, _MODEL, _P, c_size_t, c_size_t, POINTER(Tap)),
    "vc_engine_options_default": (EngineOptions,),
    "vc_engine_open": (STATUS, POINTER(_P), _MODEL, POINTER(EngineOptions)),
    "vc_engine_close": (None, _P),
    "vc_engine_run": (STATUS, _P, _P, _P, c_size_t),
    "vc_dense_stats_open": (STATUS, POINTER(DenseStats), _MODEL, c_size_t, c_int, c_int),
    "vc_dense_stats_close": (None, POINTER(DenseStats)),
    "vc_dense_stats_tap": (Tap, POINTER(DenseStats)),
    "vc_attention_stats_mean": (None, _P, POINTER(AttentionStats)),
    "vc_prune_options_default": (PruneOptions,),
    "vc_prune_ties_of": (c_int, POINTER(c_int), c_char_p),
    "vc_prune_groups": (
        STATUS,
        POINTER(Mask),
        POINTER(PruneReport),
        POINTER(Maps),
        _P,
        c_size_t,
        POINTER(PruneOptions),
        c_char_p,
    ),
    "vc_mask_close": (None, POINTER(Mask)),
    "vc_polarize_groups": (
        STATUS,
        POINTER(Plan),
        POINTER(Mask),
        c_size_t,
        c_size_t,
        c_char_p,
    ),
    "vc_plan_read": (STATUS, POINTER(Plan), c_char_p),
    "vc_plan_write": (STATUS, c_char_p, POINTER(Plan)),
    "vc_plan_copy": (STATUS, POINTER(Plan), POINTER(Plan)),
    "vc_plan_close": (None, POINTER(Plan)),
    "vc_plan_layer_add_summaries": (
        STATUS,
        POINTER(PlanLayer),
        POINTER(Pooling),
        POINTER(c_float),
    ),
    "vc_plan_layer_mask": (None, POINTER(c_uint8), POINTER(PlanLayer)),
    "vc_plan_kept_share": (c_double, POINTER(Plan)),
    "vc_plan_hash": (c_uint64, POINTER(Plan)),
    "vc_plan_method": (c_char_p, POINTER(Plan)),
    "vc_pattern_open": (STATUS, POINTER(Pattern), POINTER(PlanLayer), POINTER(PatternOptions)),
    "vc_pattern_close": (None, POINTER(Pattern)),
    "vc_attention_costs_fill": (STATUS, POINTER(PatternOptions), c_int),
    "vc_strided_attention_forward": (
        STATUS,
        POINTER(Strided),
        _P,
        POINTER(StridedAttention),
    ),
    "vc_strided_attention_backward": (
        STATUS,
        POINTER(StridedGradients),
        POINTER(Strided),
        _P,
        POINTER(StridedAttention),
    ),
}

FOLDER = Path(__file__).parent
_threads_started = False  # by the library in this process
_threads_lost = False  # a process that had started them was forked to this one


def _forked() -> None:
    global _threads_started, _threads_lost
    _threads_lost = _threads_lost or _threads_started
    _threads_started = False


os.register_at_fork(after_in_child=_forked)


@contextlib.contextmanager
def interrupts_held():
    """Holds Ctrl-C back until the end of the block, and yields what a callback calls to have it:
    what Python raises as it enters a callback is lost."""
    came: list = []
    before = signal.getsignal(signal.SIGINT)

    def handle() -> None:
        while came:
            before(*came.pop())

    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield handle
        return
    signal.signal(signal.SIGINT, lambda *how: came.append(how))
    try:
        yield handle
    finally:
        signal.signal(signal.SIGINT, before)
        handle()


def raise_error(status: int) -> None:
    kind = errors.OF_STATUS.get(lib.vc_status_name(status).decode(), errors.Error)
    raise kind(os.fsdecode(lib.vc_last_error()))


def check(status: int) -> None:
    """Raises what a status says, unless it is VC_OK."""
    if status != 0:
        raise_error(status)


class _Stack(ctypes.Structure):
    _fields_ = [("memory", c_void_p), ("flags", c_int), ("size", c_size_t)]


class _SignalStack:
    """A stack for the signals of the thread that makes it, unless it has one. oneDNN's kernels for
    AVX-512 keep values below the stack pointer, where a signal's frame would overwrite them;
    Python's handlers run on such a stack where there is one."""

    BYTES = 1 << 17
    DISABLED = 2  # SS_DISABLE

    def __init__(self) -> None:
        there = _Stack()
        self._set = ctypes.CDLL(None).sigaltstack
        self._none = ctypes.byref(_Stack(None, self.DISABLED, 0))
        self._memory = None
        self._set(None, ctypes.byref(there))
        if there.flags & self.DISABLED:
            self._memory = ctypes.create_string_buffer(self.BYTES)
            mine = _Stack(ctypes.addressof(self._memory), 0, self.BYTES)
            self._set(ctypes.byref(mine), None)

    def __del__(self) -> None:  # with its thread
        if self._memory is not None:
            self._set(self._none, None)


_of_thread = threading.local()


def computes() -> None:
    """To be called before the library computes. OpenMP's threads do not survive a fork: a child of
    a process that has started them would wait for them for ever."""
    global _threads_started
    if not hasattr(_of_thread, "signal_stack"):
        _of_thread.signal_stack = _SignalStack()
    if _threads_started or lib.vc_threads_count() == 1:
        return
    if _threads_lost:
        raise errors.UnsupportedError(
            "this process was forked from one in which vitcod had started threads, which it does "
            "not have; wanted multiprocessing.get_context('spawn'), or set_threads(1)"
        )
    _threads_started = True


def _open() -> ctypes.CDLL:
    inside = FOLDER / "lib" / "libvitcod.so"  # of a wheel; else the system's, of the same version
    opened = ctypes.CDLL(
        str(inside) if inside.exists() else f"libvitcod.so.{VERSION.split('.')[0]}"
    )
    for name, (result, *arguments) in FUNCTIONS.items():
        function = getattr(opened, name)
        function.restype = c_int if result is STATUS else result
        function.argtypes = arguments
    return opened


lib = _open()
check(lib.vc_isa_check())


def path_bytes(path) -> bytes:
    """A path as the library wants it: str, bytes or os.PathLike."""
    return os.fsencode(path)


def threads() -> int:
    """How many threads a call of this thread uses."""
    return lib.vc_threads_count()


def set_threads(count: int) -> None:
    """Sets how many threads calls of this thread use. No result depends on it. 0 leaves it."""
    check(lib.vc_threads_set(count))


def layout() -> str:
    """A program in C that compiles if the structs here are those of the headers."""
    lines = ["#include <stddef.h>", "#include <vitcod/vitcod.h>"]
    for name, value in FIXED.items():
        lines.append(f'_Static_assert({name} == {value}, "{name}");')
    for name, struct in STRUCTS.items():
        size = ctypes.sizeof(struct)
        holds = "<=" if struct._fields_[-1][0].startswith("_") else "=="
        lines.append(f'_Static_assert(sizeof({name}) {holds} {size}, "size of {name}");')
        for field, _ in struct._fields_:
            if field.startswith("_"):
                continue
            offset, bytes_ = getattr(struct, field).offset, getattr(struct, field).size
            where = f"{name}, {field}"
            lines.append(f'_Static_assert(offsetof({where}) == {offset}, "{where}");')
            lines.append(f'_Static_assert(sizeof((({name} *)0)->{field}) == {bytes_}, "{where}");')
    return "\n".join(lines) + "\n"
