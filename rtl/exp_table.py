#!/usr/bin/env python3
"""Writes exp_table.svh: exp(-i), exp(-j / 2^8) and exp(-k / 2^16) in 52 bits, as ROMs."""
from decimal import Decimal, getcontext

getcontext().prec = 60


def table(name, bits, step):
    print(f"  function automatic logic [52:0] {name}(logic [{bits - 1}:0] i);")
    print("    case (i)")
    for i in range(2**bits):
        value = int((Decimal(-i) * step).exp() * 2**52 + Decimal("0.5"))
        word = "default" if i == 2**bits - 1 else f"{bits}'d{i}"
        print(f"      {word}: {name} = 53'd{value};")
    print("    endcase")
    print("  endfunction")


print("// By exp_table.py.")
table("exp_whole", 4, Decimal(1))
table("exp_high", 8, Decimal(2) ** -8)
table("exp_low", 8, Decimal(2) ** -16)
