"""Accuracy of quantised networks: bits x scheme x per-tensor or per-channel weights x calibration, beside float32.

ResNet-20 on 1,000 CIFAR-10 images and convolutionalMNIST on 10,000 MNIST images; scales are chosen from 256 training
images. Needs the data sets of ``$ASNET_DATA`` and onnxruntime, which runs the written networks: it computes the same
integers (tests/quantizing). With ``--json FILE`` every figure is kept, and what the file holds is not measured again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sessions import session
from tasks import TASKS, Task

import asnet
from asnet.quantizing import CALIBRATIONS, SCHEMES

BATCH = 100


def accuracy(task: Task, network: bytes) -> float:
    """Share of test images whose greatest output is at the right class."""
    runs = session(network)
    name = runs.get_inputs()[0].name
    found = [runs.run(None, {name: task.x[i : i + BATCH]})[0].argmax(axis=1) for i in range(0, len(task.x), BATCH)]
    return float(np.mean(np.concatenate(found) == task.y))


def variants(bits: Iterable[int], schemes: Sequence[str]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Name and options of everything that is measured."""
    for width in bits:
        for scheme in schemes:
            for per_channel in (False, True):
                for calibrate in CALIBRATIONS:
                    grain = "channel" if per_channel else "tensor"
                    yield (
                        f"{width} {scheme} {grain} {calibrate}",
                        {
                            "weights": width,
                            "activations": width,
                            "scheme": scheme,
                            "per_channel": per_channel,
                            "calibrate": calibrate,
                        },
                    )


EXTRAS: Mapping[str, Mapping[str, Any]] = {
    "8 bits, symmetric, per tensor, max": {"per_channel": False},
    "the same, equalised": {"per_channel": False, "equalize": True},
    "the same, equalised, biases corrected": {"per_channel": False, "equalize": True, "bias_correction": True},
    "4 bits, affine, per channel, propagated": {
        "weights": 4, "activations": 4, "scheme": "affine", "calibrate": "propagated",
    },
    "the same, biases corrected": {
        "weights": 4, "activations": 4, "scheme": "affine", "calibrate": "propagated", "bias_correction": True,
    },
    "4-bit weights, 8-bit activations, affine, per channel, propagated": {
        "weights": 4, "scheme": "affine", "calibrate": "propagated",
    },
}  # fmt: skip


def measure(name: str, task: Task, wanted: Mapping[str, Mapping[str, Any]], kept: Path | None) -> dict[str, float]:
    """Accuracy by variant."""
    store: dict[str, dict[str, float]] = json.loads(kept.read_text()) if kept and kept.exists() else {}
    found = store.setdefault(name, {})
    for key, options in {"float32": None, **wanted}.items():
        if key in found:
            continue
        start = time.perf_counter()
        if options is None:
            content = task.network.read_bytes()
        else:
            chosen = asnet.Quantization(format="qoperator", **options)
            content = asnet.quantize(task.network, task.calibration, chosen).data
        seconds = time.perf_counter() - start
        found[key] = accuracy(task, content)
        print(f"{name}: {key}: {found[key]:.2%} (quantised in {seconds:.1f} s)", file=sys.stderr)
        if kept:
            kept.write_text(json.dumps(store, indent=2))
    return found


def table(name: str, found: Mapping[str, float], bits: Iterable[int], schemes: Sequence[str]) -> Iterable[str]:
    """The figures as a Markdown table."""
    yield f"{name}: float32 {found['float32']:.2%}"
    yield ""
    yield f"| bits | activations | weights | {' | '.join(CALIBRATIONS)} |"
    yield f"|---:|---|---|{'---:|' * len(CALIBRATIONS)}"
    for width in bits:
        for scheme in schemes:
            for grain in ("tensor", "channel"):
                cells = [f"{found[f'{width} {scheme} {grain} {calibrate}']:.2%}" for calibrate in CALIBRATIONS]
                yield f"| {width} | {scheme} | per {grain} | {' | '.join(cells)} |"
    yield ""
    for key in EXTRAS:
        yield f"- {key}: {found[key]:.2%}"


def main() -> int:
    """Print the tables; 2 where the data is missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--network", choices=TASKS, action="append", help="default: all")
    parser.add_argument("--bits", type=int, action="append", help="default: 8, 6, 4")
    parser.add_argument("--scheme", choices=SCHEMES, action="append", help="default: both")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures here")
    args = parser.parse_args()
    bits, schemes = args.bits or [8, 6, 4], args.scheme or list(SCHEMES)
    for name in args.network or TASKS:
        try:
            task = TASKS[name]()
        except FileNotFoundError as error:
            print(f"{error.filename} is not there (set ASNET_DATA to its folder)", file=sys.stderr)
            return 2
        found = measure(name, task, dict(variants(bits, schemes)) | EXTRAS, args.json)
        print("\n".join(table(name, found, bits, schemes)), end="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
