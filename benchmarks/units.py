"""Operations per second of units through Verilator's models, beside exact host arithmetic of the same call.

Interleaved: in every round each unit and the exact operation are called once on the same operands; the figure is the
best round's, the ratio is between figures of this run.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from asnet.cache import default_cache
from asnet.types import EXACT, FloatMode
from asnet.units import ApproximateUnit, FunctionLibrary, UnitInstance

CHOICES = (
    ("fmul_trunc", {"p": 0}),
    ("fmul_trunc", {"p": 20}),
    ("fdiv_trunc", {"p": 0}),
    ("fdiv_trunc", {"p": 22}),
    ("fmul_mantissa", {"multiplier": "mul_drum", "k": 6}),
    ("mul8s_exact", {}),
    ("mul8s_drum", {"k": 4}),
)


def operands(instance: UnitInstance, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Random operands of the instance's type."""
    random = np.random.default_rng(1)
    if instance.type.is_float:
        a, b = random.standard_normal((2, count)).astype(np.float32)
        return a, b
    low = -(1 << (instance.type.width - 1)) if instance.type.signed else 0
    a, b = random.integers(low, low + (1 << instance.type.width), (2, count), dtype=np.int32)
    return a, b


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=1_000_000, help="operations a call")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    instances = [ApproximateUnit.shipped(name).instance(**params) for name, params in CHOICES]
    library = FunctionLibrary.build(instances, FloatMode.FTZ, cache=default_cache())
    best: dict[tuple[str, str], float] = {}
    for _ in range(args.rounds):
        for instance in instances:
            a, b = operands(instance, args.count)
            for chosen in (instance, EXACT):
                began = time.perf_counter()
                library.call(instance.op, instance.type, a, b, chosen)
                key = (instance.name, "exact" if chosen == EXACT else "golden")
                best[key] = max(best.get(key, 0.0), args.count / (time.perf_counter() - began))
    print(f"{'instance':<40} {'golden [M/s]':>13} {'exact [M/s]':>12} {'exact/golden':>13}")
    rows: list[dict[str, object]] = []
    for instance in instances:
        golden, exact = best[instance.name, "golden"], best[instance.name, "exact"]
        print(f"{instance.name:<40} {golden / 1e6:>13.1f} {exact / 1e6:>12.1f} {exact / golden:>13.1f}")
        rows.append({"instance": instance.name, "golden": golden, "exact": exact})
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
