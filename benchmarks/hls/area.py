"""Estimates of area before synthesis against what yosys makes of the same designs (ECP5, DSPs allowed)."""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import onnx

import asnet
from asnet import hls
from asnet.cache import default_cache, digest
from asnet.hls.area import estimate_area
from asnet.hls.area.units import counted
from asnet.hls.chip import Area
from asnet.hls.output_registers import rewrite
from asnet.hls.simulate import lay_out
from asnet.lower import lower
from asnet.passes import approximate
from asnet.tools import yosys
from asnet.types import FloatMode
from asnet.units import ApproximateUnit
from asnet.units.characterise import ECP5_SYNTHESIS
from benchmarks.hls.networks import KERNELS, dense_network, load_model

ROOT = Path(__file__).resolve().parents[2]
SEQUENTIAL, DATAFLOW = hls.Style.SEQUENTIAL, hls.Style.DATAFLOW


@dataclass(frozen=True)
class Case:
    """A design to measure. ``fmul``: the name and parameters of its multiplier, None for the exact one."""

    name: str
    network: Callable[[], asnet.Network]
    options: hls.HlsOptions
    mode: FloatMode = FloatMode.FTZ
    fmul: tuple[str, Mapping[str, int]] | None = None


def _model(build: Callable[[], onnx.ModelProto]) -> Callable[[], asnet.Network]:
    return lambda: load_model(build())


def _file(name: str) -> Callable[[], asnet.Network]:
    return lambda: asnet.load(ROOT / "examples" / "networks" / f"{name}.onnx")


def _small(sizes: tuple[int, ...]) -> Callable[[], asnet.Network]:
    return _model(lambda: dense_network(sizes))


def _style(style: hls.Style, lanes: int = 1, *, pipelined: bool = True) -> hls.HlsOptions:
    return hls.HlsOptions(style=style, parallel={"*": lanes} if lanes > 1 else {}, pipelined=pipelined)


TRUNCATED = ("fmul_trunc", {"p": 20})
CASES = (
    *(Case(name, _model(KERNELS[name]), _style(SEQUENTIAL)) for name in KERNELS),
    *(
        Case(f"{name} flow", _model(KERNELS[name]), _style(DATAFLOW))
        for name in ("vecmul_64", "dense_64", "conv_64x64_2")
    ),
    Case("conv_64x64_2 window", _model(KERNELS["conv_64x64_2"]), hls.HlsOptions(SEQUENTIAL, unroll={"*": 9})),
    Case("dense 64-16-10", _small((64, 16, 10)), _style(SEQUENTIAL)),
    Case("dense 64-16-10 flow", _small((64, 16, 10)), _style(DATAFLOW)),
    Case("dense 64-16-10 general", _small((64, 16, 10)), _style(SEQUENTIAL, pipelined=False)),
    Case("dense 64-16-10 2 lanes", _small((64, 16, 10)), _style(DATAFLOW, 2)),
    Case("dense 64-16-10 4 lanes", _small((64, 16, 10)), _style(DATAFLOW, 4)),
    Case("dense 64-16-10 ieee", _small((64, 16, 10)), _style(SEQUENTIAL), FloatMode.IEEE),
    Case("dense 64-16-10 p=20", _small((64, 16, 10)), _style(SEQUENTIAL), fmul=TRUNCATED),
    Case("dense 8-8-8-8 flow", _small((8, 8, 8, 8)), _style(DATAFLOW)),
    Case("dense 8-8-8-8", _small((8, 8, 8, 8)), _style(SEQUENTIAL)),
    Case("dense 256-32-4", _small((256, 32, 4)), _style(SEQUENTIAL)),
    Case("digits_dense", _file("digits_dense"), _style(SEQUENTIAL)),
    Case("digits_dense general", _file("digits_dense"), _style(SEQUENTIAL, pipelined=False)),
    Case("digits_dense flow", _file("digits_dense"), _style(DATAFLOW)),
    Case("digits_dense p=20", _file("digits_dense"), _style(SEQUENTIAL), fmul=TRUNCATED),
    Case("digits_conv", _file("digits_conv"), _style(SEQUENTIAL)),
    Case("digits_conv general", _file("digits_conv"), _style(SEQUENTIAL, pipelined=False)),
    Case("digits_conv flow", _file("digits_conv"), _style(DATAFLOW)),
)


def make(case: Case) -> hls.RtlDesign:
    """The design of ``case``."""
    network = case.network()
    module = approximate(lower(network, case.mode))
    instance = None if case.fmul is None else ApproximateUnit.shipped(case.fmul[0]).instance(**case.fmul[1])
    chosen = {slot.name: instance if slot.op == "fmul" else None for slot in module.slots}
    return hls.synthesise(module, chosen, name=network.name, options=case.options)


def synthesised(design: hls.RtlDesign, top: str | None = None, *, dsps: bool = True) -> Area:
    """What yosys makes of ``design``, or of its module ``top``, without registers that move into block RAMs; from the
    cache if it was made before. ``dsps``: products in DSP blocks."""
    tool, module = yosys.find(), top or design.top
    sources = [part for path in sorted(design.sources) for part in (path, design.files[path])]
    roms = [design.files[path] for path in sorted(design.files) if path.startswith("rom/")]
    mapping = [line.replace("{top}", module) for line in ECP5_SYNTHESIS]
    mapping = [line.replace(" -nodsp", "") if dsps else line for line in mapping]
    key = digest(["area 3", *mapping, tool.version, *sources, *roms])

    def build(folder: Path) -> None:
        with tempfile.TemporaryDirectory(dir=folder) as work:
            place = Path(work)
            lay_out(design, place)
            lines = [f"read_verilog -defer -sv -I{design.include_folder} {path}" for path in design.sources]
            lines += [*mapping, "stat", "write_json netlist.json"]
            area = counted(tool.run_script("\n".join(lines), place, limit=280))
            moved = rewrite(place / "netlist.json", place / "netlist.json")
        (folder / "area.json").write_text(json.dumps(asdict(replace(area, ffs=area.ffs - moved))))

    entry = default_cache().get("benchmarks", key, build)
    return Area(**json.loads((entry / "area.json").read_text()))


@dataclass(frozen=True)
class _Table:
    errors: list[float] = field(default_factory=list[float])

    def row(self, name: str, mine: Area, real: Area) -> None:
        error = (mine.luts - real.luts) / real.luts
        flops = (mine.ffs - real.ffs) / real.ffs
        self.errors.append(error)
        luts = f"{real.luts:8}{mine.luts:8.0f}{100 * error:+7.1f} %"
        ffs = f"{real.ffs:8}{mine.ffs:8.0f}{100 * flops:+7.1f} %"
        print(f"{name:26}{luts}{ffs}{real.dsps:5}{mine.dsps:4}{real.brams:6}{mine.brams:4}", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="cases whose name contains this")
    arguments = parser.parse_args()
    print(f"{'design':26}{'LUT4':>8}{'est.':>8}{'error':>9}{'FF':>8}{'est.':>8}{'error':>9}{'DSP':>5}{'':4}{'BRAM':>6}")
    table = _Table()
    for case in CASES:
        if arguments.only in case.name:
            design = make(case)
            table.row(case.name, estimate_area(design).total, synthesised(design))
    sizes = sorted(abs(error) for error in table.errors)
    within = sum(size <= 0.15 for size in sizes)
    print(f"{len(sizes)} designs: median error {100 * statistics.median(sizes):.1f} %, largest {100 * sizes[-1]:.1f} %")
    print(f"{within} of them within 15 %")


if __name__ == "__main__":
    main()
