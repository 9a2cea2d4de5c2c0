"""The verbs of the program, each a process of its own: what they compute does not hold the GIL, and
Ctrl-C ends them as it does in a shell (training writes a checkpoint first)."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

import numpy as np

from . import arrays, errors, plan, safetensors
from .library import FOLDER
from .model import STATE_DICT, Model

_inside = FOLDER / "bin" / "vitcod"  # of a wheel; else the system's
PATH = str(_inside) if _inside.exists() else "/usr/bin/vitcod"
SECONDS_TO_STOP = 30  # of a verb that writes a checkpoint when it is interrupted

# What an option or an argument may be.
Given = Union[
    str, "os.PathLike[str]", int, float, Model, plan.Plan, np.ndarray, "Mapping[str, Any]"
]


class _Files:
    """Files for the program of what there is in memory, in a folder that goes with them."""

    def __init__(self, folder: str):
        self.folder, self.count, self.open = folder, 0, []

    def _name(self, suffix: str) -> str:
        self.count += 1
        return os.path.join(self.folder, f"{self.count}{suffix}")

    def path_of(self, value, what: str) -> str:
        if isinstance(value, plan.Plan):
            path = self._name(".safetensors")
            value.save(path)
            return path
        if isinstance(value, Mapping) and list(value) == [""]:
            value = value[""]
        if isinstance(value, Mapping):
            return self._folder_of(value, what)
        if isinstance(value, (str, os.PathLike)):
            return os.fsdecode(value)
        path = self._name(".npy")
        np.save(path, arrays.of(value, what), allow_pickle=False)
        return path

    def _folder_of(self, groups, what: str) -> str:
        """Maps or masks of a model in groups; a state dict."""
        found = {name: arrays.of(array, f"{what}: {name}") for name, array in groups.items()}
        if (
            not found
            or any(array.ndim != 4 for array in found.values())
            or any("." in name for name in found)
        ):
            file = safetensors.to_memory(groups, STATE_DICT)
            self.open.append(file)
            return f"/proc/{os.getpid()}/fd/{file}"
        path = self._name("")
        os.mkdir(path)
        for name, array in found.items():
            prefix = plan.MASK_PREFIX if array.dtype == np.bool_ else plan.MAP_PREFIX
            np.save(os.path.join(path, f"{prefix}_{name}.npy"), array)
        return path

    def words_of(self, option: str, value) -> list[str]:
        if value is None or value is False:
            return []
        if value is True:
            return [f"--{option}"]
        if isinstance(value, (list, tuple)):
            return [word for one in value for word in self.words_of(option, one)]
        if isinstance(value, (int, float, np.integer, np.floating)):
            return [f"--{option}={value}"]
        if isinstance(value, Model):
            path, options = value.arguments(self.folder)
            if any(v is not None for v in options.values()):
                raise errors.UsageError(
                    f"{option}: {value!r} has options of its own; wanted it saved, as a path"
                )
            return [f"--{option}={path}"]
        return [f"--{option}={self.path_of(value, option)}"]

    def close(self) -> None:
        for file in self.open:
            os.close(file)


def _words(files: _Files, verb: str, arguments, options: Mapping[str, Any]) -> list[str]:
    words, options = [], dict(options)
    for argument in arguments:
        if isinstance(argument, Model):
            path, own = argument.arguments(files.folder)
            words.append(path)
            for name, value in own.items():
                if value is not None and options.get(name) is not None:
                    raise errors.UsageError(f"{verb}: {name} of the model, and {name} as well")
                if value is not None:
                    options[name] = value
        else:
            words.append(files.path_of(argument, verb))
    for option, value in options.items():
        words += files.words_of(option, value)
    return words


def _stop(process: subprocess.Popen) -> None:
    """Ends a process that somebody no longer waits for, once, as it wants to be ended."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdout, process.stderr):
        pipe.close()


@dataclass(frozen=True)
class Progress:
    """How far a verb is."""

    label: str
    """what it does: attention, heads, calibrating, .."""
    done: int
    total: int
    note: str
    """how it goes: the loss, .."""


OnProgress = Callable[[Progress], object]


