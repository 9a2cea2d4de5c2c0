#!/usr/bin/env python3
"""Checks the commands of `vitcod simulate --dram-commands` against JEDEC's gaps, by itself.

    vitcod simulate .. --dram-commands COMMANDS --json >RESULT.json
    tools/check-dram.py RESULT.json COMMANDS

Timing is read from the result. A bank is followed command by command: which row is open, when it
was opened, read, written and closed. Prints what is wrong, at most ten lines of it; exits with 1
if anything is.
"""

import json
import sys
from collections import deque
from math import ceil

FIELDS = ["channel", "rank", "bank_group", "bank", "row", "column"]


class Rank:
    def __init__(self):
        self.acts = deque(maxlen=4)  # of all banks
        self.last = {}  # (command, bank group or None): clock
        self.refreshed = None  # until when
        self.banks = {}


class Bank:
    def __init__(self):
        self.row = None
        self.at = {}  # command: clock


class Checker:
    def __init__(self, memory):
        self.t = memory["timing"]
        self.sizes = {
            "channel": memory["channels"],
            "rank": memory["ranks"],
            "bank_group": memory["bank_groups"],
            "bank": memory["banks"],
            "row": memory["rows"],
            "column": memory["row_size_bytes"] // memory["burst_size_bytes"],
        }
        self.rfc = ceil(self.t["rfc_s"] * memory["clock_hz"])
        self.ranks, self.bus, self.wrong = {}, {}, []

    def fail(self, line, text):
        self.wrong.append(f"line {line}: {text}")

    def want(self, line, clock, since, gap, name):
        if since is not None and clock < since + gap:
            self.fail(line, f"{name}: {clock - since} clocks, wanted {gap}")

    def rank(self, c):
        return self.ranks.setdefault((c["channel"], c["rank"]), Rank())

    def close(self, line, clock, bank, everything):
        t, at = self.t, bank.at
        if bank.row is None:
            if not everything:
                self.fail(line, "PRE of a bank that is closed")
            return
        self.want(line, clock, at.get("ACT"), t["ras"], "tRAS")
        self.want(line, clock, at.get("RD"), t["rtp"], "tRTP")
        self.want(line, clock, at.get("WR"), t["cwl"] + t["burst"] + t["wr"], "tWR")
        bank.row = None
        at["PRE"] = clock

    def activate(self, line, clock, c, rank, bank):
        t, last = self.t, rank.last
        if bank.row is not None:
            self.fail(line, "ACT of a bank that is open")
        self.want(line, clock, bank.at.get("PRE"), t["rp"], "tRP")
        self.want(line, clock, bank.at.get("ACT"), t["rc"], "tRC")
        self.want(line, clock, rank.refreshed, 0, "tRFC")
        self.want(line, clock, last.get(("ACT", None)), t["rrd_s"], "tRRD_S")
        self.want(line, clock, last.get(("ACT", c["bank_group"])), t["rrd_l"], "tRRD_L")
        if len(rank.acts) == 4:
            self.want(line, clock, rank.acts[0], t["faw"], "tFAW")
        rank.acts.append(clock)
        bank.row = c["row"]

    def move(self, line, clock, kind, c, rank, bank):
        t, last, group = self.t, rank.last, c["bank_group"]
        if bank.row != c["row"]:
            self.fail(line, f"{kind} of row {c['row']}, open is {bank.row}")
        self.want(line, clock, bank.at.get("ACT"), t["rcd"], "tRCD")
        self.want(line, clock, last.get((kind, None)), t["ccd_s"], "tCCD_S")
        self.want(line, clock, last.get((kind, group)), t["ccd_l"], "tCCD_L")
        written = t["cwl"] + t["burst"]
        if kind == "RD":
            self.want(line, clock, last.get(("WR", None)), written + t["wtr_s"], "tWTR_S")
            self.want(line, clock, last.get(("WR", group)), written + t["wtr_l"], "tWTR_L")
        # Whoever had the data bus last has let go of it, and changes of rank take longer.
        start = clock + (t["cl"] if kind == "RD" else t["cwl"])
        free, owner, was = self.bus.get(c["channel"], (0, None, None))
        pause = t["rank_switch"] if owner not in (None, c["rank"]) else 0
        pause = max(pause, 2 if was == "RD" and kind == "WR" else 0)
        if owner is not None and start < free + pause:
            self.fail(line, f"the data bus: {start}, wanted {free + pause}")
        self.bus[c["channel"]] = (start + t["burst"], c["rank"], kind)

    def command(self, line, clock, kind, c):
        for field in FIELDS:
            if c[field] >= self.sizes[field]:
                self.fail(line, f"{field} is {c[field]}, wanted below {self.sizes[field]}")
        rank = self.rank(c)
        bank = rank.banks.setdefault((c["bank_group"], c["bank"]), Bank())
        if kind == "ACT":
            self.activate(line, clock, c, rank, bank)
        elif kind == "PRE":
            self.close(line, clock, bank, False)
        elif kind == "PREA":
            for each in rank.banks.values():
                self.close(line, clock, each, True)
        elif kind == "REF":
            for each in rank.banks.values():
                if each.row is not None:
                    self.fail(line, "REF of a rank with an open row")
                self.want(line, clock, each.at.get("PRE"), self.t["rp"], "tRP")
            self.want(line, clock, rank.refreshed, 0, "tRFC")
            rank.refreshed = clock + self.rfc
        elif kind in ("RD", "WR"):
            self.move(line, clock, kind, c, rank, bank)
        else:
            self.fail(line, f"'{kind}' is no command")
        bank.at[kind] = clock
        rank.last[kind, None] = rank.last[kind, c["bank_group"]] = clock


def read(path):
    """Commands by clock: PREA and REF may be written later than those behind them."""
    commands = []
    with open(path, encoding="ascii") as file:
        for line, text in enumerate(file, 1):
            if text.startswith("#"):
                continue
            clock, kind, *where = text.split()
            commands.append((int(clock), line, kind, dict(zip(FIELDS, map(int, where)))))
    first = {"PRE": 0, "PREA": 0, "REF": 1}
    commands.sort(key=lambda c: (c[0], first.get(c[2], 2), c[1]))
    return commands


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    result, path = sys.argv[1:]
    with open(result, encoding="utf-8") as file:
        checker = Checker(json.load(file)["accelerator"]["memory"])
    commands, bus = read(path), {}
    for clock, line, kind, c in commands:
        if kind not in ("PREA", "REF") and bus.get(c["channel"]) == clock:
            checker.fail(line, "two commands of a channel in one clock")
        if kind not in ("PREA", "REF"):
            bus[c["channel"]] = clock
        checker.command(line, clock, kind, c)
    for text in checker.wrong[:10]:
        print(text)
    print(f"{len(commands)} commands, {len(checker.wrong)} violations")
    return 1 if checker.wrong or not commands else 0


if __name__ == "__main__":
    sys.exit(main())
