#!/usr/bin/env python3
"""Holds the RTL against the simulator: results bit by bit, cycles of every head and layer.

usage: rtl/cosim.py BUILD small|chips|models [--page docs/rtl.md]

BUILD is a folder of CMake's with vitcod and vc_core in it. Each set is cases of `vitcod simulate
--functional --vectors`; what they have in common is built once, by Verilator, in BUILD/rtl.
  small   a random plan on a chip of four lines, and a decoder, in seconds
  chips   random plans on chips that differ in what a file can say, encoders, decoders
  models  DeiT-Tiny under ViTCoD's masks of 95 % and one of 90 %, with summaries, and LeViT-128;
          wants the shared data (../shared, or VITCOD_SHARED)
"""

import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SHARED = Path(os.environ.get("VITCOD_SHARED", ROOT.parent / "shared")) / "data"
SOURCES = ["pe_line", "exp_power", "share", "softmax", "output_scratchpad", "scratchpad",
           "sum_port", "dma", "engine", "vitcod_attention", "tb/tb"]
QUIET = ["BLKSEQ", "UNUSED", "WIDTH", "DECLFILENAME", "UNOPTFLAT"]
CODERS = {"small": [(20, 16, 3)], "chips": [(128, 64, 2), (64, 64, 3), (24, 16, 3)],
          "models": []}  # MACs, values, heads
LIBRARIES = "-ljansson -lfyaml -lz -lzip -lgomp -lm"


def run(command, **more):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **more)
    if done.returncode:
        sys.exit(f"{' '.join(str(word) for word in command)}\n{done.stdout}{done.stderr}")
    return done.stdout


# ---- plans

def random_mask(path, seed, layers, heads, tokens, least):
    """A mask of npy, version 1, without numpy: few entries, some columns that keep most."""
    state = seed

    def draw():
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (state >> 33) / 2**31

    pruned = bytearray()
    for _ in range(layers * heads):
        for query in range(tokens):
            for key in range(tokens):
                kept = draw() < (0.8 if key % 7 == 3 else least)
                pruned.append(not (kept or key == query))
    shape = f"({layers}, {heads}, {tokens}, {tokens})"
    head = f"{{'descr': '|b1', 'fortran_order': False, 'shape': {shape}, }}"
    head += " " * (-(len(head) + 11) % 64) + "\n"
    magic = b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little")
    path.write_bytes(magic + head.encode() + pruned)
    return path


def chip(path, **values):
    lines = [f"like: {ROOT}/configs/accelerators/vitcod.yaml", "name: small", "lines: 4",
             "linear_rows: 2", "memory: bandwidth"]
    for key, value in values.items():
        lines = [line for line in lines if not line.startswith(key + ":")]
        lines.append(f"{key}: {value}")
    path.write_text("\n".join(lines) + "\n")
    return path


def small_cases(work, _):
    # Of softmax's lanes more than the rounds that Verilator unrolls: it refuses more loops then.
    mask = random_mask(work / "small.npy", 1, 2, 2, 12, 0.15)
    yield "a small plan", ["--mask", mask, "--threshold", 6, "--head-dim", 16, "--chip",
                           chip(work / "small.yaml", softmax_lanes=3)]


def chip_cases(work, _):
    slow = work / "slow.yaml"
    slow.write_text("model: bandwidth\nname: slow\nrate: 3 GB/s\nenergy: 12.5 pJ/bit\n")
    fast = work / "fast.yaml"
    fast.write_text("model: bandwidth\nname: fast\nrate: 500 GB/s\nenergy: 12.5 pJ/bit\n")
    rows = "{query: {size: 53 KiB}, key: {size: 53 KiB}, value: {size: 53 KiB}, " \
        "index: {size: 20 KiB}, output: {size: %s}, decoded: {size: 33 KiB}}"
    for name, values in {
        "memory that never stalls": {"memory": fast},
        "8 lines, a visit per cycle": {"lines": 8, "dispatch": 1},
        "no conflicts followed": {"gather": "divided"},
        "no interleaving, one softmax lane": {"interleave": "false", "softmax_lanes": 1},
        "sums of 8 entries": {"entries_per_sum": 8},
        "several tiles of queries": {"buffers": rows % "4 KiB"},
        "several tiles of keys": {"buffers": (rows % "108 KiB").replace(
            "key: {size: 53 KiB}", "key: {size: 320 B}")},
        "3 banks": {"buffers": (rows % "108 KiB").replace(
            "{query: {size: 53 KiB}", "{query: {size: 53 KiB, banks: 3}").replace(
            "value: {size: 53 KiB}", "value: {size: 53 KiB, banks: 3}").replace(
            "output: {size: 108 KiB}", "output: {size: 108 KiB, banks: 2}")},
        "a slow memory": {"memory": slow},
    }.items():
        file = chip(work / (re.sub(r"\W", "-", name) + ".yaml"), **values)
        mask = random_mask(work / "chips.npy", 7, 4, 2, 24, 0.15)
        yield name, ["--mask", mask, "--threshold", 12, "--head-dim", 16, "--chip", file]


