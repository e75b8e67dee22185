"""Emulation of approximate multipliers: every form, unit and layer shape beside exact kernels and a table emulator.

Sections: `kernels` (sums of products alone), `layers` (a quantised convolution from input to output), `floats` (layers
in float32 beside onnxruntime and PyTorch), `wide` (operands of more than 8 bits), `networks` (ResNet-20 and
convolutionalMNIST in int8), `first` (seconds from a new Verilog file to an accuracy), `growth` (with images, layers),
`compile` (of kernels). All contestants of a table take turns, so that ratios are between figures of the same minutes.
The table emulator (peer.cpp) does what today's emulators do: im2col, a table of 256 x 256 int32, gathers;
`table rows, gathers` is as fast as we could make that. The last
table holds the goals. Exploration of many configurations: benchmarks/exploration.py.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import floats
import layers
import nets
import sums
from multipliers import float_units, integer_units
from peer import Way
from rounds import race
from sums import Row

from asnet.cache import default_cache
from asnet.types import EXACT

RANGES = {"half": "activations 0..127", "full": "activations of full 8 bits", "": ""}
FIRST = "64-64 3x3 32x32"
"""The layer that the goals speak of."""
NETWORKS = {"ResNet-20": 100, "convolutionalMNIST": 2000}
"""And images at a time."""


@dataclass
class Report:
    """What was measured, and how to measure."""

    folder: Path
    rounds: int
    threads: Sequence[int]
    only: str
    rows: dict[str, list[Row]] = field(default_factory=dict[str, list[Row]])
    figures: dict[str, dict[str, float]] = field(default_factory=dict[str, dict[str, float]])

    def keep(self, section: str, rows: Sequence[Row]) -> None:
        """Keep and print a table of rates of one layer, with ratios to exact arithmetic and to the table emulator."""
        self.rows.setdefault(section, []).extend(rows)
        head = rows[0]
        exact = max((row.rate for row in rows if row.unit == EXACT and row.form not in OTHERS), default=0.0)
        table = next((row.rate for row in rows if row.form == Way.GATHERS.label), 0.0)
        title = f"{head.shape} {head.type}{', ' if head.activations else ''}{RANGES[head.activations]}"
        threads = f", {head.threads} threads" if head.threads > 1 else ""
        print(f"\n{title + threads:<66} {'GMAC/s':>8} {'of exact':>9} {'x gathers':>10}")
        for row in rows:
            ratios = f"{_ratio(row.rate, exact, '9.1%'):>9} {_ratio(row.rate, table, '10.1f'):>10}"
            print(f"  {row.unit:<44} {row.form:<19} {row.rate / 1e9:>8.2f} {ratios}", flush=True)

    def rate(self, section: str, where: Callable[[Row], bool]) -> float | None:
        """The best rate of one thread among the rows ``where``; None without one."""
        return max((row.rate for row in self.rows.get(section, []) if row.threads == 1 and where(row)), default=None)


OTHERS = ("onnxruntime", "torch")


def _ratio(value: float, base: float, style: str) -> str:
    return format(value / base, style) if base else ""


def _chosen(names: Iterable[str], only: str) -> list[str]:
    return [name for name in names if only in name]


def kernels(report: Report) -> None:
    """Sums of products of 8-bit operands alone."""
    units = integer_units(8, report.folder)
    shapes = [shape for shape in sums.SHAPES if report.only in shape.name]
    for threads in report.threads:
        options = {"rounds": report.rounds, "threads": threads, "ranges": ("half", "full")}
        for rows in sums.kernels(units, shapes if threads == 1 else shapes[:1], default_cache(), **options):
            report.keep("kernels", rows)


def whole_layers(report: Report) -> None:
    """Quantised convolutions from input to output."""
    units = {name: unit for name, unit in integer_units(8, report.folder).items() if "exact" not in name}
    for threads in report.threads:
        for layer in layers.LAYERS if threads == 1 else layers.LAYERS[:1]:
            for activations in ("half", "full") if report.only in layer.name else ():
                racing = layers.contestants(layer, units, activations, default_cache())
                named = {" ".join(key): contestant for key, contestant in racing.items()}
                rates = race(named, layer.products, rounds=report.rounds, threads=threads)
                cells = zip(racing, rates.values(), strict=True)
                report.keep("layers", [Row(layer.name, "i8", activations, *key, threads, rate) for key, rate in cells])


def wide(report: Report) -> None:
    """Sums of products of 12-bit, 16-bit and float32 operands."""
    shapes = [shape for shape in sums.SHAPES[:1] if report.only in shape.name]
    for units in (
        *(integer_units(width, report.folder, signed=False) for width in (12, 16)),
        float_units(report.folder),
    ):
        for rows in sums.kernels(units, shapes, default_cache(), rounds=report.rounds, threads=1):
            report.keep("wide", rows)


def float_layers(report: Report) -> None:
    """Float32 layers: exact, with a truncating unit, onnxruntime, PyTorch."""
    for layer in floats.LAYERS:
        if report.only in layer.name:
            rates = floats.measure(layer, report.rounds, default_cache())
            keys = {"tiled": (EXACT, "tiles"), "masked": ("fmul_trunc(p=12)", "mask")}
            keys |= {name: (EXACT, name) for name in OTHERS}
            report.keep("floats", [Row(layer.name, "f32", "", *keys[name], 1, rate) for name, rate in rates.items()])


def networks(report: Report) -> None:
    """Images per second of whole networks in 8 bits, quantisation of the input included."""
    units = {name: unit for name, unit in integer_units(8, report.folder).items() if "exact" not in name}
    for name in _chosen(NETWORKS, report.only):
        for threads in report.threads:
            found = nets.images_per_second(
                name, units, default_cache(), images=NETWORKS[name], rounds=max(3, report.rounds // 4), threads=threads
            )
            exact = next(iter(found.values()))
            title = f"{name} in int8{f', {threads} threads' if threads > 1 else ''}"
            print(f"\n{title:<66} {'images/s':>8} {'of exact':>9}")
            for (unit, form), rate in found.items():
                print(f"  {unit:<44} {form:<19} {rate:>8.0f} {rate / exact:>9.1%}", flush=True)
            figures = report.figures.setdefault(f"{name}, {threads} threads", {})
            figures |= {" ".join(key): rate for key, rate in found.items()}


def first(report: Report) -> None:
    """Seconds from a new Verilog file to the first accuracy."""
    for name in _chosen(NETWORKS, report.only):
        found = min((nets.first_accuracy(name) for _ in range(2)), key=lambda figures: figures["whole"])
        report.figures[f"first accuracy, {name}"] = found
        print(
            f"\n{name} in int8: {found['whole']:.2f} s from a new 8x8 Verilog file to the accuracy on "
            f"{found['images']:,.0f} images, process start included (test bed ready after {found['ready']:.2f} s)",
            flush=True,
        )


def growth(report: Report) -> None:
    """Growth with images and with layers."""
    unit = list(integer_units(8, report.folder).values())[-1]
    for name in _chosen(NETWORKS, report.only):
        found = nets.growth_with_images(name, unit, (1, 10, 100, 1000), default_cache(), rounds=3)
        print(f"\n{name}, {unit.name}: images/s for a number of images at once")
        print("  " + "  ".join(f"{count:,}: {rate:,.0f}" for count, rate in found.items()), flush=True)
        report.figures[f"growth with images, {name}"] = {str(count): rate for count, rate in found.items()}
    layer = layers.LAYERS[1]
    if report.only in layer.name:
        chains = nets.growth_with_layers(layer, (1, 4, 16, 64), unit)
        print(f"\n{layer.name}, {unit.name}: {'layers':>8} {'lower [s]':>10} {'compile [s]':>12} {'run [ms]':>9}")
        for count, took in chains.items():
            print(f"{count:>38} {took['lower']:>10.2f} {took['compile']:>12.2f} {took['run'] * 1e3:>9.2f}", flush=True)
            report.figures[f"growth with layers, {count}"] = took


def compiling(report: Report) -> None:
    """Seconds to compile kernels, nothing cached but what is known of the units."""
    shapes = [shape for shape in sums.SHAPES[:1] if report.only in shape.name]
    for units in (*(integer_units(width, report.folder) for width in (8, 12, 16)), float_units(report.folder)):
        for shape in shapes:
            found = sums.compile_seconds(units, shape, default_cache())
            print()
            for (unit, form), seconds in found.items():
                print(f"  {unit:<44} {form:<19} {seconds:>8.2f} s to compile", flush=True)
            report.figures.setdefault("compile", {}).update({" ".join(key): took for key, took in found.items()})


SECTIONS: Mapping[str, Callable[[Report], None]] = {
    "kernels": kernels,
    "layers": whole_layers,
    "floats": float_layers,
    "wide": wide,
    "networks": networks,
    "first": first,
    "growth": growth,
    "compile": compiling,
}


@dataclass(frozen=True)
class Goal:
    """What is to be reached: ``value`` at least ``least``, or at most."""

    what: str
    value: float | None
    limit: float
    style: str
    most: bool = False

    def __str__(self) -> str:
        sign = "<=" if self.most else ">="
        if self.value is None:
            return f"  {self.what:<78} {sign} {format(self.limit, self.style):>7} {'not measured':>9}"
        reached = self.value <= self.limit if self.most else self.value >= self.limit
        cells = f"{format(self.limit, self.style):>7} {format(self.value, self.style):>9}"
        return f"  {self.what:<78} {sign} {cells} {'reached' if reached else 'NOT REACHED'}"


def goals(report: Report) -> Iterator[Goal]:
    """Those of one core with AVX-512 VBMI."""
    for layer in floats.LAYERS:
        rates = {row.form: row.rate for row in report.rows.get("floats", []) if row.shape == layer.name}
        other = max((rates[name] for name in OTHERS if name in rates), default=0.0)
        if rates and other:
            yield Goal(
                f"{layer.name}, exact float32, of the faster of {' and '.join(OTHERS)}",
                rates["tiles"] / other,
                0.9,
                ".1%",
            )
            yield Goal(f"{layer.name}, truncating unit, of exact float32", rates["mask"] / rates["tiles"], 0.9, ".1%")
    for activations, share, times in (("half", 0.2, 20.0), ("full", 0.14, 14.0)):

        def here(row: Row, activations: str = activations) -> bool:
            return row.shape == FIRST and row.activations == activations

        def best(wanted: Callable[[Row], bool], here: Callable[[Row], bool] = here) -> float | None:
            return report.rate("layers", lambda row: here(row) and wanted(row))

        exact = best(lambda row: row.unit == EXACT and row.form not in OTHERS)
        gather, any_unit = best(lambda row: row.form == Way.GATHERS.label), best(lambda row: row.unit.endswith("_any"))
        rank_one = best(lambda row: "_trunc" in row.unit)
        where = f"{FIRST}, {RANGES[activations]}"
        yield Goal(f"{where}: any 8x8 unit, of exact int8", _over(any_unit, exact), share, ".1%")
        yield Goal(f"{where}: any 8x8 unit, times table gathers", _over(any_unit, gather), times, ".1f")
        yield Goal(f"{where}: rank-1 unit, of exact int8", _over(rank_one, exact), 0.6, ".1%")
    for width, least in (("12", 4.0), ("16", 2.3)):
        units = {row.unit for row in report.rows.get("wide", []) if row.unit.startswith(f"mul{width}")}
        without_form = [name for name in units if name.endswith(("_any", "_gates"))]
        rates = [report.rate("wide", lambda row, name=name: row.unit == name) or 0.0 for name in without_form]
        yield Goal(f"any {width}-bit unit [GMAC/s]", min(rates) / 1e9 if rates else None, least, ".2f")
    value = report.rate("wide", lambda row: row.unit.startswith("fmul_mantissa"))
    yield Goal("any combinational float32 unit [GMAC/s]", None if value is None else value / 1e9, 0.5, ".2f")
    found = report.figures.get("ResNet-20, 1 threads", {})
    any_unit = next((rate for name, rate in found.items() if "_any" in name), None)
    yield Goal("ResNet-20 in int8, any 8x8 unit [images/s]", any_unit, 600, ".0f")
    took = report.figures.get("first accuracy, convolutionalMNIST", {}).get("whole")
    yield Goal("new 8x8 Verilog file to the first accuracy of convolutionalMNIST [s]", took, 3.0, ".2f", most=True)


def _over(value: float | None, base: float | None) -> float | None:
    return None if value is None or not base else value / base


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "section", nargs="*", default=list(SECTIONS), metavar="SECTION", help=f"of {', '.join(SECTIONS)}"
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="layers and networks whose name holds TEXT")
    parser.add_argument("--threads", default="1,2", help="numbers of threads, for kernels, layers and networks")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    if unknown := set(args.section) - SECTIONS.keys():
        parser.error(f"unknown section {', '.join(sorted(unknown))}; known: {', '.join(SECTIONS)}")
    threads = [int(number) for number in args.threads.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        report = Report(Path(folder), args.rounds, threads, args.only)
        for name in args.section:
            try:
                SECTIONS[name](report)
            except FileNotFoundError as error:
                print(f"\n{name}: {error.filename} is not there (set ASNET_DATA to its folder)", file=sys.stderr)
    print("\ngoals, one thread")
    for goal in goals(report):
        print(goal)
    if not importlib.util.find_spec("torch"):
        print("  (PyTorch is not installed)")
    if args.json:
        rows = {name: [row.json for row in found] for name, found in report.rows.items()}
        args.json.write_text(json.dumps({"rows": rows, "figures": report.figures}, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