def _start(words: list[str], told: int | None = None) -> subprocess.Popen:
    """told: a descriptor that the program writes its progress to."""
    # A session of its own: Ctrl-C in a terminal reaches this process alone, which passes it on.
    return subprocess.Popen(
        [PATH, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        pass_fds=() if told is None else (told,),
        env=None if told is None else {**os.environ, "VC_PROGRESS": str(told)},
    )


def _read(process: subprocess.Popen, told: int | None, progress: OnProgress | None):
    """What it says on stdout and stderr, until it ends."""
    said = {process.stdout.fileno(): b"", process.stderr.fileno(): b""}
    line = b""
    with selectors.DefaultSelector() as files:
        for file in (*said, *(() if told is None else (told,))):
            files.register(file, selectors.EVENT_READ)
        while files.get_map():
            for key, _ in files.select():
                data = os.read(key.fd, 1 << 16)
                if not data:
                    files.unregister(key.fd)
                elif key.fd in said:
                    said[key.fd] += data
                else:
                    *lines, line = (line + data).split(b"\n")
                    for one in lines:
                        label, done, total, note = one.decode().split("\t")
                        progress(Progress(label, int(done), int(total), note))
    process.wait()
    return said.values()


def _finish(process: subprocess.Popen, told: int | None = None, progress=None) -> str:
    try:
        out, errors_told = _read(process, told, progress)
    except BaseException:
        _stop(process)
        raise
    said = errors_told.decode(errors="replace").strip()
    for pipe in (process.stdout, process.stderr):
        pipe.close()
    if process.returncode == 0:
        if said:
            warnings.warn(said, errors.VitcodWarning, stacklevel=4)
        return out.decode()
    lines = [line for line in said.splitlines() if line.startswith("vitcod: ")]
    if process.returncode == 2:
        raise errors.UsageError(lines[0][8:] if lines else said)
    if process.returncode < 0:
        name = signal.Signals(-process.returncode).name
        raise errors.InterruptedWork(f"vitcod was ended by {name}. {said}".strip())
    raise errors.Error(lines[-1][8:] if lines else said)


def _run(words: list[str], progress: OnProgress | None) -> str:
    if progress is None:
        return _finish(_start(words))
    told, end = os.pipe()
    try:
        try:
            process = _start(words, end)
        finally:
            os.close(end)  # the program has it
        return _finish(process, told, progress)
    finally:
        os.close(told)


def program(*words: str) -> str:
    """Runs the program as a shell would: `program("prune", "maps.npy", ..)`. Returns what it prints
    on stdout."""
    return _finish(_start([os.fsdecode(word) for word in words]))


def run(
    verb: str, arguments, options: Mapping[str, Any], progress: OnProgress | None = None
):
    """Runs a verb with --json, and returns its result as the dataclass of the verb."""
    from . import results

    with tempfile.TemporaryDirectory(prefix="vitcod-") as folder:
        files = _Files(folder)
        try:
            words = [verb, *_words(files, verb, arguments, options), "--json"]
            text = _run(words, progress)
        finally:
            files.close()
    return results.OF_VERB[verb].from_dict(json.loads(text[text.index("{") :]))


def summaries(
    model: Given,
    data: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    grid: str = "auto",
    sparsity: float | None = None,
    mask: Given | None = None,
    threshold: int = 50,
    progress: OnProgress | None = None,
    **options: Given,
) -> plan.Plan:
    """A plan with summaries in place of what is pruned: pooled keys and values, with a bias that is
    made of averages over images. Nothing is learnt; `calibrate` does that too.

    model: a Model that is on no plan, or a path. data: images, which need no labels: a folder, an
    archive, IDX or CIFAR; or several of them.
    grid: how tokens are pooled: 3x3, 3x3q (by queries), 3x3s1.5 (sharpened), by layer 3x3*9,1x1*3;
    auto: each layer has what costs its heads least, which wants a sparsity.
    sparsity: the share of the scores to prune, 0 to 1, where it costs heads least; or
    mask: bool (layers, heads, queries, keys), True = pruned, a dict of such arrays, or a path.
    threshold: see `polarize`.
    options: of the verb `attention`, but summary and output.
    """
    from . import verbs

    if (sparsity is None) == (mask is None):
        raise TypeError("wanted one of sparsity and mask")
    if mask is not None and grid == "auto":
        raise TypeError("grid is auto, beside a mask; wanted one as 3x3")
    paths = [data] if isinstance(data, (str, os.PathLike)) else data
    if not all(isinstance(path, (str, os.PathLike)) for path in paths):
        raise TypeError("data: wanted paths of images, which statistics of summaries are made of")
    with tempfile.TemporaryDirectory(prefix="vitcod-") as folder:
        averages, pruned, made = (
            os.path.join(folder, f"{name}.safetensors") for name in ("averages", "pruned", "plan")
        )
        verbs.attention(
            model, data=list(paths), summary=grid, output=averages, progress=progress, **options
        )
        how: dict[str, Any] = {"output": made, "threshold": threshold}
        if mask is None:
            verbs.prune(averages, summary=grid, sparsity=sparsity, output=pruned, progress=progress)
            verbs.polarize(pruned, **how)
        else:
            verbs.polarize(mask, summary=grid, attention=averages, **how)
        return plan.Plan.load(made)


def sweep(
    space, output, *, threads: int | None = None, seed: int | None = None
) -> Iterator[dict[str, Any]]:
    """The points of a space of accelerators, models and masks, each as it is done.

    space: a YAML file (examples/sweep.yaml shows the keys), or a dict of the same.
    output: a file with a line of JSON for each point. Points that are in it are not computed again:
    they come first, so that the same call goes on where it was stopped. Whoever stops iterating
    stops the computation.
    """
    with tempfile.TemporaryDirectory(prefix="vitcod-") as folder:
        if isinstance(space, Mapping):
            path = os.path.join(folder, "space.yaml")
            Path(path).write_text(json.dumps(space))
            space = path
        words = ["sweep", os.fsdecode(space), f"--output={os.fsdecode(output)}", "--json"]
        words += [f"--{n}={v}" for n, v in (("threads", threads), ("seed", seed)) if v is not None]
        process = _start(words)
        try:
            yield from _lines(Path(os.fsdecode(output)), process)
            _finish(process)
        finally:
            _stop(process)


def _lines(path: Path, process: subprocess.Popen) -> Iterator[dict[str, Any]]:
    """Lines of JSON as they are written, until the process has ended and all are read."""
    done, rest = 0, b""
    while True:
        try:
            process.wait(0.05)
            ended = True
        except subprocess.TimeoutExpired:
            ended = False
        if path.exists():
            with path.open("rb") as file:
                file.seek(done)
                new = file.read()
            done += len(new)
            *lines, rest = (rest + new).split(b"\n")
            for line in lines:
                value = json.loads(line)
                if "point" in value:  # the first line is about the space
                    yield value
        if ended:
            return
