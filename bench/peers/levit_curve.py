#!/usr/bin/env python3
"""Training curves of a LeViT, vitcod against PyTorch and timm: the same images, model and recipe,
several seeds.

usage: levit_curve.py VITCOD ARCHIVE WORK OUTPUT.json
           [--seeds 3] [--epochs 2] [--train 1000] [--test 200]

ARCHIVE is a tar of class folders in train/ and test/ (CIFAR-10's). The first TRAIN and TEST images
of each class are unpacked into WORK, enlarged to 64 pixels by both sides in the same way, mirrored
at random and learnt from by a LeViT-128S with random weights. Prints the mean loss of every twenty
steps with the deviation over the seeds, and the top-1 of the test images.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tarfile

import timm
import torch
from PIL import Image

SIZE, RESIZED, BATCH, GROUP = 64, 73, 64, 20  # resized: 64 / 0.875, as for images that are cropped
LR, MIN_LR, WARMUP_LR, DECAY, SMOOTHING, CLIP = 1e-3, 1e-5, 1e-6, 0.025, 0.1, 1.0
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def unpack():
    """WORK/train and WORK/test, with the classes' folders."""
    kept = {}
    with tarfile.open(OPTIONS.archive) as archive:
        for member in archive:
            split, _, rest = member.name.partition("/")
            label, _, name = rest.partition("/")
            most = {"train": OPTIONS.train, "test": OPTIONS.test}.get(split, 0)
            if not member.isfile() or "/" in name or kept.get((split, label), 0) >= most:
                continue
            kept[split, label] = kept.get((split, label), 0) + 1
            folder = os.path.join(OPTIONS.work, split, label)
            os.makedirs(folder, exist_ok=True)
            with open(os.path.join(folder, name), "wb") as out:
                out.write(archive.extractfile(member).read())


def load(split):
    """Pixels (N, 3, 64, 64), normalised, and labels: classes in the order of their names."""
    folder, pixels, labels = os.path.join(OPTIONS.work, split), [], []
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (MEAN, STD))
    start = (RESIZED - SIZE) // 2
    for label, name in enumerate(sorted(os.listdir(folder))):
        for file in sorted(os.listdir(os.path.join(folder, name))):
            image = Image.open(os.path.join(folder, name, file)).convert("RGB")
            image = image.resize((RESIZED, RESIZED), Image.BICUBIC).crop(
                (start, start, start + SIZE, start + SIZE)
            )
            values = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view(
                SIZE, SIZE, 3
            )
            pixels.append((values.permute(2, 0, 1).float() / 255 - mean) / std)
            labels.append(label)
    return torch.stack(pixels), torch.tensor(labels)


def rate(epoch):
    """Warm-up over one epoch, then the cosine."""
    if epoch < 1:
        return WARMUP_LR + (LR - WARMUP_LR) * epoch
    part = (epoch - 1) / (OPTIONS.epochs - 1) if OPTIONS.epochs > 1 else 1.0
    return MIN_LR + 0.5 * (LR - MIN_LR) * (1 + math.cos(math.pi * part))


def groups_of(losses):
    return [
        statistics.mean(losses[i : i + GROUP]) for i in range(0, len(losses) - GROUP + 1, GROUP)
    ]


def theirs(seed, train, test):
    torch.manual_seed(seed)
    model = timm.create_model("levit_128s", img_size=SIZE, num_classes=train[1].max().item() + 1)
    decayed = [
        p for k, p in model.named_parameters() if p.dim() > 1 and not k.endswith("attention_biases")
    ]
    others = [
        p for k, p in model.named_parameters() if p.dim() < 2 or k.endswith("attention_biases")
    ]
    optimiser = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}], lr=LR
    )
    losses, steps = [], len(train[1]) // BATCH
    model.train()
    for epoch in range(OPTIONS.epochs):
        order = torch.randperm(len(train[1]))
        epoch_losses = []
        for step in range(steps):
            for group in optimiser.param_groups:
                group["lr"] = rate(epoch + step / steps)
            at = order[step * BATCH : (step + 1) * BATCH]
            x = train[0][at]
            x = torch.where(torch.rand(BATCH, 1, 1, 1) < 0.5, x.flip(3), x)
            loss = torch.nn.functional.cross_entropy(
                model(x), train[1][at], label_smoothing=SMOOTHING
            )
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimiser.step()
            epoch_losses.append(loss.item())
        losses += groups_of(epoch_losses)
    model.eval()
    with torch.inference_mode():
        right = sum(
            (model(test[0][i : i + 200]).argmax(1) == test[1][i : i + 200]).sum().item()
            for i in range(0, len(test[1]), 200)
        )
    return losses, 100.0 * right / len(test[1])


def ours(seed):
    model, log = os.path.join(OPTIONS.work, "model"), os.path.join(
        OPTIONS.work, f"log-{seed}.jsonl"
    )
    subprocess.run(
        [
            OPTIONS.vitcod,
            "train",
            "--arch",
            "levit_128s",
            "--image-size",
            str(SIZE),
            "--data",
            OPTIONS.work,
            "--epochs",
            str(OPTIONS.epochs),
            "--batch",
            str(BATCH),
            "--lr",
            str(LR),
            "--min-lr",
            str(MIN_LR),
            "--warmup-lr",
            str(WARMUP_LR),
            "--warmup-epochs",
            "1",
            "--weight-decay",
            str(DECAY),
            "--smoothing",
            str(SMOOTHING),
            "--clip",
            str(CLIP),
            "--shift",
            "0",
            "--seed",
            str(seed),
            "--log",
            log,
            "--log-every",
            str(GROUP),
            "-o",
            model,
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with open(log, encoding="utf-8") as lines:
        entries = [json.loads(line) for line in lines]
    losses = [e["loss"] for e in entries if "step" in e and e["step"] % GROUP == 0]
    return losses, [e for e in entries if "step" not in e][-1]["test_top1"]


def shown(values):
    return (
        f"{statistics.mean(values):.3f} +- {statistics.stdev(values):.3f}"
        if len(values) > 1
        else f"{values[0]:.3f}"
    )


def main():
    unpack()
    train, test = load("train"), load("test")
    runs = {"vitcod": [], "timm": []}
    for seed in range(1, OPTIONS.seeds + 1):
        runs["vitcod"].append(ours(seed))
        runs["timm"].append(theirs(seed, train, test))
        with open(OPTIONS.output, "w", encoding="utf-8") as out:
            json.dump(runs, out)
        print(f"seed {seed} of {OPTIONS.seeds}", file=sys.stderr, flush=True)
    print("| steps | vitcod | timm | apart, in deviations |\n|---|---|---|---|")
    for i in range(len(runs["timm"][0][0])):
        a, b = ([r[0][i] for r in runs[side]] for side in ("vitcod", "timm"))
        noise = (
            math.sqrt((statistics.variance(a) + statistics.variance(b)) / 2)
            if len(a) > 1
            else math.nan
        )
        print(
            f"| group {i + 1} | {shown(a)} | {shown(b)} | "
            f"{abs(statistics.mean(a) - statistics.mean(b)) / noise:.1f} |"
        )
    print(
        f"| test top-1, % | {shown([r[1] for r in runs['vitcod']])} |"
        f" {shown([r[1] for r in runs['timm']])} | |"
    )


parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
parser.add_argument("vitcod")
parser.add_argument("archive")
parser.add_argument("work")
parser.add_argument("output")
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--epochs", type=int, default=2)
parser.add_argument("--train", type=int, default=1000)
parser.add_argument("--test", type=int, default=200)
OPTIONS = parser.parse_args()
main()