def model_cases(work, vitcod):
    model, images = SHARED / "deit_tiny_patch16_224.safetensors", SHARED / "imagenet-samples"
    masks = SHARED / "vitcod-masks"
    maps, mask = work / "maps.npy", work / "mask90.npy"
    means, pruned = work / "means.safetensors", work / "pruned.safetensors"
    plan = work / "summaries.safetensors"
    take = ["--data", images, "--sample", 60, "--force"]
    run([vitcod, "attention", model, "-o", maps, *take])
    run([vitcod, "prune", maps, "--sparsity", 0.9, "-o", mask, "--force"])
    run([vitcod, "attention", model, "--summary", "3x3", "-o", means, *take])
    run([vitcod, "prune", means, "--summary", "3x3", "--sparsity", 0.9, "-o", pruned, "--force"])
    run([vitcod, "polarize", pruned, "-o", plan, "--force"])
    memory = ["--memory", "bandwidth"]
    yield "DeiT-Tiny, ViTCoD's mask of 95 %", [
        "--mask", masks / "deit_tiny_lowrank_0.95" / "info_0.95.npy", *memory]
    yield "DeiT-Tiny, a mask of 90 %", ["--mask", mask, *memory]
    yield "DeiT-Tiny, 90 % with summaries of 3 x 3", [plan, *memory]
    yield "LeViT-128, ViTCoD's masks of 90 %", [
        "--arch", "levit_128", "--mask", masks / "levit_128_lowrank" / "masks" / "0.9", *memory]


# ---- RTL

def parameters(text):
    return dict(re.findall(r"`define (\S+) (\S+)", text))


def sizes_only(name):
    return "_MOST_" in name or "_LEAST_" in name


def merged(all_of):
    """One chip for all: the largest sizes."""
    of = dict(all_of[0])
    for one in all_of[1:]:
        for name, value in one.items():
            pick = min if "_LEAST_" in name else max
            of[name] = str(pick(int(of[name]), int(value))) if sizes_only(name) else value
    return of


def build(folder, of, cmake):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vitcod_parameters.svh").write_text(
        "".join(f"`define {name} {value}\n" for name, value in of.items()))
    files = [HERE / "vitcod_pkg.sv"] + [HERE / f"{name}.sv" for name in SOURCES]
    run(["verilator", "--cc", "--exe", "-O3", "--unroll-count", 2, "--expand-limit", 4,
         "--output-split", 20000, "--x-assign", "fast", "--x-initial", "fast", "-Wall",
         *[f"-Wno-{name}" for name in QUIET], f"-I{folder}", f"-I{HERE}", *files,
         HERE / "tb" / "tb.cpp", "--top-module", "tb", "--Mdir", folder / "made", "-o", "tb",
         "-CFLAGS", f"-std=c++17 -I{ROOT}/include",
         "-LDFLAGS", f"{cmake}/libvc_core.a {LIBRARIES}"])
    small = int(of["VITCOD_LINES"]) <= 8  # compiling takes longer than running
    run(["make", "-s", "-C", folder / "made", "-f", "Vtb.mk", "-j2", "OPT_SLOW=-O0",
         f"OPT_FAST={'-O0' if small else '-O1'}", "OPT_GLOBAL=-O0", "tb"])
    return folder / "made" / "tb"


def try_coders(folder, sizes):
    """Encoders and decoders by themselves."""
    text, status = "", 0
    for macs, values, inputs in sizes:
        made = folder / f"coder{macs}"
        run(["verilator", "--cc", "--exe", "-O3", "--unroll-count", 2, "--expand-limit", 4, "-Wall",
             *[f"-Wno-{name}" for name in QUIET], f"-GMACS={macs}", f"-GVALUES={values}",
             f"-GINPUTS={inputs}", HERE / "coder.sv", HERE / "tb" / "coder.cpp", "--top-module",
             "coder", "--Mdir", made, "-o", "coder"])
        run(["make", "-s", "-C", made, "-f", "Vcoder.mk", "OPT_FAST=-O0", "OPT_SLOW=-O0",
             "OPT_GLOBAL=-O0", "coder"])
        done = subprocess.run([made / "coder", str(macs), str(values), str(inputs)],
                              capture_output=True, text=True)
        status |= done.returncode
        text += done.stdout
    return text, status


def report(page, text):
    begin, end = "<!-- cosim -->\n", "<!-- end of cosim -->\n"
    old = page.read_text()
    page.write_text(old[:old.index(begin)] + begin + text + old[old.index(end):])


def main(cmake, which, page=None):
    work = cmake / "rtl" / which
    work.mkdir(parents=True, exist_ok=True)
    vitcod, groups, status, text = cmake / "vitcod", {}, 0, ""
    cases = {"small": small_cases, "chips": chip_cases, "models": model_cases}[which]
    for number, (name, arguments) in enumerate(cases(work, vitcod)):
        vectors, macros = work / f"{number}.safetensors", work / f"{number}.svh"
        run([vitcod, "simulate", *arguments, "--functional", "--vectors", vectors,
             "--rtl-parameters", macros, "--force"])
        of = parameters(macros.read_text())
        key = tuple((n, v) for n, v in of.items() if not sizes_only(n))
        groups.setdefault(key, []).append((name, vectors, of))
    for number, group in enumerate(groups.values()):
        tb = build(work / f"chip{number}", merged([of for _, _, of in group]), cmake)
        for name, vectors, _ in group:
            done = subprocess.run([tb, vectors], capture_output=True, text=True)
            status |= done.returncode
            text += f"\n### {name}\n\n{done.stdout}{done.stderr}"
    if CODERS[which]:
        coders, failed = try_coders(work, CODERS[which])
        text += f"\n### encoders and decoders\n\n{coders}"
        status |= failed
    print(text)
    if page:
        report(page, text)
    return status


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if len(arguments) not in (2, 4) or arguments[1] not in ("small", "chips", "models"):
        sys.exit(__doc__)
    sys.exit(main(Path(arguments[0]).resolve(), arguments[1],
                  Path(arguments[3]) if len(arguments) == 4 else None))
