#!/usr/bin/env python3
"""Times vitcod against ONNX Runtime, PyTorch and OpenVINO: same weights, same shapes, interleaved
rounds.

Every engine's logits are compared with float32 PyTorch's before it is timed. A table goes to
stdout, everything to a JSON file; cases that it has of the same program, model, images, CPU and
versions are not run again, except where disturbed rounds count. Exit status 1 where a case failed.
"""

import argparse
import hashlib
import json
import os
import platform
import sys
from importlib import metadata

import numpy as np

import engines
import report
from cases import CASES, NAMES
from quiet import SHARE, Quiet
from quiet import told as quiet_text
from workfolder import WorkFolder

TOLERANCE = (
    1e-3  # of the largest logit, for float32: sums of some thousand products in another order
)
PACKAGES = ("torch", "timm", "onnxruntime", "onnx", "openvino", "numpy")
FILES = {
    "ort": {"fp32": ("plain", "fused"), "int8": ("dynamic", "qdq", "qoperator")},
    "openvino": {"fp32": ("plain",), "bf16": ("plain",), "int8": ("qdq",)},
}


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vitcod", required=True, help="the program")
    parser.add_argument("--peak", required=True, help="the program bench_peak")
    parser.add_argument("--model", required=True, help="DeiT-Tiny as safetensors")
    parser.add_argument(
        "--data", required=True, help="a folder of images: calibration, masks, agreement"
    )
    parser.add_argument("--work", required=True, help="a folder for what is made once")
    parser.add_argument("--output", required=True, help="JSON")
    parser.add_argument(
        "--cases", default="", help="only cases whose name holds this, such as 'tiny int8'"
    )
    parser.add_argument("--peers", default="ort,torch,torch-mask,openvino")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--runs", type=int, default=15, help="passes of a round; a third of them from 512 x 512 on"
    )
    parser.add_argument("--anew", action="store_true", help="every case, also what is in the file")
    parser.add_argument(
        "--prepare", action="store_true", help="make the files of all cases, time nothing"
    )
    o = parser.parse_args()
    o.peers = o.peers.split(",")
    known = sorted(set(NAMES) - {"ours"})
    unknown = sorted(set(o.peers) - set(known))
    if unknown:
        parser.error(f"--peers names {', '.join(unknown)}, wanted some of {','.join(known)}")
    if o.rounds < 1 or o.runs < 1:
        parser.error(f"--rounds {o.rounds} and --runs {o.runs}, wanted 1 or more")
    o.chosen = [case for case in CASES if o.cases in case.name]
    if not o.chosen:
        parser.error(f"no case holds '{o.cases}': {'; '.join(case.name for case in CASES)}")
    return o


def verify(case, name, logits, reference):
    if logits.shape != reference.shape:
        raise ValueError(f"{NAMES[name]}: logits {logits.shape}, wanted {reference.shape}")
    error = float(np.abs(logits - reference).max() / np.abs(reference).max())
    if case.dtype == "fp32" and not error < TOLERANCE:
        raise ValueError(
            f"{NAMES[name]}: logits differ from float32 PyTorch's by {error:.1e} of the largest, "
            f"wanted less than {TOLERANCE:.0e}"
        )
    same = int((logits.argmax(1) == reference.argmax(1)).sum())
    return {"error": error, "top1_same": same, "images": len(logits)}


def files_of(case, engine):
    """ONNX Runtime's fusions are for ViTs."""
    kinds = FILES.get(engine, {}).get(case.dtype, ())
    return [kind for kind in kinds if kind != "fused" or not case.model.startswith("levit")]


def open_all(case, running, work):
    """Opens and verifies every engine; ours first, so that a case that cannot run ends early."""
    found, mask = {}, work.mask(case)
    for name, engine in running.items():
        job = {
            "arch": case.arch,
            "checkpoint": work.checkpoint(case),
            "batch": case.batch,
            "dtype": case.dtype,
            "size": case.size,
            "threads": case.threads,
            "mask": mask if name in ("ours", "torch-mask") else None,
        }
        job["files"] = {kind: work.onnx(case, kind) for kind in files_of(case, name)}
        found[name] = engine.open(job)
        output = work.path("logits.npy")
        engine.logits(work.inputs(case), output)
        found[name]["check"] = verify(
            case, name, np.load(output), work.reference(case, job["mask"])
        )
        engines.rest()
    return found


