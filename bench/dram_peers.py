#!/usr/bin/env python3
"""The simulated DDR4-2400 beside DRAMsim3 and Ramulator 2.1, where they are installed, on the
requests that `vitcod simulate --dram-trace` writes: of an attention, which mostly waits for the
chip, and of the loads of a layer on a chip whose scratchpads hold it, which asks for all of them at
once.

usage: dram_peers.py VITCOD MASK [CHIP]

DRAMsim3's program is `dramsim3main` in PATH, or what the variable DRAMSIM3 names; it is done with
the first clock at which all requests have been served. RAMULATOR names the folder of Ramulator 2.1
with its library built (libramulator.so); bench/peers/ramulator.cpp is compiled against it by CXX
(c++). Both take each request at the clock of the trace.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile

FIELDS = {"row": "ro", "rank": "ra", "bank": "ba", "bank_group": "bg", "column": "co"}
MEMORY = "ddr4-2400"
PAUSE = 64  # clocks
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# From the highest bits of an address to the lowest.
RAMULATOR_ORDER = ("row", "bank", "bank_group", "rank", "column", "channel")
RAMULATOR_TIMES = ("cl", "cwl", "rcd", "rp", "ras", "rc", "wr", "rtp", "ccd_s", "ccd_l", "rrd_s")
RAMULATOR_TIMES += ("rrd_l", "wtr_s", "wtr_l", "faw")
RAMULATOR_CONFIG = """import ramulator as r
m = %(m)r
queues = m["queues"]
dram = r.dram.DDR4(org_preset="DDR4_8Gb_x8", timing_preset="DDR4_2400U", rank=m["ranks"],
                   **%(overrides)r)
