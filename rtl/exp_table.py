#!/usr/bin/env python3
"""Writes exp_table.svh: exp(-i), exp(-j / 2^8) and exp(-k / 2^16) in 52 bits."""
from decimal import Decimal, getcontext

getcontext().prec = 60


def table(name, count, step):
    rows = [int((Decimal(-i) * step).exp() * 2**52 + Decimal("0.5")) for i in range(count)]
    print(f"  localparam logic [{count}*53-1:0] {name} = {{  // the last first")
    print(",\n".join(f"      53'd{value}" for value in reversed(rows)))
    print("  };")


print("// By exp_table.py.")
table("EXP_WHOLE", 16, Decimal(1))
table("EXP_HIGH", 256, Decimal(2) ** -8)
table("EXP_LOW", 256, Decimal(2) ** -16)