def run_case(case, o, work, quiet):
    """The engines with their times, rounds that do not count, and the numbers of rounds."""
    running = {"ours": engines.Vitcod(o.vitcod)}
    running |= {
        name: engines.Peer(name, work.path("workers.log")) for name in case.peers if name in o.peers
    }
    names = list(running)
    runs = o.runs if case.size < 512 else max(3, o.runs // 3)

    def measure(n, look):
        answers, first = {}, n % len(names)
        for name in names[first:] + names[:first]:
            answers[name] = running[name].time(runs)
            look()
        return answers

    try:
        found = open_all(case, running, work)
        kept, dropped, count = quiet.rounds(o.rounds, case.threads, measure)
    finally:
        for engine in running.values():
            engine.close()
    for name in names:
        found[name]["passes_ms"] = [answers[name]["ms"] for _, answers in kept]
        found[name]["rounds_ms"] = [float(np.median(ms)) for ms in found[name]["passes_ms"]]
    found["ours"]["said"] = kept[-1][1]["ours"]["said"]
    left = [
        {"peaks": looks, "passes_ms": {name: answer["ms"] for name, answer in answers.items()}}
        for looks, answers in dropped
    ]
    return {"engines": found, "dropped": left, "count": count, "peaks": [p for p, _ in kept]}


def versions(vitcod):
    """Of everything that is timed, and of what the peers' models are made with."""
    found = {name: metadata.version(name) for name in PACKAGES}
    return {"vitcod": engines.Vitcod(vitcod).version().removeprefix("vitcod ")} | found


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()[:16]


def is_again(o, entry):
    """Chosen, and done while others disturbed it."""
    return entry["count"]["disturbed"] and o.cases in entry["name"]


def done_before(o, result):
    """Cases of an earlier run that is like this one, by name, without those to be run again."""
    if o.anew or not os.path.exists(o.output):
        return {}
    with open(o.output, encoding="utf-8") as file:
        before = json.load(file)
    if any(before.get(key) != value for key, value in result.items() if key != "cases"):
        print(f"{o.output} is of another program, model, machine or setting: all cases are run")
        return {}
    known = {case.name: case for case in CASES}
    found = {
        entry["name"]: entry
        for entry in before["cases"]
        if "failed" not in entry and entry["name"] in known and not is_again(o, entry)
    }
    for name, entry in found.items():  # goals may be others now
        entry.update(vars(known[name]))
        entry["verdict"] = report.summarise(known[name], entry["engines"])
    return found


def cpu():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        fields = dict(
            line.split(":", 1) for line in file.read().split("\n\n")[0].splitlines() if ":" in line
        )
    fields = {name.strip(): value.strip() for name, value in fields.items()}
    kept = ("model name", "cpu family", "model", "flags")
    return {name: fields.get(name) for name in kept} | {"cpus": os.cpu_count()}


def prepare_all(o, work):
    for case in o.chosen:
        work.reference(case, work.mask(case))
        if case.dtype != "fp32":
            work.reference(case, None)
        for engine in ("ort", "openvino"):
            for kind in files_of(case, engine):
                work.onnx(case, kind)
    return 0


def main():
    o = parse()
    try:
        work = WorkFolder(o.work, o.vitcod, o.model, o.data, os.cpu_count())
    except (ValueError, OSError) as error:
        sys.exit(f"bench-peers: {error}")
    result = {
        "cpu": cpu(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "versions": versions(o.vitcod),
        "program": digest(o.vitcod),
        "files": os.path.basename(work.folder),  # of which model and images
        "peers": o.peers,
        "rounds": o.rounds,
        "runs": o.runs,
        "quiet": SHARE,
        "cases": [],
    }
    print(
        f"{result['cpu']['model name']}, family {result['cpu']['cpu family']}, model"
        f" {result['cpu']['model']}; {o.rounds} rounds of {o.runs} passes"
    )
    print(", ".join(f"{name} {version}" for name, version in result["versions"].items()) + "\n")
    if o.prepare:
        return prepare_all(o, work)
    print("\n".join(report.HEADER), flush=True)
    failed, before, quiet = 0, done_before(o, result), Quiet(o.peak)
    # Cases that were not chosen stay in the file, so that parts of a long run add up.
    result["cases"] = [before[case.name] for case in CASES if case.name in before]
    for case in o.chosen:
        if case.name in before:
            print("\n".join(report.rows(case, before[case.name])), flush=True)
            continue
        entry = vars(case) | {"name": case.name}
        try:
            entry |= run_case(case, o, work, quiet)
            entry["verdict"] = report.summarise(case, entry["engines"])
            print("\n".join(report.rows(case, entry)), flush=True)
        except (ValueError, OSError) as error:
            failed += 1
            entry["failed"] = str(error)
            print(f"| {case.name} | FAILED: {error} | | | | | | |", flush=True)
        result["cases"].append(entry)
        with open(o.output, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
    print(f"\n{quiet_text(result)}")
    print(f"{o.output} has every round that counts; {failed} of {len(o.chosen)} cases failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
