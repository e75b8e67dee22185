"""Exploration: the paper's grid, the command line, all layers of a network, a new unit's first figure.

Times are wall seconds and processor seconds (children included) of whole commands. ``--only`` picks tables; the tables
of MNIST need ``ASNET_DATA`` (a folder with ``mnist.npz``). ``--full`` explores all 279,841 configurations of the SVHN
shape, where otherwise the first so many of the same order are taken.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import svhn

import asnet
from asnet.exploration import Match, Rule

ROOT = Path(__file__).resolve().parents[1]
NETWORKS = ROOT / "examples" / "networks"
PAPER = ROOT / "constraints" / "ready" / "paper_trunc.json"
LAYERS = {
    "version": 1,
    "granularity": "layer",
    "units": {"fmul_trunc": {"params": {"p": {"ParamLow": 0, "ParamHigh": 22}}}},
    "objectives": ["accuracy", "area"],
}
UNIT = """// {number}
module fresh(input signed [7:0] a, input signed [7:0] b, output signed [15:0] y);
  wire signed [15:0] p = a * b;
  assign y = {{p[15:3], 3'b000}};
endmodule
"""

Row = dict[str, object]


def command(*words: object, cache: Path | None = None) -> tuple[float, float, str]:
    """Wall seconds, processor seconds and stdout of ``asnet WORDS``."""
    environment = dict(os.environ) | ({"ASNET_CACHE": str(cache)} if cache else {})
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), environment.get("PYTHONPATH", "")])
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "asnet", *map(str, words)], env=environment, capture_output=True, text=True, check=False
    )
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def explored(folder: Path, *words: object, rounds: int = 1, cache: Path | None = None) -> tuple[float, float]:
    """The best wall and processor seconds of `asnet explore WORDS` in ``rounds`` rounds, each with its own study."""
    found = [
        command("explore", *words, "--study", folder / f"{number}.study", "--fresh", "-q", cache=cache)
        for number in range(rounds)
    ]
    return min(wall for wall, _, _ in found), min(cpu for _, cpu, _ in found)


def mnist(folder: Path) -> Path:
    """MNIST's test images as a test set for the shipped networks."""
    raw = np.load(Path(os.environ["ASNET_DATA"]) / "mnist.npz")
    np.savez(folder / "mnist.npz", x=raw["x_test"].reshape(-1, 784).astype(np.float32) / 255, y=raw["y_test"])
    np.savez(folder / "calibration.npz", x=raw["x_train"][:256].reshape(-1, 784).astype(np.float32) / 255)
    return folder / "mnist.npz"


def backends(folder: Path, full: bool) -> list[Row]:
    """The digits network, 23 x 23 configurations in one process: golden and with certified forms, the same bits."""
    units = [asnet.ApproximateUnit.shipped(name) for name in ("fmul_trunc", "fdiv_trunc")]
    network, data = asnet.load(NETWORKS / "digits_dense.onnx"), asnet.Dataset.load(NETWORKS / "digits_test.npz")
    rows: list[Row] = []
    digests: list[list[str]] = []
    for backend in ("auto", "golden"):
        problem = asnet.Problem.of(network, data, units, backend=backend)
        bed = problem.bed(threads=1)
        began = time.perf_counter()
        digests.append([found.digest for found in bed.evaluate_all(problem.space)])
        rows.append({"backend": backend, "configurations": len(digests[-1]), "seconds": time.perf_counter() - began})
    assert digests[0] == digests[1], "the backends differ"
    for row in rows:
        row["ratio"] = float(str(rows[1]["seconds"])) / float(str(row["seconds"]))
    return rows


def paper(folder: Path, full: bool) -> list[Row]:
    """mnist_classification, 23 x 23 configurations from the command line, with a warm cache."""
    data, network = mnist(folder), NETWORKS / "mnist_classification.onnx"
    rows: list[Row] = []
    explored(folder, network, PAPER, "--data", data)
    for images, more in ((10_000, ()), (5_000, ()), (2_500, ()), (10_000, ("--decide", "accuracy>=0.92"))):
        wall, cpu = explored(folder, network, PAPER, "--data", data, "--images", images, *more, rounds=3)
        rows.append({"images": images, "options": " ".join(more), "configurations": 529, "wall": wall, "cpu": cpu})
    if full:
        wall, cpu = explored(folder, network, PAPER, "--data", data, cache=folder / "cold")
        rows.append({"images": 10_000, "options": "empty cache", "configurations": 529, "wall": wall, "cpu": cpu})
    return rows


def layers(folder: Path, full: bool) -> list[Row]:
    """The SVHN shape, 23 truncations for each layer: the first so many configurations, in one process and from the
    command line (the last row)."""
    network = svhn.write_network(folder / "svhn.onnx")
    data = svhn.write_data(folder / "svhn.npz", network)
    unit = {"fmul_trunc": {"p": range(23)}}
    rows: list[Row] = []
    for images, varying, count in ((3000, 4, 1058), (3000, 4, 2116), (1500, 4, 1058), (3000, 3, 1058), (3000, 2, 529)):
        free = ("conv1", "conv2", "conv3", "dense")[4 - varying :]
        rules = [
            Rule(Match(layer=layer), ("exact",)) for layer in ("conv1", "conv2", "conv3", "dense") if layer not in free
        ]
        problem = asnet.Problem.of(network, asnet.Dataset.load(data).take(images), unit, granularity="layer")
        space = asnet.DesignSpace.build(problem.slots, problem.units, rules=rules, granularity="layer")
        bed = problem.bed(threads=1)
        bed.evaluate(space[0])
        began, cpu = time.perf_counter(), time.process_time()
        for _ in bed.evaluate_all(space[position] for position in range(min(count, space.size))):
            pass
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        rows.append(
            {
                "images": images, "layers": varying, "configurations": min(count, space.size), "wall": wall, "cpu": cpu,
                "ms each": cpu / min(count, space.size) * 1000,
                "stages ran": " ".join(str(bed.stage_runs[stage]) for stage in range(4)),
            }
        )  # fmt: skip
    file = folder / "layers.json"
    file.write_text(json.dumps(LAYERS), encoding="utf-8")
    count = 23**4 if full else 4 * 529
    wall, cpu = explored(folder, network, file, "--data", data, "--limit", count)
    rows.append(
        {"images": 3000, "layers": 4, "configurations": count, "wall": wall, "cpu": cpu, "ms each": cpu / count * 1000}
    )
    return rows


def first_figure(folder: Path, full: bool) -> list[Row]:
    """From a new 8x8 Verilog file to the accuracy of convolutionalMNIST in 8 bits on 10,000 images, from the command
    line; everything but the unit is in the cache."""
    data = mnist(folder)
    quantised, file = folder / "mnist_int8.onnx", folder / "fresh.json"
    network = NETWORKS / "mnist_convolutional.onnx"
    command("quantize", network, "--data", folder / "calibration.npz", "-o", quantised, "-q")
    content = {"version": 1, "units": {"fresh": {"op": "mul", "type": "i8", "verilog": "fresh.v"}}}
    file.write_text(json.dumps(content), encoding="utf-8")
    rows: list[Row] = []
    for number in range(4):
        (folder / "fresh.v").write_text(UNIT.format(number=time.time_ns()), encoding="utf-8")
        wall, cpu = explored(folder, quantised, file, "--data", data)
        if number:  # the first one fills the cache
            rows.append({"round": number, "wall": wall, "cpu": cpu})
    return rows


TABLES: Mapping[str, Callable[[Path, bool], list[Row]]] = {
    "backends": backends,
    "paper": paper,
    "layers": layers,
    "first": first_figure,
}
_NEED_DATA = frozenset({"paper", "first"})


def show(rows: list[Row]) -> None:
    """Print rows as a table."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[_cell(row.get(name, "")) for name in names] for row in rows]
    widths = [max(len(name), *(len(line[column]) for line in cells)) for column, name in enumerate(names)]
    for line in [names, *cells]:
        print("  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)))
    print()


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3g}" if value < 10 else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--full", action="store_true", help="all of the SVHN shape's configurations, and a cold cache")
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    found: dict[str, list[Row]] = {}
    for name in args.only:
        if name in _NEED_DATA and "ASNET_DATA" not in os.environ:
            print(f"{name}: left out, ASNET_DATA does not say where mnist.npz is\n")
            continue
        print(" ".join((TABLES[name].__doc__ or "").split()))
        with tempfile.TemporaryDirectory() as folder:
            found[name] = TABLES[name](Path(folder), args.full)
        show(found[name])
    if args.json:
        args.json.write_text(json.dumps(found, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
