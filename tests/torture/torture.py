#!/usr/bin/env python3
"""Lets runs of the program fail in every way that a machine has, and looks at what is left.

usage: tests/torture/torture.py BUILD SECONDS [--jobs N] [--seed N] [--page FILE]

A try: a verb is run with a fault, where its output lies already, made by other options. Then
- the file is what it was or what it is to be, whole;
- the program ended with 0, 1 or 2, or by the signal that it was sent, and said why unless that was
  SIGKILL;
- with 0, every file is what it is without a fault;
- the same command, with --resume where there is something to go on from, makes the same bits as a
  run that never failed, and leaves nothing beside them.
Whatever else happens is lost, and is told with the seed and the number that bring it back. The
table is printed, and written to a page with --page. Of several jobs each has its own seed, one
above the other.
"""
import argparse
import errno
import json
import os
import random
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import textwrap
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TINY = "--data data --width 8 --depth 1 --heads 2 --patch 4 --batch 16".split()
PRUNED = "--data data --sparsity 0.3 --rule info --batch 16 --epochs 3 --patience 0".split()


MPIRUN = ["mpirun", "--oversubscribe", "-n", "2"] if shutil.which("mpirun") else []


class Scene:
    """A verb: its command, what it writes, and the options that make another file beforehand."""

    def __init__(self, name, command, outputs, other=(), resumes=False, kept=(), grows=False):
        self.name, self.command, self.outputs = name, command, outputs
        self.other, self.resumes, self.kept = list(other), resumes, set(kept)
        self.grows = grows  # the same command goes on with what is there
        self.old, self.new, self.calls, self.seconds = {}, {}, 0, 0.0
        self.start = ()


SCENES = [
    Scene("import", "import model --plan plan -o out".split(), ["out"]),
    Scene("attention", "attention model --data data --limit 8 -o out --scores scores".split(),
          ["out", "scores"], ["--limit", "4"]),
    Scene("prune", "prune maps --sparsity 0.5 -o out".split(), ["out"], ["--sparsity", "0.3"]),
    Scene("polarize", "polarize mask --threshold 1 -o out".split(), ["out"], ["--threshold", "2"]),
    Scene("autoencoder", "autoencoder model --data data --limit 8 -o out".split(), ["out"],
          ["--limit", "4"]),
    Scene("quantize", "quantize model --data data --limit 8 -o out".split(), ["out"],
          ["--limit", "4"]),
    Scene("simulate", "simulate plan --head-dim 4 --trace out --dram-trace requests".split(),
          ["out", "requests"], ["--head-dim", "8"]),
    Scene("train", ["train"] + TINY + "--epochs 3 --save-every 2 --keep 2 --log log --log-every 1 "
          "--checkpoint way -o out".split(), ["out"], ["--seed", "1"], True, ["log"]),
    Scene("calibrate", ["calibrate", "model"] + PRUNED + ["-o", "out", "--force"], ["out"],
          ["--seed", "1"], True),
    Scene("export", "export model -o out".split(), ["out"], ["--plan", "plan"]),
    Scene("infer", "infer model --input image.npy -o out".split(), ["out"], ["--plan", "plan"]),
    Scene("report", "report results -o out.html".split(), ["out.html"], ["--title", "other"]),
    Scene("sweep", "sweep space.yaml -o out".split(), ["out"], grows=True),
    Scene("codesign", "codesign model --data data --sparsity 0.3 --autoencoder none --rule info "
          "--residual none --epochs 1 --batch 16 -o run".split(), ["run/model.safetensors"],
          grows=True),
    # what only print
    Scene("info", "info model".split(), []),
    Scene("eval", "eval model --data data".split(), []),
    Scene("classify", "classify model picture.ppm --convert-channels".split(), []),
    Scene("bench", "bench model --runs 1".split(), []),
    Scene("compare", "compare planned".split(), []),
    Scene("profile", "profile plan --head-dim 4 --runs 1".split(), []),
]


