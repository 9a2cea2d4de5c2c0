#!/usr/bin/env python3
"""Cells and area of the RTL's modules by Yosys, beside the area that the simulator states (D16).

Modules are synthesised one by one, for the default chip, without a clock to meet, to the cells of a
library, whose area is scaled from 180 to 28 nm by (28 / 180)^2; memories stay memories, of which
bits are counted. What Yosys can't read or does not finish is named, with the reason.
"""

import argparse
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from cosim import HERE, ROOT, parameters, random_mask, run

CHIP = ROOT / "configs" / "accelerators" / "vitcod.yaml"
LIBRARY = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")
SCALED = (28 / 180) ** 2
MEMORY = 8  # GiB that a module may take
TOKENS, HEADS, DIM = 197, 3, 64  # DeiT-Tiny
BEGIN, END = "<!-- area -->\n", "<!-- end of area -->\n"
# Softmax's lanes as black boxes, as they are counted by themselves.
LANES = """
(* blackbox *) module exp_power(input logic [31:0] difference, input logic [23:0] mantissa,
    input logic [7:0] exponent, output logic [16:0] power); endmodule
(* blackbox *) module share(input logic [16:0] power, input logic [7:0] whole,
    input logic [31:0] sum, output logic [7:0] probability); endmodule
"""
NAMES = ("pe_line", "exp_power", "share", "coder", "sum_port", "scratchpad", "output_scratchpad",
         "softmax", "engine", "dma")


def costs():
    """D16's constants, in mm2 per KiB and per MAC."""
    text = CHIP.read_text()
    found = {"sram": re.search(r"sram: \{value: ([\d.]+) um2/KiB", text),
             "mac": re.search(r"mac:\s+value: ([\d.]+) um2", text)}
    for key, value in found.items():
        if not value:
            sys.exit(f"area.py: {CHIP} has no area.{key}, wanted one in um2")
    return {key: float(value[1]) * 1e-6 for key, value in found.items()}


def default_chip(build):
    """Its parameters, with room for heads of DeiT-Tiny."""
    work = build / "rtl" / "area"
    work.mkdir(parents=True, exist_ok=True)
    mask = random_mask(work / "mask.npy", 1, 1, HEADS, TOKENS, 0.05)
    run([build / "vitcod", "simulate", "--mask", mask, "--head-dim", DIM, "--chip", CHIP,
         "--memory", "bandwidth", "--rtl-parameters", work / "chip.svh", "--force"])
    return work / "chip.svh"


