"""The driver's view of an engine: open, logits, time, close; a peer's worker, or vitcod."""

import contextlib
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
# Settings of threads and BLAS that would reach one engine and not another, or slow one down.
CLEARED = (
    "OMP_",
    "GOMP_",
    "KMP_",
    "OPENBLAS_",
    "MKL_",
    "BLIS_",
    "DNNL_",
    "ONEDNN_",
    "MALLOC_",
    "GLIBC_",
)
# glibc would give large attention maps back to the kernel after each pass: at 1024 x 1024 PyTorch
# took twice as long.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(8 << 30), "MALLOC_TRIM_THRESHOLD_": str(8 << 30)}


def environment(threads):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(CLEARED)}
    return kept | {"OMP_NUM_THREADS": str(threads)}


# For what is not timed: threads that spin while they wait are slow beside other work.
PATIENT = {"OMP_WAIT_POLICY": "passive"}


def run(command, threads, settings=None):
    done = subprocess.run(
        command, env=environment(threads) | (settings or {}), capture_output=True, text=True
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise ValueError(f"{' '.join(command)}: {'; '.join(said[-2:])}")
    return done.stdout


class Peer:
    def __init__(self, name, log):
        self.name, self.process, self.log = name, None, log

    def open(self, job):
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [sys.executable, os.path.join(HERE, "worker.py"), self.name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment(job["threads"]) | KEEP_MEMORY,
            )
        return self.ask(do="open", **job)

    def ask(self, **job):
        with contextlib.suppress(BrokenPipeError):  # no answer comes either
            self.process.stdin.write(json.dumps(job) + "\n")
            self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise ValueError(
                f"{self.name}'s process ended, status {self.process.wait()}; {self.log} has what it"
                " said"
            )
        answer = json.loads(line)
        if "error" in answer:
            raise ValueError(f"{self.name}: {answer['error']}")
        return answer

    def logits(self, inputs, output):
        self.ask(do="logits", input=inputs, output=output)

    def time(self, runs):
        return self.ask(do="time", runs=runs)

    def close(self):
        if self.process:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
            self.process.wait()


class Vitcod:
    def __init__(self, program):
        self.program, self.job = program, None

    def open(self, job):
        self.job = job
        return {
            "setting": job["dtype"] + (", mask" if job["mask"] else ""),
            "version": self.version(),
        }

    def version(self):
        return run([self.program, "--version"], 1).strip()

    def arguments(self):
        job = self.job
        return (
            ["--threads", str(job["threads"])]
            + (["--mask", job["mask"]] if job["mask"] else [])
            + (["--dtype", job["dtype"]] if job["dtype"] != "fp32" else [])
            + (["--image-size", str(job["size"])] if job["size"] != 224 else [])
        )

    def logits(self, inputs, output):
        run(
            [
                self.program,
                "infer",
                self.job["checkpoint"],
                "--input",
                inputs,
                "--output",
                output,
                "--batch",
                str(self.job["batch"]),
            ]
            + self.arguments(),
            self.job["threads"],
        )

    def time(self, runs):
        text = run(
            [
                self.program,
                "bench",
                self.job["checkpoint"],
                "--batch",
                str(self.job["batch"]),
                "--runs",
                str(runs),
                "--alone",
                "--json",
            ]
            + self.arguments(),
            self.job["threads"],
        )
        answer = json.loads(text)
        if not answer.get("runs_ms"):
            raise ValueError(f"{self.program} bench printed {sorted(answer)}, wanted runs_ms")
        return {"ms": answer["runs_ms"], "said": answer}

    def close(self):
        pass


def rest():
    """Long enough for the threads of the last engine to end their spinning."""
    time.sleep(0.2)