def idx(path, images, classes):
    """Images of 8 x 8 pixels, brighter where the label says, and their labels."""
    with open(path + "-images-idx3-ubyte", "wb") as file:
        file.write(struct.pack(">IIII", 0x803, images, 8, 8))
        file.write(bytes((i * 37 + p * 11) % 90 + (150 if p // 32 * 2 + p % 8 // 4 == i % 4 else 0)
                         for i in range(images) for p in range(64)))
    with open(path + "-labels-idx1-ubyte", "wb") as file:
        file.write(struct.pack(">II", 0x801, images))
        file.write(bytes(i % classes for i in range(images)))


def text(path):
    return (read(path) or b"").decode(errors="replace")


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None


class Torture:
    def __init__(self, build, seed):
        self.program = os.path.join(build, "vitcod")
        self.shim = os.path.join(build, "tests", "torture_shim.so")
        self.failing = os.path.join(build, "tests", "failing_alloc.so")
        self.random, self.seed = random.Random(seed), seed
        self.place = tempfile.mkdtemp(prefix="vitcod-torture-")
        self.table, self.lost, self.number, self.together = {}, [], 0, None
        self.at, self.request = {}, {}  # the call and the request that are next for each scene
        self.environment = dict(os.environ, OMP_NUM_THREADS="1", OMP_WAIT_POLICY="passive",
                                VC_ATTENTION_COSTS="1,1.6,7", TMPDIR=self.place,
                                OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
                                OMPI_MCA_mpi_yield_when_idle="1")

    def run(self, folder, words, fault=None, added=None, before=None, closed=(), start=()):
        """Status and what was said. `fault`: called with the process that has been started."""
        def prepare():
            if before:
                before()
            for fd in closed:
                os.close(fd)
        with open(os.path.join(self.place, "said"), "wb") as said:
            child = subprocess.Popen([*start, self.program] + words, cwd=folder,
                                     stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                     preexec_fn=prepare,
                                     env=dict(self.environment, **(added or {})))
            if fault:
                fault(child)
            try:
                status = child.wait(timeout=120)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                status = "no end within 120 s"
        return status, read(os.path.join(self.place, "said"))

    def must(self, folder, words, **how):
        status, said = self.run(folder, words, **how)
        if status != 0:
            sys.exit(f"vitcod {' '.join(words)}: status {status}: {said.decode(errors='replace')}")

    def set_up(self, scenes=None):
        base = self.base = os.path.join(self.place, "base")
        os.makedirs(os.path.join(base, "data"))
        idx(os.path.join(base, "data", "train"), 96, 4)
        idx(os.path.join(base, "data", "t10k"), 32, 4)
        self.must(base, ["train"] + TINY + ["--epochs", "1", "-o", "model"])
        self.must(base, "attention model --data data --limit 8 -o maps".split())
        self.must(base, "prune maps --sparsity 0.3 -o mask".split())
        self.must(base, "polarize mask --threshold 1 -o plan".split())
        self.must(base, "import model --plan plan -o planned".split())
        with open(os.path.join(base, "picture.ppm"), "wb") as file:
            file.write(b"P6 8 8 255\n" + bytes(range(192)))
        with open(os.path.join(base, "image.npy"), "wb") as file:
            shape = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 8, 8), }"
            file.write(b"\x93NUMPY\x01\x00\x76\x00" + f"{shape:<117}\n".encode() + bytes(256))
        with open(os.path.join(base, "space.yaml"), "w", encoding="utf-8") as file:
            file.write("axes: {model: planned, lines: [8, 16, 32, 64], macs_per_line: [4, 8]}\n")
        os.mkdir(os.path.join(base, "results"))
        _, said = self.run(base, "eval model --data data --json".split())
        with open(os.path.join(base, "results", "evaluation.json"), "wb") as file:
            file.write(said)
        for scene in scenes or SCENES:
            self.learn(scene)

    def fresh(self, scene=None):
        folder = os.path.join(self.place, "try")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.base, folder)
        for name, held in (scene.old.items() if scene else ()):
            if held is None:
                continue
            with open(os.path.join(folder, name), "wb") as file:
                file.write(held)
        return folder

    def learn(self, scene):
        """What it makes without a fault, by other options as well, and how many calls it takes."""
        folder = self.fresh()
        if not scene.grows:
            self.must(folder, scene.command + scene.other, start=scene.start)
        scene.old = {name: read(os.path.join(folder, name)) for name in scene.outputs}
        folder = self.fresh(scene)
        count, began = os.path.join(self.place, "count"), time.time()
        shim = {} if scene.start else {"LD_PRELOAD": self.shim, "VC_SHIM_COUNT": count}
        self.must(folder, scene.command, added=shim, start=scene.start)
        scene.seconds = time.time() - began
        scene.calls = int(read(count)) if shim else 0
        scene.new = {name: self.held(scene, folder, name) for name in scene.outputs}
        scene.files = set(os.listdir(folder))

    # ---- what is left

    @staticmethod
    def held(scene, folder, name):
        """Of lines that come in any order, of which the first tells the day, what they are."""
        bytes_there = read(os.path.join(folder, name))
        if scene.name != "sweep" or bytes_there is None:
            return bytes_there
        return b"\n".join(sorted(bytes_there.splitlines()[1:]))

    def judge(self, scene, folder, status, said, expected=(), silent=False):
        """Why a try is lost, or None."""
        if status not in (0, 1, 2) and status not in expected:
            return f"status {status}"
        if status in (1, 2) and not said and not silent:
            return f"status {status} without a word"
        for name in scene.outputs:
            have = self.held(scene, folder, name)
            if scene.name == "sweep" and status != 0:
                continue
            if have not in (scene.old[name], scene.new[name]):
                return f"{name} is neither what it was nor what it is to be"
            if status == 0 and have != scene.new[name]:
                return f"status 0, and {name} is as before"
        return self.go_on(scene, folder, status)

    def go_on(self, scene, folder, status):
        """Runs it again, without a fault."""
        words = list(scene.command)
        ways = ("way", "out.checkpoint.json")
        if scene.resumes and status != 0:
            words += ["--force"] if "--force" not in words else []
            if any(os.path.exists(os.path.join(folder, way)) for way in ways):
                words.append("--resume")
        again, said = self.run(folder, words, start=scene.start)
        if again != 0:
            return f"afterwards status {again}: {said.decode(errors='replace')}"
        for name in scene.outputs:
            if self.held(scene, folder, name) != scene.new[name]:
                return f"afterwards {name} has other bits"
        more = set(os.listdir(folder)) - scene.files - scene.kept - {"way.1"}
        return f"afterwards there is {', '.join(sorted(more))}" if more else None

    # ---- faults: each returns why the try is lost, or None

    def next_call(self, scene):
        """All of them, one after the other, from any on."""
        at = self.at.setdefault(scene.name, self.random.randrange(scene.calls + 1))
        self.at[scene.name] = (at + 1) % (scene.calls + 1)
        return at + 1

    def kill_at_a_call(self, scene):
        at = self.next_call(scene)
        folder = self.fresh(scene)
        status, said = self.run(folder, scene.command,
                                added={"LD_PRELOAD": self.shim, "VC_SHIM_KILL": str(at)})
        return self.judge(scene, folder, status, said, [-signal.SIGKILL]), f"call {at}"

    def kill_at_any_time(self, scene):
        after = self.random.uniform(0.0, 1.1 * scene.seconds)

        def fault(child):
            time.sleep(after)
            child.kill()
        folder = self.fresh(scene)
        status, said = self.run(folder, scene.command, fault)
        return self.judge(scene, folder, status, said, [-signal.SIGKILL]), f"after {after:.4f} s"

    def signals(self, scene):
        number = self.random.choice([signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
        after = self.random.uniform(0.0, 1.1 * scene.seconds)

        def fault(child):
            time.sleep(after)
            child.send_signal(number)
        folder = self.fresh(scene)
        status, said = self.run(folder, scene.command, fault)
        return (self.judge(scene, folder, status, said, [-number]),
                f"{number.name} after {after:.4f} s")

    def failing_call(self, scene):
        at = self.random.randint(1, scene.calls + 1)
        reason = self.random.choice([errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT,
                                     errno.EMFILE, errno.EACCES])
        folder = self.fresh(scene)
        status, said = self.run(folder, scene.command, added={
            "LD_PRELOAD": self.shim, "VC_SHIM_FAIL": f"{at}:{reason}"})
        return self.judge(scene, folder, status, said, silent=True), f"call {at}: {reason}"

    def full_disk(self, scene):
        """No file may be longer: what is written beyond that fails, as on a full disk."""
        room = self.random.randint(
            0, max((len(held) for held in scene.new.values()), default=0) + 2000)
        folder = self.fresh(scene)
        status, said = self.run(folder, scene.command, before=lambda: resource.setrlimit(
            resource.RLIMIT_FSIZE, (room, room)))
        return self.judge(scene, folder, status, said, silent=True), f"{room} bytes"

    def refuse(self, scene, at):
        """The program's or jansson's request of this number fails. Whether there was one; why the
        try is lost, or None."""
        told = os.path.join(self.place, "told")
        if os.path.exists(told):
            os.unlink(told)
        folder = self.fresh(scene)
        status, said = self.run(folder, scene.command, added={
            "LD_PRELOAD": self.failing, "VC_FAIL_AT": str(at), "VC_FAIL_TOLD": told})
        return os.path.exists(told), self.judge(scene, folder, status, said)

    def no_memory(self, scene):
        """All requests, one after the other, from any on."""
        at = self.request.setdefault(scene.name, self.random.randint(1, 400))
        there, why = self.refuse(scene, at)
        self.request[scene.name] = at + 1 if there else 1
        return why, f"request {at}"

    def little_memory(self, scene):
        """The program says so before it begins."""
        room = self.random.randint(1, 64)
        folder = self.fresh(scene)
        status, said = self.run(folder, scene.command, added={"VC_MEMORY_LIMIT": f"{room}MiB"})
        return self.judge(scene, folder, status, said), f"{room} MiB"

    def no_address_space(self, scene):
        """Libraries that get no memory end in a sentence as well."""
        room = self.random.randint(40, 200) << 20
        folder = self.fresh(scene)
        status, said = self.run(folder, scene.command, before=lambda: resource.setrlimit(
            resource.RLIMIT_AS, (room, room)))
        if status == 127:  # the loader's
            status = 1
        return self.judge(scene, folder, status, said), f"{room} bytes"

    def few_descriptors(self, scene):
        most = self.random.randint(4, 9)
        folder = self.fresh(scene)
        status, said = self.run(folder, scene.command, before=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (most, most)))
        return self.judge(scene, folder, status, said), f"{most} descriptors"

    def closed_descriptors(self, scene):
        closed = [fd for fd in range(3) if self.random.random() < 0.6]
        folder = self.fresh(scene)
        status, said = self.run(folder, scene.command, closed=closed)
        return self.judge(scene, folder, status, said, silent=True), f"closed {closed}"

    def power_loss(self, scene):
        """What had been synchronized up to a moment is there, with the names of that moment or
        those that a folder's synchronization had settled."""
        while scene.name == "codesign":  # the order of several processes is not recorded
            scene = self.random.choice(SCENES)
        order = os.path.join(self.place, "order")
        shutil.rmtree(order, ignore_errors=True)
        os.makedirs(order)
        folder = self.fresh(scene)
        status, said = self.run(folder, scene.command,
                                added={"LD_PRELOAD": self.shim, "VC_SHIM_RECORD": order})
        if status != 0:
            return f"status {status}: {said}", "recorded"
        events = [line.split("\t") for line in
                  (read(os.path.join(order, "order")) or b"").decode().splitlines()]
        upto, early = self.random.randint(0, len(events)), self.random.random() < 0.5
        folder = self.fresh(scene)
        self.replay(folder, order, events[:upto], early)
        return (self.judge(scene, folder, 1, b"power"),
                f"{upto} of {len(events)}, names {'early' if early else 'late'}")

    def kill_a_rank(self, scene):
        """Two processes train together, and one of them is killed."""
        del scene
        if not self.together:
            self.learn_together()
        after = self.random.uniform(0.0, 1.1 * self.together.seconds)

        def fault(child):
            time.sleep(after)
            ranks = [pid for pid in os.listdir("/proc") if pid.isdigit() and
                     f"({os.path.basename(self.program)}) " in (stat := text(f"/proc/{pid}/stat"))
                     and stat.rsplit(")", 1)[1].split()[1] == str(child.pid)]
            if ranks:
                os.kill(int(self.random.choice(sorted(ranks))), signal.SIGKILL)
        folder = self.fresh(self.together)
        status, said = self.run(folder, self.together.command, fault, start=MPIRUN)
        return (self.judge(self.together, folder, min(status, 1) if isinstance(status, int) else
                           status, said, silent=True), f"after {after:.4f} s")

    def hostile_file(self, scene):
        """One of the files that are there is cut off, or a few of its bytes are others."""
        folder = self.fresh(scene)
        there = sorted(os.path.join(place, name) for place, _, names in os.walk(self.base)
                       for name in names)
        name = os.path.relpath(self.random.choice(there), self.base)
        held = bytearray(read(os.path.join(folder, name)))
        if self.random.random() < 0.3:
            del held[self.random.randrange(len(held)):]
        for _ in range(self.random.randint(1, 4) if held else 0):
            # what a file begins with says what it is
            most = self.random.choice([8, 200, len(held)])
            held[self.random.randrange(min(len(held), most))] = self.random.randrange(256)
        with open(os.path.join(folder, name), "wb") as file:
            file.write(held)
        status, said = self.run(folder, scene.command)
        why = None
        if status not in (0, 1, 2):
            why = f"status {status}"
        elif status != 0 and not said:
            why = f"status {status} without a word"
        elif status != 0 and not scene.grows:
            for output in scene.outputs:
                if read(os.path.join(folder, output)) != scene.old[output]:
                    why = f"status {status}, and {output} is another"
        return why, f"{name}: {bytes(held[:40])!r}"

    def learn_together(self):
        train = next(scene for scene in SCENES if scene.name == "train")
        self.together = Scene("train (two processes)", train.command, train.outputs, train.other,
                              True, train.kept)
        self.together.start = MPIRUN
        self.learn(self.together)

    def replay(self, folder, order, events, early):
        held, waiting = {}, []

        def settle():
            for event in waiting:
                path = os.path.join(folder, event[-1])
                if event[0] == "link":
                    with open(path, "wb") as file:
                        file.write(read(os.path.join(order, held.get(event[1], "none"))) or b"")
                elif event[0] == "rename" and os.path.exists(os.path.join(folder, event[1])):
                    os.rename(os.path.join(folder, event[1]), path)
                elif event[0] == "unlink" and os.path.exists(path):
                    os.unlink(path)
            waiting.clear()
        for event in events:
            if event[0] == "sync":
                held[event[1]] = event[2]
            elif event[0] != "folder":
                waiting.append(event)
            if early or event[0] == "folder":
                settle()

    FAULTS = [("killed before a call that changes a disk", kill_at_a_call),
              ("killed at any time", kill_at_any_time),
              ("SIGTERM, SIGINT or SIGHUP at any time", signals),
              ("one call fails (disk, quota, permissions, descriptors)", failing_call),
              ("files cannot grow (full disk)", full_disk),
              ("one request for memory fails", no_memory),
              ("less memory than is wanted", little_memory),
              ("little address space, in libraries as well", no_address_space),
              ("few descriptors", few_descriptors),
              ("standard descriptors closed", closed_descriptors),
              ("power lost", power_loss),
              ("a file that is read is cut off or changed", hostile_file),
              ("one of two processes is killed", kill_a_rank)]

    # ---- all of it

    def go(self, seconds):
        ends = time.time() + seconds
        for name, _ in self.FAULTS:
            self.table[name] = [0, 0]
        while time.time() < ends:
            for name, fault in self.FAULTS:
                if time.time() >= ends and self.table[name][0] > 0:
                    continue
                if fault is Torture.kill_a_rank and not MPIRUN:
                    continue
                # short scenes as often as long ones take time
                scene = self.random.choices(SCENES, [1 / (0.2 + s.seconds) for s in SCENES])[0]
                self.number += 1
                why, how = fault(self, scene)
                self.table[name][0] += 1
                if self.number % 100 == 0:
                    print(f"# {self.number} tries", flush=True)
                if why:
                    self.table[name][1] += 1
                    self.lost.append(f"{self.number}: {scene.name}, {name} ({how}): {why}")
                    print(f"# lost: {self.lost[-1]}", flush=True)

    def add(self, table, lost):
        """What another has tried."""
        for name, (tries, of_them) in table.items():
            have = self.table.setdefault(name, [0, 0])
            self.table[name] = [have[0] + tries, have[1] + of_them]
        self.lost += lost

    def rows(self):
        yield "| fault | tries | lost |"
        yield "|---|---|---|"
        for name, (tries, lost) in self.table.items():
            yield f"| {name} | {tries} | {lost} |"


PAGE = """# Reliability

## Failing runs

Written by `make torture`, which lets runs of the program fail and looks at what is left
([tests/torture](../tests/torture/torture.py) says what counts as lost). After each try the output
is what it was or what it is to be, whole; the program has ended with a status and a sentence; and
the same command, resumed where there is something to go on from, makes the same bits as a run that
never failed and leaves nothing beside them.

{table}

{how}

A loss of power is a replay: a preloaded library records what files held when they were
synchronized, and in which order names changed; a try takes a beginning of that order, with names
that had not been settled there or not. `train --log` is no part of the promise: lines that were not
synchronized may be missing, and a run that goes on takes back those that it writes again.
"""

# what others write behind it stays
PARTS = re.compile(r"\n## (?:Requests for memory|Coverage|Fuzzers)\n")


def one_job(given):
    """Its table, and what was lost."""
    torture = Torture(os.path.abspath(given.build), given.seed)
    print(f"# seed {given.seed}", flush=True)
    try:
        torture.set_up()
        torture.go(given.seconds)
    finally:
        shutil.rmtree(torture.place, ignore_errors=True)
    return torture


def several_jobs(given):
    """Jobs of their own, which write their tables to files; the sum of them."""
    with tempfile.TemporaryDirectory(prefix="vitcod-torture-") as place:
        files = [os.path.join(place, str(job)) for job in range(given.jobs)]
        jobs = [subprocess.Popen([sys.executable, __file__, given.build, str(given.seconds),
                                  "--seed", str(given.seed + job), "--table", file],
                                 start_new_session=True)
                for job, file in enumerate(files)]
        try:
            for job in jobs:
                job.wait()
        finally:
            for job in jobs:
                job.kill()
        torture = Torture(os.path.abspath(given.build), given.seed)
        os.rmdir(torture.place)
        for file in files:
            table = json.loads(text(file) or "null")
            if table is None:
                sys.exit("a job ended without its table")
            torture.add(table["table"], table["lost"])
        return torture


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--page")
    parser.add_argument("--table", help="a file for the table as JSON")
    given = parser.parse_args()
    began = time.time()
    torture = several_jobs(given) if given.jobs > 1 else one_job(given)
    rows = "\n".join(torture.rows())
    print(rows)
    if given.table:
        with open(given.table, "w", encoding="utf-8") as file:
            json.dump({"table": torture.table, "lost": torture.lost}, file)
    if given.page:
        how = (f"Verbs: {', '.join(s.name for s in SCENES)}. Seed {given.seed}, "
               f"{time.time() - began:.0f} seconds, {given.jobs} "
               f"job{'s at a time' if given.jobs > 1 else ''} on {os.cpu_count()} cores.")
        page = PAGE.format(table=rows, how=textwrap.fill(how, 100))
        was = text(given.page)
        rest = PARTS.search(was)
        with open(given.page, "w", encoding="utf-8") as file:
            file.write(page + (was[rest.start():] if rest else ""))
    sys.exit(1 if torture.lost else 0)


if __name__ == "__main__":
    main()