def modules(of, d16):
    """Name, its parameters, how many a chip has, what it is, mm2 of all of them by D16."""
    n = {name.removeprefix("VITCOD_").lower(): int(value) for name, value in of.items()}
    sram = {part: n[part + "_size"] / 1024 * d16["sram"]
            for part in ("query", "key", "value", "index", "output")}
    tokens = {"TOKENS": n["most_queries"]}
    words = -(-n["most_dim"] // n["macs_per_line"])
    yield ("pe_line", {"MACS": n["macs_per_line"], "WORDS": words}, n["lines"], "PE line",
           n["lines"] * n["macs_per_line"] * d16["mac"])
    yield "exp_power", {}, n["softmax_lanes"], "lane of softmax's first pass", 0
    yield "share", {}, n["softmax_lanes"], "lane of softmax's second pass", 0
    coder = {"VALUES": n["most_dim"]}
    yield ("coder", coder | {"MACS": n["encoder_macs"], "INPUTS": HEADS}, 1,
           f"encoder of {HEADS} heads", 0)
    yield ("coder", coder | {"MACS": n["decoder_macs"], "INPUTS": HEADS - 1}, 1,
           f"decoder of {HEADS - 1} compressed heads", 0)
    yield "sum_port", {}, 1, "ports of the output scratchpad, counted", 0
    yield "scratchpad", tokens, 3, "query, key, value", sram["query"] + sram["key"] + sram["value"]
    yield "output_scratchpad", {}, 1, "scores and sums", sram["output"]
    yield "softmax", {}, 1, "softmax without its lanes", 0
    yield "engine", {}, 2, "denser, sparser with the indices", sram["index"]
    yield "dma", {}, 1, "loads and stores", 0


def readable(text):
    """The same module in what Yosys 0.23 reads: no packages, no arrays as ports, no casts to
    types."""
    widths = {"logic": "1", "count_t": "16", "time_t": "32", "word_t": "(8*MACS)"}
    text = re.sub(r"^\s*(import .*;|(end)?package.*)$", "", text, flags=re.M)
    text = re.sub(r"\bcount_t'\(", "16'(", text)
    text = re.sub(r"\b(int|time_t)'\(", "32'(", text)
    text = re.sub(r"^  int ", "  logic signed [31:0] ", text, flags=re.M)
    inside = []

    def port(m):
        way, kind, name, dims, end = m.groups()
        sizes = re.findall(r"\[([^\]]+)\]", dims)
        bits = re.search(r"\[(.+):0\]$", kind)
        width = f"({bits[1]}+1)" if bits else widths[kind.split()[0]]
        at, loops = "0", ""
        for n, size in enumerate(sizes):
            at = f"({at})*({size})+i{n}"
            loops += f"for (genvar i{n} = 0; i{n} < {size}; i{n}++) begin : g_{name}{n}\n"
        one = name + "".join(f"[i{n}]" for n in range(len(sizes)))
        piece = f"{name}_bits[({at})*{width}+:{width}]"
        left, right = (one, piece) if way == "input" else (piece, one)
        inside.append(f"{kind} {name}{dims};\n{loops}assign {left} = {right};\n" +
                      "end\n" * len(sizes))
        return f"{way} logic [{'*'.join(f'({s})' for s in sizes)}*{width}-1:0] {name}_bits{end}"

    kinds = r"((?:logic|count_t|time_t|word_t)(?: signed)?(?: \[[^\]]+\])?)"
    text = re.sub(rf"(input|output) {kinds} (\w+)((?:\[[^\]]+\])+)(,?\s*(?://.*)?)$", port, text,
                  flags=re.M)
    head, body = text.split("\n);", 1) if inside else (text, "")
    return head + "\n);\n" + "".join(inside) + body if inside else text


def limits(seconds):
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY << 30, MEMORY << 30))


def used():
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def synthesise(o, macros, name, values):
    """(Cells by name, their area, bits of memories), or why there are none."""
    source = (HERE / f"{name}.sv").read_text()
    if re.search(r"\bwhile \(", re.sub(r"//.*", "", source)):
        return "not tried: its loops (`while`) have no fixed number of rounds"
    sets = " ".join(f"-set {key} {value}" for key, value in values.items())
    commands = [f"read_verilog -sv pkg.sv {name}.sv" + (" lanes.sv" * (name == "softmax")),
                f"chparam {sets} {name}" if sets else "", f"hierarchy -check -top {name}",
                "proc -norom", "flatten", "opt_expr", "opt_clean", "tee -o memories stat",
                f"synth -flatten -run coarse:fine -top {name}", "opt -fast -full", "techmap",
                "opt -fast", f"dfflibmap -liberty {o.liberty}", "opt_clean",
                f"abc -fast -liberty {o.liberty}", "opt_clean",
                f"tee -o cells stat -liberty {o.liberty}"]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        shutil.copy(macros, folder / "vitcod_parameters.svh")
        shutil.copy(HERE / "exp_table.svh", folder)
        (folder / "lanes.sv").write_text(LANES)
        (folder / "pkg.sv").write_text(readable((HERE / "vitcod_pkg.sv").read_text()))
        (folder / f"{name}.sv").write_text(readable(source))
        before = used()
        done = subprocess.run([o.yosys, "-q", "-p", "; ".join(c for c in commands if c)],
                              cwd=folder, capture_output=True, text=True,
                              preexec_fn=lambda: limits(o.seconds))
        if done.returncode:
            # Yosys' own limit, or that of a mapper which it waits for.
            if done.returncode == -signal.SIGXCPU or used() - before >= o.seconds:
                return f"did not finish in {o.seconds} s of a CPU's time"
            if "bad_alloc" in done.stderr:
                return f"wanted more than {MEMORY} GiB of memory"
            said = re.findall(r"ERROR: (.*)", done.stderr + done.stdout)
            return "Yosys: " + (said[-1] if said else f"status {done.returncode}")
        bits = int(re.search(r"memory bits: +(\d+)", (folder / "memories").read_text())[1])
        said = (folder / "cells").read_text()
    cells = {kind: int(count) for kind, count in re.findall(r"^ +([A-Z]\w+) +(\d+)$", said, re.M)}
    strange = {kind for kind in re.findall(r"^ +(\$\S+) +\d+$", said, re.M)
               if not kind.startswith("$mem")}
    if strange:
        return f"Yosys left what the library has no cells for: {', '.join(sorted(strange))}"
    return cells, float(re.search(r"Chip area for .*: ([\d.]+)", said)[1]), bits