channels = [
    r.controller.GenericDDR(
        dram=dram,
        read_buffer_size=queues["reads"],
        write_buffer_size=queues["writes"],
        wr_low_watermark=queues["write_low"] / queues["writes"],
        wr_high_watermark=queues["write_high"] / queues["writes"],
        scheduler=r.scheduler.FRFCFS(),
        refresh_manager=r.refresh_manager.AllBank(),
        row_policy=r.row_policy.Open(),
        addr_mapper=r.addr_mapper.RoBaRaCoCh(),
    )
    for _ in range(m["channels"])
]
r.Simulation(
    r.frontend.External(clock_ratio=1),
    r.memory_system.GenericDRAM(clock_ratio=1, controllers=channels,
                                channel_mapper=r.channel_mapper.CacheLineInterleave()),
)
"""
SCRATCHPADS = ("query", "key", "value", "index", "output", "decoded")
ROOMY = "like: %s/configs/accelerators/prune-reorder.yaml\nname: roomy\nbuffers:\n" % ROOT
ROOMY += "".join("  %s: {size: 64 MiB}\n" % b for b in SCRATCHPADS)


def simulate(vitcod, mask, chip, folder, *more):
    """The result, the file of requests, and that of commands."""
    requests, commands = os.path.join(folder, "requests"), os.path.join(folder, "commands")
    out = subprocess.run(
        [vitcod, "simulate", "--mask", mask, "--chip", chip, "--memory", MEMORY, "--json"]
        + ["--dram-trace", requests, "--dram-commands", commands, *more],
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    return json.loads(out), requests, commands


def clocks(seconds, m):
    return seconds * m["clock_hz"]


def last_data(commands, m):
    """The clock at which the last burst has arrived or been taken."""
    t, last = m["timing"], 0
    for line in open(commands):
        word = line.split()
        if word[1] in ("RD", "WR"):
            last = max(last, int(word[0]) + t["burst"] + t["cl" if word[1] == "RD" else "cwl"])
    return last


def run(words, **more):
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, **more)
    if done.returncode:
        sys.exit("dram_peers.py: %s ended with status %d" % (words[0], done.returncode))
    return done.stdout


# ---- DRAMsim3


def write_config(path, m):
    t, p = m["timing"], m["power"]
    order = "".join("ch" if f == "channel" else FIELDS[f] for f in m["mapping"])
    # a burst has 8 beats of 64 bit, on devices of 8 bit
    columns = m["row_size_bytes"] // 8
    megabytes = m["rows"] * m["row_size_bytes"] * m["bank_groups"] * m["banks"] * m["ranks"] >> 20
    sections = {
        "dram_structure": {
            "protocol": "DDR4",
            "bankgroups": m["bank_groups"],
            "banks_per_group": m["banks"],
            "rows": m["rows"],
            "columns": columns,
            "device_width": 8,
            "BL": 8,
        },
        "timing": {
            "tCK": 1e9 / m["clock_hz"],
            "AL": 0,
            "CL": t["cl"],
            "CWL": t["cwl"],
            "tRCD": t["rcd"],
            "tRP": t["rp"],
            "tRAS": t["ras"],
            "tRFC": round(clocks(t["rfc_s"], m)),
            "tREFI": int(clocks(t["refi_s"], m)),
            "tFAW": t["faw"],
            "tRRD_S": t["rrd_s"],
            "tRRD_L": t["rrd_l"],
            "tWTR_S": t["wtr_s"],
            "tWTR_L": t["wtr_l"],
            "tWR": t["wr"],
            "tRTP": t["rtp"],
            "tCCD_S": t["ccd_s"],
            "tCCD_L": t["ccd_l"],
            "tRTRS": t["rank_switch"],
            "tXP": t["xp"],
            "tXS": t["xs"],
        },
        "power": {k.upper().split("_")[0]: 1e3 * p[k] for k in p if k.startswith("idd")},
        "system": {
            "channel_size": megabytes,
            "channels": m["channels"],
            "bus_width": 64,
            "address_mapping": order,
            "queue_structure": "PER_BANK",
            "row_buf_policy": "OPEN_PAGE",
            "cmd_queue_size": 8,
            "trans_queue_size": m["queues"]["reads"],
            "write_buf_size": m["queues"]["writes"],
            "refresh_policy": "RANK_LEVEL_STAGGERED",
        },
        "other": {"epoch_period": 1000000000, "output_level": 1},
    }
    with open(path, "w") as out:
        for section, values in sections.items():
            print("[%s]" % section, file=out)
            for key, value in values.items():
                print(key, "=", value, file=out)


def served(program, config, requests, cycles, folder):
    """How many reads and writes are done behind so many clocks."""
    subprocess.run(
        [program, config, "-c", str(cycles), "-t", requests, "-o", folder],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    channels = json.load(open(os.path.join(folder, "dramsim3.json"))).values()
    return sum(c["num_reads_done"] + c["num_writes_done"] for c in channels)


def dramsim3(program, m, requests, ours, folder):
    """The first clock at which all requests are served, by bisection."""
    config = os.path.join(folder, "config.ini")
    write_config(config, m)
    wanted = sum(1 for _ in open(requests))
    low, high = 0, 2 * ours
    while served(program, config, requests, high, folder) < wanted:
        if high > 64 * ours:
            sys.exit("dram_peers.py: DRAMsim3 does not serve all requests in %d clocks" % high)
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if served(program, config, requests, middle, folder) < wanted:
            low = middle
        else:
            high = middle
    return high


# ---- Ramulator


def split(address, m):
    """The place that an address has, field by field."""
    sizes = {
        "channel": m["channels"],
        "rank": m["ranks"],
        "bank_group": m["bank_groups"],
        "bank": m["banks"],
        "row": m["rows"],
        "column": m["row_size_bytes"] // m["burst_size_bytes"],
    }
    burst, place = address // m["burst_size_bytes"], {}
    for field in reversed(m["mapping"]):
        burst, place[field] = divmod(burst, sizes[field])
    return [(place[field], sizes[field]) for field in RAMULATOR_ORDER]


def write_ramulator_requests(path, m, requests):
    """The same places as addresses in an order that Ramulator knows (RoBaRaCoCh)."""
    with open(path, "w") as out:
        for line in open(requests):
            address, kind, clock = line.split()
            burst = 0
            for value, size in split(int(address, 16), m):
                burst = burst * size + value
            print("%x %s %s" % (burst * m["burst_size_bytes"], kind, clock), file=out)


def write_ramulator_config(path, folder, m):
    t = m["timing"]
    overrides = {"n" + name.upper().replace("_", ""): t[name] for name in RAMULATOR_TIMES}
    overrides.update(
        nBL=t["burst"],
        nCS=t["rank_switch"],
        nRFC=round(clocks(t["rfc_s"], m)),
        nREFI=int(clocks(t["refi_s"], m)),
    )
    script = os.path.join(os.path.dirname(path), "ramulator_config.py")
    with open(script, "w") as out:
        out.write(RAMULATOR_CONFIG % {"m": m, "overrides": overrides})
    environment = {**os.environ, "PYTHONPATH": os.path.join(folder, "python")}
    run([sys.executable, "-m", "ramulator", "export", script, "-o", path], env=environment)


def ramulator(folder, m, requests, ours, work):
    """The clock of the last data."""
    source = os.path.join(ROOT, "bench", "peers", "ramulator.cpp")
    program, config, places = (os.path.join(work, name) for name in ("ramulator", "yaml", "places"))
    if not os.path.exists(program):
        include, library = "-I" + os.path.join(folder, "src"), "-L" + folder
        compiler = shlex.split(os.environ.get("CXX", "c++"))
        run(compiler + ["-std=c++20", "-O2", include, source, "-o", program, library, "-lramulator"]
            + ["-Wl,-rpath," + os.path.abspath(folder)])
        write_ramulator_config(config, folder, m)
    write_ramulator_requests(places, m, requests)
    write_data = m["timing"]["cwl"] + m["timing"]["burst"]
    return int(run([program, config, places, str(write_data)]))


def loads_at_once(vitcod, mask, folder):
    """A file of the requests until the first pause or write, and the clock of their last data."""
    chip, path = os.path.join(folder, "roomy.yaml"), os.path.join(folder, "loads")
    with open(chip, "w") as out:
        out.write(ROOMY)
    result, requests, commands = simulate(vitcod, mask, chip, folder, "--layers", "0")
    count = last = 0
    with open(path, "w") as out:
        for line in open(requests):
            address, kind, clock = line.split()
            if kind == "WRITE" or (count and int(clock) > last + PAUSE):
                break
            count, last = count + 1, int(clock)
            print(address, kind, 0, file=out)
    t = result["accelerator"]["memory"]["timing"]
    reads = [int(line.split()[0]) for line in open(commands) if line.split()[1] == "RD"]
    return path, max(reads[:count]) + t["cl"] + t["burst"]


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    vitcod, mask = sys.argv[1:3]
    chip = sys.argv[3] if len(sys.argv) > 3 else "prune-reorder"
    peers = [
        ("DRAMsim3", dramsim3, os.environ.get("DRAMSIM3") or shutil.which("dramsim3main")),
        ("Ramulator 2.1", ramulator, os.environ.get("RAMULATOR")),
    ]
    peers = [peer for peer in peers if peer[2]]
    if not peers:
        sys.exit("dram_peers.py: no dramsim3main in PATH, and DRAMSIM3 and RAMULATOR name nothing")
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as second:
        result, requests, commands = simulate(vitcod, mask, chip, folder)
        m = result["accelerator"]["memory"]
        cases = [(chip, requests, last_data(commands, m))]
        cases.append(("loads of a layer", *loads_at_once(vitcod, mask, second)))
        heads = "".join(" %s | difference |" % name for name, _, _ in peers)
        print("| case | requests | clocks, vitcod |" + heads)
        print("|---|---|---|" + "---|---|" * len(peers))
        for name, path, ours in cases:
            row = "| %s | %d | %d |" % (name, sum(1 for _ in open(path)), ours)
            for _, replay, installed in peers:
                theirs = replay(installed, m, path, ours, folder)
                row += " %d | %+.2f %% |" % (theirs, 100.0 * (ours / theirs - 1))
            print(row)


if __name__ == "__main__":
    main()
