"""The paper's exploration: every pair of p_mul and p_div in 0..22 on a network, golden and with certified forms.

The units are compiled first, and not counted; both backends evaluate the same configurations one after the other, and
their outputs are compared by digest. ``--data`` names a test set; default: the digits network and its own.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import asnet

ROOT = Path(__file__).resolve().parents[1]
NETWORKS = ROOT / "examples" / "networks"


def main() -> None:
    """Print the table, and the accuracy over p of the multiplier."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--network", type=Path, default=NETWORKS / "digits_dense.onnx")
    parser.add_argument("--data", type=Path, default=NETWORKS / "digits_test.npz")
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    units = [asnet.ApproximateUnit.shipped(name) for name in ("fmul_trunc", "fdiv_trunc")]
    network, data = asnet.load(args.network), asnet.Dataset.load(args.data)
    figures: dict[str, dict[str, float]] = {}
    digests: dict[str, list[str]] = {}
    curve: dict[str, float] = {}
    for backend in ("auto", "golden"):
        problem = asnet.Problem.of(network, data, units, backend=backend)
        bed = problem.bed()
        began = time.perf_counter()
        found = [bed.evaluate(problem.space[position]) for position in range(problem.space.size)]
        seconds = time.perf_counter() - began
        digests[backend] = [evaluation.digest for evaluation in found]
        figures[backend] = {"seconds": seconds, "configurations": len(found)}
        for position, evaluation in enumerate(found):
            choices = problem.space.choices(position)
            if choices["fdiv"] == "fdiv_trunc(p=0)":
                curve[choices["fmul"]] = evaluation.accuracy
    print(f"{network.name}, {len(data):,} images, one process")
    print(f"{'backend':<8} {'configurations':>14} {'seconds':>9} {'ratio':>7}")
    for backend, row in figures.items():
        ratio = figures["golden"]["seconds"] / row["seconds"]
        print(f"{backend:<8} {row['configurations']:>14} {row['seconds']:>9.2f} {ratio:>7.1f}")
    same = digests["auto"] == digests["golden"]
    print(f"outputs of all configurations: {'the same bits' if same else 'DIFFERENT'}")
    print("accuracy over p of the multiplier, p_div = 0:")
    for name, accuracy in curve.items():
        print(f"  {name:<18} {accuracy:.2%}")
    if args.json:
        args.json.write_text(json.dumps({"figures": figures, "curve": curve}, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
