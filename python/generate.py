"""Writes what the package takes from the program: _version.py; _results.py, a dataclass for each
result and part of one, from the JSON schemas; verbs.py, a function for each verb, from its help.

usage: generate.py VITCOD FOLDER
"""

from __future__ import annotations

import json
import keyword
import re
import subprocess
import sys
import textwrap
from pathlib import Path

RENAMED = {"eval": "evaluate"}
NOT_OPTIONS = {"json", "csv", "help"}  # what the package itself says
# Verbs that show how far they are.
TELLING = {
    "attention",
    "bench",
    "calibrate",
    "codesign",
    "compare",
    "eval",
    "polarize",
    "profile",
    "prune",
    "train",
}
TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
HEAD = '"""Made by generate.py from the program."""\n\nfrom __future__ import annotations\n\n'


def said(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def identifier(text: str) -> str:
    name = re.sub(r"\W", "_", text)
    if keyword.iskeyword(name) or name in ("from_dict", "to_dict", "to_frame", "more", "field"):
        name += "_"
    return name if name[0].isalpha() or name[0] == "_" else f"_{name}"


def camel(*words: str) -> str:
    return "".join(
        part[:1].upper() + part[1:] for word in words for part in re.split(r"\W|_", word)
    )


# ---- results


class Results:
    def __init__(self):
        self.classes: list[str] = []
        self.of_shape: dict[str, str] = {}  # parts that are alike are one class

    def kind(self, schema: dict, name: str) -> tuple[str, str | None, str | None]:
        """The type of a value, and how it is made: shape and class, or None."""
        if "anyOf" in schema:
            kinds = [self.kind(one, name) for one in schema["anyOf"]]
            types = " | ".join(dict.fromkeys(kind[0] for kind in kinds))
            made = [kind for kind in kinds if kind[2]]
            if len(made) < 2:
                return types, *(made[0][1:] if made else (None, None))
            if any(shape for _, shape, _ in made):
                raise SystemExit(f"{name}: lists of different records")
            return types, None, "(" + ", ".join(of for _, _, of in made) + ")"
        if isinstance(schema.get("type"), list):
            return " | ".join(TYPES[one] for one in schema["type"]), None, None
        if schema.get("type") == "array":
            inner, shape, of = self.kind(schema["items"], name)
            return f"list[{inner}]", "list" if of and not shape else None, of if not shape else None
        if schema.get("type") == "object" and "properties" in schema:
            of = self.record(schema, name)
            return of, None, of
        if schema.get("type") == "object":
            more = schema.get("additionalProperties")
            inner, shape, of = (
                self.kind(more, name) if isinstance(more, dict) else ("Any", None, None)
            )
            return (
                f"dict[str, {inner}]",
                "dict" if of and not shape else None,
                (of if not shape else None),
            )
        return TYPES.get(schema.get("type"), "Any"), None, None

    def record(self, schema: dict, name: str) -> str:
        shape = json.dumps(schema, sort_keys=True)
        if shape in self.of_shape:
            return self.of_shape[shape]
        taken = set(self.of_shape.values())
        name = next(n for n in (name, *(f"{name}{i}" for i in range(2, 99))) if n not in taken)
        self.of_shape[shape] = name
        required = set(schema.get("required", []))
        rows, parts = [], []
        keys = sorted(schema["properties"], key=lambda key: key not in required)
        for key in keys:
            value = schema["properties"][key]
            kind, how, of = self.kind(value, name + camel(key))
            member = identifier(key)
            rows.append(f"    {member}: {kind}" + ("" if key in required else " | None = None"))
            meaning = value.get("description", "") or " or ".join(
                one.get("description", "") for one in value.get("anyOf", [])
            )
            unit = value.get("unit", "")
            meaning += f" [{unit}]" if unit else ""
            if meaning:
                rows.append(textwrap.indent(f"{meaning.strip()!r}", "    "))
            parts.append(f"        {member!r}: ({key!r}, {how!r}, {of}),")
        if schema.get("additionalProperties", True):
            rows += [
                "    more: dict[str, Any] = field(default_factory=dict)",
                "    'what differs from case to case'",
                "",
                "    _open: ClassVar = True",
            ]
        text = schema.get("description") or f"A part of {name}."
        self.classes.append(
            f"@record\nclass {name}(Record):\n    {text!r}\n\n"
            + "\n".join(rows)
            + "\n\n    _parts: ClassVar = {\n"
            + "\n".join(parts)
            + "\n    }\n"
        )
        return name


def results(vitcod: str, verbs: list[str]) -> str:
    made, names = Results(), {}
    for verb in verbs:
        schema = json.loads(said(vitcod, "--schema", verb))
        names[verb] = made.record(schema, camel(verb) + "Result")
    table = "".join(f"    {verb!r}: {name},\n" for verb, name in names.items())
    return (
        HEAD
        + "from dataclasses import field\nfrom typing import Any, ClassVar\n\n"
        + "from .records import Record, record\n\n\n"
        + "\n\n".join(made.classes)
        + "\n\nOF_VERB: dict[str, type[Record]] = {\n"
        + table
        + "}\n"
    )


# ---- verbs


def options_of(text: str) -> list[tuple[str, str | None, str]]:
    """Name, value and help of every option, in any width of the help."""
    options: list[list] = []
    for line in text.split("\noptions:\n", 1)[1].splitlines():
        start = re.match(r"  (?:-\w, )?--([a-z0-9-]+)(?: (\S+))?(?: +(.*))?$", line)
        if start:
            options.append([start[1], start[2], start[3] or ""])
        elif line.strip() and options:
            options[-1][2] += " " + line.strip()
    return [tuple(option) for option in options if option[0] not in NOT_OPTIONS]


def type_of(value: str | None, meaning: str) -> str:
    if value is None:
        return "bool"
    kind = {"N": "int", "X": "float"}.get(value, "Given")
    return f"{kind} | list[{kind}]" if "repeated" in meaning else kind


def verb_function(vitcod: str, verb: str, summary: str) -> str:
    text = said(vitcod, verb, "--help")
    usage = text.splitlines()[0].replace("usage: vitcod ", "")
    details = text.split("\n\n", 1)[1].split("\noptions:\n", 1)[0].strip()
    name = RENAMED.get(verb, identifier(verb))
    signature, documents, mapping = [], [], []
    for option, value, meaning in options_of(text):
        argument = identifier(option)
        kind = type_of(value, meaning)
        default = "bool = False" if value is None else f"{kind} | None = None"
        signature.append(f"    {argument}: {default},")
        told = f"{argument}: " + (f"{value}, " if value else "") + meaning
        documents += textwrap.wrap(told, 92, subsequent_indent="    ")
        mapping.append(f"        {option!r}: {argument},")
    tells = verb in TELLING
    if tells:
        signature.append("    progress: OnProgress | None = None,")
        documents.append("progress: called with a Progress, at most ten times a second")
    document = [
        summary[:1].upper() + summary[1:] + ".",
        "",
        *details.splitlines(),
        "",
        f"The program's: {usage}",
        "",
        *documents,
    ]
    body = "\n".join(f"    {line}".rstrip() for line in document).replace("\\", "\\\\")
    result = camel(verb) + "Result"
    return (
        f"def {name}(\n    *arguments: Given,\n"
        + "\n".join(signature)
        + f'\n) -> results.{result}:\n    """'
        + body.strip().replace('"""', "'''")
        + f'\n    """\n    return run({verb!r}, arguments, {{\n'
        + "\n".join(mapping)
        + ("\n    }, progress)\n" if tells else "\n    })\n")
    )


def verbs_module(vitcod: str, verbs: dict[str, str]) -> str:
    functions = [verb_function(vitcod, verb, summary) for verb, summary in verbs.items()]
    head = HEAD.replace(
        "from the program.",
        """from the program.

A function for each of its verbs. Arguments are paths, or a Model, a Plan, a state dict, arrays, or
dicts of arrays, which are put into files for the program. What it prints with --json is returned.
""",
    )
    return (
        head
        + "from . import _results as results\nfrom .processes import Given, OnProgress, run\n\n\n"
        + "\n\n".join(functions)
    )


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    vitcod, folder = sys.argv[1], Path(sys.argv[2])
    verbs = dict(re.findall(r"^  ([a-z]+) +(.+)$", said(vitcod, "--help"), re.M))
    version = said(vitcod, "--version").split()[1]
    (folder / "_version.py").write_text(f'{HEAD}VERSION = "{version}"\n')
    (folder / "_results.py").write_text(results(vitcod, list(verbs)))
    (folder / "verbs.py").write_text(verbs_module(vitcod, verbs))


if __name__ == "__main__":
    main()