def table(o, macros, d16, nand):
    rows = ["| module | what | of it | gates | flip-flops | NAND2 | memory, KiB | mm2, all |"
            " D16, mm2 |", "|---|---|---|---|---|---|---|---|---|"]
    of = parameters(macros.read_text())
    for name, values, count, what, theirs in modules(of, d16):
        if o.module and name not in o.module:
            continue
        before = used()
        made = synthesise(o, macros, name, values)
        ours = f"{theirs:.2f}" if theirs else "-"
        if isinstance(made, str):
            rows.append(f"| `{name}` | {what} | {count} | {made} | | | | | {ours} |")
        else:
            cells, area, bits = made
            flops = sum(n for kind, n in cells.items() if kind.startswith("DFF"))
            all_of = count * area * SCALED * 1e-6
            memory = f"{bits / 8192:.1f}" if bits else "-"
            rows.append(f"| `{name}` | {what} | {count} | {sum(cells.values()) - flops:,} |"
                        f" {flops:,} | {area / nand:,.0f} | {memory} | {all_of:.3f} | {ours} |")
        print(f"{rows[-1]} {used() - before:.0f} s", file=sys.stderr)
    return "\n".join(rows) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path, help="a folder of CMake's with vitcod in it")
    parser.add_argument("--page", type=Path, metavar="FILE",
                        help="writes the table there, between its marks, instead of printing it")
    parser.add_argument("--seconds", type=int, default=300, metavar="N",
                        help="CPU time that a module may take (300)")
    parser.add_argument("--module", action="append", choices=NAMES, metavar="NAME",
                        help="only this; may be there several times")
    parser.add_argument("--yosys", default="yosys", metavar="PROGRAM")
    parser.add_argument("--liberty", type=Path, default=LIBRARY, metavar="FILE",
                        help=f"cells, 180 nm ({LIBRARY})")
    o = parser.parse_args()
    if o.page and o.module:
        sys.exit("area.py: --page has the whole table, wanted it without --module")
    if o.page and not o.page.is_file():
        sys.exit(f"area.py: {o.page} was not found, wanted a page to write the table into")
    old = o.page.read_text() if o.page else ""
    if o.page and not 0 <= old.find(BEGIN) < old.find(END):
        sys.exit(f"area.py: {o.page} has no marks for the area's table, wanted {BEGIN.strip()} and "
                 f"{END.strip()}")
    if o.seconds < 1:
        sys.exit(f"area.py: --seconds is {o.seconds}, wanted 1 or more")
    if not shutil.which(o.yosys):
        sys.exit(f"area.py: {o.yosys} was not found, wanted Yosys (Debian: yosys)")
    if not o.liberty.is_file():
        sys.exit(f"area.py: {o.liberty} was not found, wanted a library of cells (Debian: "
                 "qflow-tech-osu018)")
    o.liberty = o.liberty.resolve()
    nand = re.search(r"cell \(NAND2X1\) *\{\s*area : ([\d.]+)", o.liberty.read_text())
    if not nand:
        sys.exit(f"area.py: {o.liberty} has no cell NAND2X1 with an area, wanted one to count in")
    made = table(o, default_chip(o.build.resolve()), costs(), float(nand[1]))
    if not o.page:
        print(made, end="")
        return
    o.page.write_text(old[:old.index(BEGIN)] + BEGIN + "\n" + made + "\n" + old[old.index(END):])


if __name__ == "__main__":
    main()
