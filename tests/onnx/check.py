"""Holds ONNX files against onnx's own checker, and says which operators they have.

usage: check.py FILE...
"""

import sys
from collections import Counter

import onnx

for path in sys.argv[1:]:
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path)
    counts = Counter(node.op_type for node in model.graph.node)
    shape = [d.dim_param or d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    print(f"{path}: valid, images {shape}")
    print("  " + ", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
    print("  " + ", ".join(sorted(entry.key for entry in model.metadata_props)))
