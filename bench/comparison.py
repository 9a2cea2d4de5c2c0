#!/usr/bin/env python3
"""Writes docs/comparison.md: the ablation and the rivals for six models and five sparsities, and
what each assumption does.

usage: comparison.py VITCOD DATA OUT.md

DATA is a folder with deit_tiny_patch16_224.safetensors, imagenet-samples/, imagenet-val20/ and
vitcod-masks/ (ViTCoD's masks and averaged attention).
"""

import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile

MODELS = [
    "deit_tiny_patch16_224",
    "deit_small_patch16_224",
    "deit_base_patch16_224",
    "levit_128",
    "levit_192",
    "levit_256",
]
NAMES = ["DeiT-Tiny", "DeiT-Small", "DeiT-Base", "LeViT-128", "LeViT-192", "LeViT-256"]
SPARSITIES = [0.6, 0.7, 0.8, 0.9, 0.95]
HEADS = {
    "deit_small_patch16_224": [6],
    "deit_base_patch16_224": [12],
}
# ViTCoD's maps of LeViT-256 are of its stages alone, and numbered from 1.
STAGES = {"dpt0": "dpt1", "dpt1": "dpt2", "dpt2": "dpt3"}
SHRINKING = {"subsample0": 8, "subsample1": 12}  # heads of LeViT-256
PUBLISHED = [0.6, 0.9]  # masks of LeViT-192, which do not come from its maps
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


# ---- attention maps of models that have no weights here: another model's, heads over and over


def with_heads(source, target, heads):
    """A float32 npy (layers, heads, queries, keys) with other heads."""
    data = open(source, "rb").read()
    start = 10 + int.from_bytes(data[8:10], "little")
    shape = [
        int(n)
        for n in re.search(rb"'shape': \((.*?)\)", data[:start]).group(1).split(b",")
        if n.strip()
    ]
    size = shape[2] * shape[3] * 4
    body = b"".join(
        data[start + (l * shape[1] + h % shape[1]) * size :][:size]
        for l in range(shape[0])
        for h in range(heads)
    )
    text = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d, %d, %d), }" % (
        shape[0],
        heads,
        shape[2],
        shape[3],
    )
    text = (text + " " * ((64 - (10 + len(text) + 1) % 64) % 64) + "\n").encode()
    with open(target, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + body)


def make_maps(vitcod, data, folder):
    os.makedirs(folder)
    tiny = os.path.join(folder, MODELS[0] + ".npy")
    run(
        vitcod,
        "attention",
        os.path.join(data, "deit_tiny_patch16_224.safetensors"),
        "--data",
        os.path.join(data, "imagenet-samples"),
        "-o",
        tiny,
    )
    for model, heads in HEADS.items():
        with_heads(tiny, os.path.join(folder, model + ".npy"), heads[0])
    published = os.path.join(data, "vitcod-masks")
    for model in ["levit_128", "levit_192"]:
        source = os.path.join(published, model + "_lowrank", "attn")
        shutil.copytree(source, os.path.join(folder, model))
    target = os.path.join(folder, "levit_256")
    os.makedirs(target)
    for group, stage in STAGES.items():
        shutil.copy(
            os.path.join(published, "levit_256/attn/attention_score_%s.npy" % stage),
            os.path.join(target, "attention_score_%s.npy" % group),
        )
    for group, heads in SHRINKING.items():
        name = "attention_score_%s.npy" % group
        with_heads(os.path.join(folder, "levit_128", name), os.path.join(target, name), heads)


def make_masks(vitcod, data, maps, folder):
    for model in MODELS:
        os.makedirs(os.path.join(folder, model))
        deit = model.startswith("deit")
        for s in SPARSITIES:
            run(
                vitcod,
                "prune",
                os.path.join(maps, model + (".npy" if deit else "")),
                "--sparsity",
                str(s),
                "-o",
                os.path.join(folder, model, "%g" % s + (".npy" if deit else "")),
            )
    for s in PUBLISHED:
        target = os.path.join(folder, "levit_192", "%g" % s)
        shutil.rmtree(target)
        shutil.copytree(
            os.path.join(data, "vitcod-masks/levit_192_lowrank/masks", "%g" % s), target
        )


# ---- tables


