#!/usr/bin/env python3
"""One engine in a process of its own: JSON lines in, JSON lines out, waiting in between.

usage: worker.py ort|torch|torch-mask|openvino
"""

import importlib
import json
import os
import statistics
import sys
import time
import warnings

import numpy as np


def times_of(run, images, runs):
    """Milliseconds of each pass; the first brings the weights back into the caches and does not
    count.
    """
    run(images)
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        run(images)
        times.append(1e3 * (time.perf_counter() - start))
    return times


def logits_of(run, inputs, batch):
    """Engines have one batch size: the last images come again to fill it."""
    padded = np.concatenate([inputs, inputs[-1:].repeat(-len(inputs) % batch, axis=0)])
    parts = [run(padded[i : i + batch]) for i in range(0, len(padded), batch)]
    return np.concatenate(parts)[: len(inputs)]


def open_fastest(engine, job, images):
    """The setting with the lowest median, and what each took (or why it could not run)."""
    ways, tried = {}, {}
    for name, opener in engine.candidates(job).items():
        try:
            ways[name] = opener()
            for _ in range(3):  # PyTorch specialises in the first passes
                ways[name](images)
        except (RuntimeError, ValueError) as error:
            ways.pop(name, None)
            tried[name] = str(error).strip().splitlines()[-1]
    if not ways:
        raise ValueError(f"no setting runs: {tried}")
    rounds = {name: [] for name in ways}
    for _ in range(3 if len(ways) > 1 else 1):
        for name, run in ways.items():
            time.sleep(0.2)
            first = times_of(run, images, 1)
            rounds[name] += first + (times_of(run, images, 3) if first[0] < 500 else [])
    tried |= {name: statistics.median(times) for name, times in rounds.items()}
    best = min(ways, key=tried.get)
    return ways[best], {"setting": best, "tried": tried, "version": engine.VERSION}


def main():
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    run = images = None
    for line in sys.stdin:
        job = json.loads(line)
        try:
            if job["do"] == "open":
                images = np.random.default_rng(1).standard_normal(
                    (job["batch"], 3, job["size"], job["size"]), np.float32
                )
                run, answer = open_fastest(
                    importlib.import_module(f"engine_{sys.argv[1].split('-')[0]}"), job, images
                )
            elif job["do"] == "logits":
                np.save(job["output"], logits_of(run, np.load(job["input"]), len(images)))
                answer = {}
            else:
                answer = {"ms": times_of(run, images, job["runs"])}
        except Exception as error:  # the driver says which case failed, and goes on
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers)


if __name__ == "__main__":
    main()
