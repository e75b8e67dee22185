"""A process that evaluates a network with a new unit: what is in the folder that it is given, made by nets.py."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import asnet
from asnet.types import EXACT


def evaluate(folder: Path) -> dict[str, float]:
    """Seconds until stages of the work are done, and the accuracy."""
    began = time.perf_counter()
    stages: dict[str, float] = {}
    unit = asnet.ApproximateUnit.from_verilog(folder / "mul8s_any.v", op="mul", type="i8").instance()
    test_set = asnet.Dataset.load(folder / "test.npz")
    bed = asnet.TestBed(asnet.load(folder / "network.onnx"), test_set, [unit])
    stages["ready"] = time.perf_counter() - began
    fits = {slot.name: (slot.op, slot.type) == (unit.op, unit.type.name) for slot in bed.slots}
    accuracy = bed.evaluate({name: unit.name if right else EXACT for name, right in fits.items()}).accuracy
    stages["evaluated"] = time.perf_counter() - began
    return stages | {"accuracy": float(accuracy), "images": float(len(test_set))}


if __name__ == "__main__":
    print(json.dumps(evaluate(Path(sys.argv[1]))))