class Table:
    def __init__(self, rows):
        self.rows = {(r["arch"], r["sparsity"], r["chip"]): r for r in rows}

    def time(self, arch, sparsity, chip, what="attention"):
        return self.rows[arch, sparsity, chip][what]["time_us"]

    def ratio(self, arch, sparsity, chip, base, what="attention"):
        return self.time(arch, sparsity, chip, what) / self.time(arch, sparsity, base, what)

    def mean(self, chip, base, sparsities, what="attention", models=MODELS):
        values = [self.ratio(m, s, chip, base, what) for m in models for s in sparsities]
        return sum(values) / len(values)


def ratio_table(table, chip, base, what="attention"):
    lines = ["| | " + " | ".join("%g %%" % (100 * s) for s in SPARSITIES) + " |", "|---" * 6 + "|"]
    for model, name in zip(MODELS, NAMES):
        lines.append(
            "| %s | " % name
            + " | ".join("%.2f" % table.ratio(model, s, chip, base, what) for s in SPARSITIES)
            + " |"
        )
    lines.append(
        "| mean | "
        + " | ".join("%.2f" % table.mean(chip, base, [s], what) for s in SPARSITIES)
        + " |"
    )
    return "\n".join(lines)


def compare(vitcod, masks, *more):
    return json.loads(
        run(
            vitcod,
            "compare",
            "--masks",
            masks,
            "--arch",
            ",".join(MODELS),
            "--sparsity",
            ",".join("%g" % s for s in SPARSITIES),
            "--json",
            *more
        )
    )["rows"]


def chip_file(folder, name, text):
    path = os.path.join(folder, name + ".yaml")
    with open(path, "w") as file:
        file.write(text + "name: %s\n" % name)
    return path


def switches(vitcod, masks, folder):
    like = "like: %s/configs/accelerators/" % ROOT
    buffers = "buffers: {query: {banks: %d}, value: {banks: %d}}\n"
    files = []
    for banks in (32, 16, 8):
        for chip in ("prune", "prune-reorder"):
            files.append(
                chip_file(
                    folder,
                    "%s %d" % (chip, banks),
                    like + chip + ".yaml\n" + buffers % ((banks,) * 2),
                )
            )
    files.append(
        chip_file(
            folder,
            "large scratchpads",
            like + "vitcod.yaml\ndecoder_macs: 512\n"
            "buffers: {query: {size: 106 KiB}, key: {size: 106 KiB}}\n",
        )
    )
    for macs in (256, 512):
        text = like + "vitcod.yaml\ndecoder_macs: %d\n" % macs
        files.append(chip_file(folder, "decoder %d" % macs, text))
    text = like + "systolic.yaml\nsystolic: {pipelined: true}\n"
    files.append(chip_file(folder, "systolic pipelined", text))
    for chip in ("prune", "prune-reorder"):
        text = like + chip + ".yaml\ngather: divided\n"
        files.append(chip_file(folder, chip + " divided", text))
        text = like + chip + ".yaml\nlines: 512\n"
        files.append(chip_file(folder, chip + " 512", text))
    files.append(
        chip_file(folder, "sanger unpipelined", like + "sanger.yaml\nsanger: {pipelined: false}\n")
    )
    files.append(
        chip_file(
            folder, "sanger free prediction", like + "sanger.yaml\nsanger: {predictions: 64}\n"
        )
    )
    files.append(
        chip_file(folder, "sanger predicts apart", like + "sanger.yaml\nsanger: {apart: true}\n")
    )
    files.append(
        chip_file(
            folder, "sanger tiles of 256 keys", like + "sanger.yaml\nsanger: {positions: 256}\n"
        )
    )
    table = Table(
        compare(
            vitcod, masks, "--attention-only", "--chip", "vitcod,prune-reorder," + ",".join(files)
        )
    )
    for keep in (1.0, 0.7, 0.5):
        rows = compare(
            vitcod, masks, "--attention-only", "--chip", "spatten", "--token-keep", str(keep)
        )
        for r in rows:
            r["chip"] = "spatten %g" % keep
            table.rows[r["arch"], r["sparsity"], r["chip"]] = r
    return table


# ---- the published simulator's formulas (docs/simulator.md, part A), and the memory's say


