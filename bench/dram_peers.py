#!/usr/bin/env python3
"""The simulated DDR4-2400 beside DRAMsim3, where it is installed, on the requests that `vitcod
simulate --dram-trace` writes: of an attention, which mostly waits for the chip, and of the loads of
a layer on a chip whose scratchpads hold it, which asks for all of them at once.

usage: dram_peers.py VITCOD MASK [CHIP]

DRAMsim3's program is `dramsim3main` in PATH, or what the variable DRAMSIM3 names. It takes each
request at the clock of the trace, and is done with the first clock at which all have been served.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile

FIELDS = {"row": "ro", "rank": "ra", "bank": "ba", "bank_group": "bg", "column": "co"}
MEMORY = "ddr4-2400"
PAUSE = 64  # clocks
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
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
    program = os.environ.get("DRAMSIM3") or shutil.which("dramsim3main")
    if not program:
        sys.exit("dram_peers.py: no dramsim3main in PATH, and DRAMSIM3 names none")
    with tempfile.TemporaryDirectory() as folder:
        result, requests, commands = simulate(vitcod, mask, chip, folder)
        m = result["accelerator"]["memory"]
        ours = last_data(commands, m)
        theirs = dramsim3(program, m, requests, ours, folder)
        count = sum(1 for _ in open(requests))
        at_once, ours_at_once = loads_at_once(vitcod, mask, folder)
        theirs_at_once = dramsim3(program, m, at_once, ours_at_once, folder)
        count_at_once = sum(1 for _ in open(at_once))
        print("| chip | requests | clocks, vitcod | DRAMsim3 | difference |\n|---|---|---|---|---|")
        difference = 100.0 * (ours / theirs - 1)
        print("| %s | %d | %d | %d | %+.2f %% |" % (chip, count, ours, theirs, difference))
        difference = 100.0 * (ours_at_once / theirs_at_once - 1)
        row = (count_at_once, ours_at_once, theirs_at_once, difference)
        print("| loads of a layer | %d | %d | %d | %+.2f %% |" % row)


if __name__ == "__main__":
    main()
