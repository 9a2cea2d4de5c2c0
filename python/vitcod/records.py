"""The base of results: made from JSON, and written as JSON again."""

from __future__ import annotations

import dataclasses
import html
from typing import Any, ClassVar


class Record:
    """A result of the program, or a part of one."""

    # By name of the field: its key in JSON, "list" or "dict" where it is one, and the Record that
    # it is made of: None, one, or a tuple of those that it may be.
    _parts: ClassVar[dict[str, tuple[str, str | None, Any]]] = {}
    _open: ClassVar[bool] = False  # what is not described is kept in `more`

    @classmethod
    def from_dict(cls, value: dict):
        """From JSON. What is not described is an error, unless the schema allows it."""
        given = dict(value)
        made = {}
        for name, (key, shape, kind) in cls._parts.items():
            if key in given:
                made[name] = _made(given.pop(key), shape, kind)
        if given and cls._open:
            made["more"] = given
        elif given:
            raise ValueError(f"{cls.__name__}: unknown {', '.join(sorted(given))}")
        return cls(**made)

    def to_dict(self) -> dict:
        """The JSON object that it was made from."""
        out = {}
        for name, (key, _, _) in self._parts.items():
            value = getattr(self, name)
            if value is not None:
                out[key] = _plain(value)
        if self._open:
            out.update(self.more)
        return out

    def to_frame(self, field: str | None = None):
        """A pandas.DataFrame: of a list of records by its field's name, else of the result itself,
        a row for each number, text or flag."""
        import pandas

        if field is None:
            rows = [(n, v) for n, v in _flat(self.to_dict())]
            return pandas.DataFrame(rows, columns=["name", "value"])
        return pandas.json_normalize([_plain(item) for item in getattr(self, field)])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{html.escape(name)}</th><td>{html.escape(str(value))}</td></tr>"
            for name, value in _flat(self.to_dict())
        )
        return f"<table><caption>{type(self).__name__}</caption>{rows}</table>"


def _fits(kind, value: dict) -> bool:
    known = {key for key, _, _ in kind._parts.values()}
    return set(value) <= known


def _made(value, shape, kind):
    if kind is None or value is None or (shape is None and not isinstance(value, dict)):
        return value
    if isinstance(kind, tuple):
        kind = next((one for one in kind if _fits(one, value)), kind[0])
    if shape == "list":
        return [kind.from_dict(item) for item in value]
    if shape == "dict":
        return {key: kind.from_dict(item) for key, item in value.items()}
    return kind.from_dict(value)


def _plain(value):
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _flat(value: dict, before: str = ""):
    for key, item in value.items():
        if isinstance(item, dict):
            yield from _flat(item, f"{before}{key}.")
        elif not isinstance(item, list):
            yield before + key, item


record = dataclasses.dataclass(frozen=True, repr=True)