class Control:
    """Attention of the three DeiTs by `simulate --control`: loads and lines of prune only, where no
    token is global, and of prune + reorder; and the latter with the auto-encoder."""

    TOKENS, HEAD_DIM, LAYERS = 197, 64, 12
    BYTES_PER_CYCLE = 76.8 * 2**30 / 500e6

    def __init__(self, vitcod, masks):
        self.points = []
        for model, heads in zip(MODELS, (3, 6, 12)):
            for s in SPARSITIES[:4]:
                mask = os.path.join(masks, model, "%g.npy" % s)
                prune, reorder, coded = (
                    self.cycles(vitcod, mask, *how)
                    for how in ((self.TOKENS, 1), (50, 1), (50, 0.667))
                )
                for point in (prune, reorder):
                    point["decode"] = 0  # they have no auto-encoder
                row = math.ceil(heads * self.HEAD_DIM / self.BYTES_PER_CYCLE)
                weights = math.ceil(heads * heads / self.BYTES_PER_CYCLE)
                # K and V, a row each, and the weights of two decoders; the rest is Q
                rest = self.LAYERS * (2 * self.TOKENS * row + 2 * weights)
                self.points.append((s, prune, reorder, coded, prune["preload"] - rest))

    def cycles(self, vitcod, mask, threshold, ratio):
        options = ["--control", "--threshold", str(threshold), "--ratio", str(ratio), "--json"]
        return json.loads(run(vitcod, "simulate", "--mask", mask, *options))["attention"]

    def mean(self, of, *sparsities):
        values = [of(*p[1:]) for p in self.points if not sparsities or p[0] in sparsities]
        return sum(values) / len(values)

    @staticmethod
    def summed(point):
        return point["preload"] + point["decode"] + point["compute"]

    def prune_times(self, scores, *sparsities):
        """Prune only over prune + reorder, nothing overlapped, Q fetched per so many scores."""
        return self.mean(
            lambda prune, reorder, coded, q: (self.summed(prune) - q + q / scores)
            / self.summed(reorder),
            *sparsities
        )

    def fitted_scores(self, wanted):
        low, high = 1.0, 1000.0
        while high - low > 1e-6:
            middle = (low + high) / 2
            low, high = (middle, high) if self.prune_times(middle) > wanted else (low, middle)
        return low

    def values(self):
        scores = self.fitted_scores(2.59)
        overlapped = self.mean(
            lambda prune, reorder, coded, q: max(prune["preload"], prune["compute"])
            / max(reorder["preload"], reorder["compute"])
        )
        plain, coded = (
            self.mean(lambda *p: p[i]["preload"] / self.summed(p[i])) for i in (1, 2)
        )
        return {
            "control_overlapped": "%.1f" % overlapped,
            "control_summed": "%.1f" % self.prune_times(1.0),
            "control_scores": "%.1f" % scores,
            "control_90": "%.2f" % self.prune_times(scores, 0.9),
            "share_plain": "%.0f" % (100 * plain),
            "share_coded": "%.0f" % (100 * coded),
        }


def real_attention(vitcod, data, masks, folder):
    """DeiT-Tiny's rivals on one image's own attention."""
    os.makedirs(folder)
    run(
        vitcod,
        "attention",
        os.path.join(data, "deit_tiny_patch16_224.safetensors"),
        "--data",
        os.path.join(data, "imagenet-val20"),
        "--limit",
        "1",
        "-o",
        os.path.join(folder, MODELS[0] + ".npy"),
    )
    rows = json.loads(
        run(
            vitcod,
            "compare",
            "--arch",
            MODELS[0],
            "--masks",
            masks,
            "--attention",
            folder,
            "--sparsity",
            "0.9",
            "--attention-only",
            "--chip",
            "prune-reorder,sanger,spatten",
            "--json",
        )
    )["rows"]
    return {r["chip"]: r["attention"]["time_us"] / rows[0]["attention"]["time_us"] for r in rows}


def report(table, switched, published, real, control):
    ninety, four = [0.9], [0.6, 0.7, 0.8, 0.9]
    text = open(os.path.join(ROOT, "bench/comparison.in.md")).read()
    values = control.values()
    for chip, key in (("reorder only", "reorder"), ("prune only", "prune")):
        values[key + "_mean"] = "%.2f" % table.mean(chip, "prune + reorder", four)
        values[key + "_90"] = "%.2f" % table.mean(chip, "prune + reorder", ninety)
    for chip, key in (
        ("sanger", "sanger"),
        ("spatten", "spatten"),
        ("systolic", "systolic"),
        ("vitality", "vitality"),
        ("dense", "dense"),
    ):
        values[key + "_90"] = "%.2f" % table.mean(chip, "prune + reorder", ninety)
        values[key + "_mean"] = "%.2f" % table.mean(chip, "prune + reorder", four)
        values[key + "_e2e"] = "%.2f" % table.mean(chip, "prune + reorder", ninety, "end_to_end")
        values["table_" + key] = ratio_table(table, chip, "prune + reorder")
    for chip, key in (("sanger, as published", "sangerp"), ("spatten, as published", "spattenp")):
        values[key + "_90"] = "%.2f" % published.mean(chip, "prune + reorder", ninety)
    for chip, key in (
        ("sanger", "sanger"),
        ("spatten", "spatten"),
        ("vitality", "vitality"),
        ("prune only", "prune"),
        ("dense", "dense"),
    ):
        for part in ("energy", "on_chip", "dram_access", "dram_standby"):
            ratios = [
                table.rows[m, 0.9, chip]["attention"][part + "_uj"]
                / table.rows[m, 0.9, "prune + reorder"]["attention"][part + "_uj"]
                for m in MODELS
            ]
            values["%s_%s" % (part, key)] = "%.2f" % (sum(ratios) / len(ratios))
    for chip in ("sanger", "spatten"):
        values["real_" + chip] = "%.2f" % real[chip]
        values["mask_" + chip] = "%.2f" % table.ratio(MODELS[0], 0.9, chip, "prune + reorder")
    values["table_reorder"] = ratio_table(table, "reorder only", "prune + reorder")
    values["table_prune"] = ratio_table(table, "prune only", "prune + reorder")
    values["table_ae"] = ratio_table(table, "vitcod", "prune + reorder")
    values["table_e2e"] = ratio_table(table, "dense", "prune + reorder", "end_to_end")
    for banks in (32, 16, 8):
        for key, s in (("90", ninety), ("mean", four)):
            values["banks%d_%s" % (banks, key)] = "%.2f" % switched.mean(
                "prune %d" % banks, "prune-reorder %d" % banks, s
            )
    for key, t in (("90", ninety), ("mean", four)):
        ratio = switched.mean("prune divided", "prune-reorder divided", t)
        values["divided_" + key] = "%.2f" % ratio
        ratio = switched.mean("prune 512", "prune-reorder 512", t)
        values["macs8_" + key] = "%.2f" % ratio
    values["prune_deit"] = "%.2f" % table.mean(
        "prune only", "prune + reorder", ninety, models=MODELS[:3]
    )
    values["macs8_deit"] = "%.2f" % switched.mean(
        "prune 512", "prune-reorder 512", ninety, models=MODELS[:3]
    )
    for macs in (256, 512):
        values["ae_%d" % macs] = "%.2f" % (
            switched.time(MODELS[2], 0.9, "decoder %d" % macs)
            / switched.time(MODELS[2], 0.9, "prune + reorder")
        )
    values["ae_128"] = "%.2f" % table.ratio(MODELS[2], 0.9, "vitcod", "prune + reorder")
    values["pipelined"] = "%.2f" % switched.mean("systolic pipelined", "prune + reorder", ninety)
    for keep in (1.0, 0.7, 0.5):
        values["keep%g" % keep] = "%.2f" % switched.mean(
            "spatten %g" % keep, "prune + reorder", ninety
        )
    for chip, key in (
        ("sanger unpipelined", "unpipelined"),
        ("sanger free prediction", "free"),
        ("sanger predicts apart", "apart"),
        ("sanger tiles of 256 keys", "tiles"),
    ):
        values[key] = "%.2f" % switched.mean(chip, "prune + reorder", ninety)
    for model, key in ((MODELS[0], "ae_bytes"), (MODELS[2], "ae_base_bytes")):
        moved = [
            table.rows[model, 0.9, c]["attention"]["dram_bytes"]
            for c in ("vitcod", "prune + reorder")
        ]
        values[key] = "%.0f" % abs(100 * (1 - moved[0] / moved[1]))
    values["ae_large"] = "%.2f" % (
        switched.time(MODELS[2], 0.9, "large scratchpads")
        / switched.time(MODELS[2], 0.9, "prune + reorder")
    )
    return re.sub(r"\{\{(\w+(?:\.\d)?)\}\}", lambda m: values[m.group(1)], text)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__.strip())
    vitcod, data, out = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        maps, masks = os.path.join(folder, "maps"), os.path.join(folder, "masks")
        make_maps(vitcod, data, maps)
        make_masks(vitcod, data, maps, masks)
        table = Table(compare(vitcod, masks))
        published = Table(compare(vitcod, masks, "--attention-only", "--published"))
        switched = switches(vitcod, masks, folder)
        real = real_attention(vitcod, data, masks, os.path.join(folder, "real"))
        control = Control(vitcod, masks)
    with open(out, "w") as file:
        file.write(report(table, switched, published, real, control))


if __name__ == "__main__":
    main()
