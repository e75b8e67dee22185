"""Networks of real size on the host: time, compile time and memory beside onnxruntime.

The nine architectures that the onnx package ships as light models (their weights are made by ConstantOfShape), and
ResNet-20 for CIFAR-10 if its file is in the folder that ASNET_DATA names. For each, in fresh processes: seconds to
load, lower and compile (nothing cached), milliseconds per image in exact fp32 against onnxruntime (the best of runs
that are interleaved in one process, both with ``--threads`` threads), the peak resident memory of a process that does
nothing but run the network once, for both, and the size of the LLVM IR: as lowered, and of the functions that are left
to compile. The outputs must agree with those that the onnx package expects. Needs onnxruntime.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
RESNET20 = "resnet20_cifar10"


@dataclass(frozen=True)
class Row:
    """What was measured of one network; times in seconds, sizes in bytes."""

    name: str
    macs: int
    load: float
    lower: float
    compile: float
    run: float
    onnxruntime_run: float
    ratio: float
    rss: int
    onnxruntime_rss: int
    ir: int
    program: int
    activations: int
    largest_live: int
    right: bool

    def __str__(self) -> str:
        return (
            f"{self.name:<18} {self.macs / 1e6:>7.0f} {self.load:>5.2f} {self.lower:>6.2f} {self.compile:>8.2f} "
            f"{self.run * 1e3:>9.2f} {self.onnxruntime_run * 1e3:>9.2f} {self.ratio:>7.1%} {self.rss >> 20:>6} "
            f"{self.onnxruntime_rss >> 20:>6} {self.rss / self.onnxruntime_rss:>6.2f} {self.ir / 1e3:>6.0f} "
            f"{self.program / 1e3:>8.0f} {self.activations / 1e6:>7.1f} {self.largest_live / 1e6:>7.1f} "
            f"{'yes' if self.right else 'NO':>5}"
        )


HEADER = (
    f"{'':<18} {'':>7} {'':>5} {'':>6} {'':>8} {'ms/image':>9} {'':>9} {'':>7} {'peak':>6} {'RSS MB':>6} {'':>6} "
    f"{'IR kB':>6} {'':>8} {'activa':>7} {'tions':>7}\n"
    f"{'network':<18} {'MMAC':>7} {'load':>5} {'lower':>6} {'compile':>8} {'ASNet':>9} {'ort':>9} {'speed':>7} "
    f"{'ASNet':>6} {'ort':>6} {'ratio':>6} {'module':>6} {'compiled':>8} {'MB':>7} {'live MB':>7} {'right':>5}"
)


def networks() -> dict[str, Path]:
    """Name → model file."""
    found = {path.stem.removeprefix("light_"): path for path in sorted(LIGHT.glob("light_*.onnx"))}
    data = Path(os.environ.get("ASNET_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    resnet20 = data / f"{RESNET20}.onnx"
    return found | ({RESNET20: resnet20} if resnet20.exists() else {})


def peak_rss() -> int:
    """Most bytes that this process has had in memory."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def ramp(shape: tuple[int, ...]) -> Any:
    """The input for which the onnx package has the expected outputs."""
    size = int(np.prod(shape))
    return (np.arange(size).reshape(shape) / size).astype(np.float32)


def asnet_engine(path: Path, threads: int, cache: Path, facts: dict[str, Any]) -> tuple[Callable[[], Any], Any]:
    """A function that runs the network on its input, and the input; ``facts`` gets what is measured on the way."""
    import asnet
    from asnet.cache import Cache
    from asnet.ir import MemoryKind, reuse
    from asnet.ir.jit import Engine
    from asnet.ir.placement import live_peak
    from asnet.ir.program import Program
    from asnet.ir.tiling import host_tiling
    from asnet.lower import lower
    from asnet.network.summary import multiply_accumulates

    began = time.perf_counter()
    network = asnet.load(path)
    facts["load"] = time.perf_counter() - began
    began = time.perf_counter()
    module = reuse(lower(network, asnet.FloatMode.IEEE, tiling=host_tiling()))
    facts["ir"] = len(module.text)
    facts["lower"] = time.perf_counter() - began
    facts["macs"] = sum(multiply_accumulates(layer, network) for layer in network.layers)
    facts["activations"] = module.blob_size(MemoryKind.ACTIVATION)
    facts["largest_live"] = live_peak(module)
    began = time.perf_counter()
    engine = Engine(module, cache=Cache(cache), threads=threads)
    facts["compile"] = time.perf_counter() - began
    facts["program"] = len(Program.cached(module, {}, Cache(cache)).layers)
    x = ramp(network.inputs[0].shape)
    state = engine.state(1)
    return lambda: engine.run(x[None], state=state), x


def onnxruntime_session(path: Path, threads: int) -> Callable[[Any], Any]:
    """A function that runs the network on an input."""
    from sessions import session

    found = session(path, threads)
    name = found.get_inputs()[0].name
    return lambda x: found.run(None, {name: x})[0]


def measure(path: Path, threads: int, rounds: int, cache: Path) -> dict[str, Any]:
    """Everything but memory."""
    facts: dict[str, Any] = {}
    run, x = asnet_engine(path, threads, cache, facts)
    reference = onnxruntime_session(path, threads)
    found, other = run(), reference(x)
    expected = path.with_name(f"{path.stem}_output_0.pb")
    if expected.exists():
        other = numpy_helper.to_array(onnx.load_tensor(str(expected)))
    facts["right"] = bool(np.allclose(found.reshape(-1), other.reshape(-1), rtol=2e-3, atol=1e-5))
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(rounds):
        began = time.perf_counter()
        run()
        middle = time.perf_counter()
        reference(x)
        ours.append(middle - began)
        theirs.append(time.perf_counter() - middle)
    facts["run"], facts["onnxruntime_run"] = min(ours), min(theirs)  # what other processes take is not theirs
    facts["ratio"] = facts["onnxruntime_run"] / facts["run"]
    return facts


def memory(path: Path, threads: int, which: str, cache: Path) -> dict[str, Any]:
    """Peak memory of one run by ``which``; ASNet has its code in the cache, as in every run but the first."""
    if which == "asnet":
        asnet_engine(path, threads, cache, {})[0]()
        return {"rss": peak_rss()}
    model = onnx.load(path, load_external_data=False)
    constants = {tensor.name for tensor in model.graph.initializer}
    value = next(value for value in model.graph.input if value.name not in constants)
    x = ramp(tuple(dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim))
    onnxruntime_session(path, threads)(x)
    return {"onnxruntime_rss": peak_rss()}


def in_a_process(*arguments: str) -> dict[str, Any]:
    """What a fresh process finds out."""
    command = [sys.executable, __file__, *arguments]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def main() -> None:
    """Print the table."""
    known = networks()
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("network", nargs="*", default=list(known), metavar="NETWORK", help=f"of {', '.join(known)}")
    parser.add_argument("--rounds", type=int, default=20, help="interleaved runs of one image")
    parser.add_argument("--threads", type=int, default=1, help="of both")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--worker", choices=["time", "asnet", "onnxruntime"], help=argparse.SUPPRESS)
    parser.add_argument("--cache", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if unknown := set(args.network) - known.keys():
        parser.error(f"unknown network {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    if args.worker:
        path = known[args.network[0]]
        if args.worker == "time":
            print(json.dumps(measure(path, args.threads, args.rounds, args.cache)))
        else:
            print(json.dumps(memory(path, args.threads, args.worker, args.cache)))
        return
    rows: list[Row] = []
    print(HEADER, flush=True)
    for name in args.network:
        with tempfile.TemporaryDirectory() as cache:
            options = [name, "--threads", str(args.threads), "--rounds", str(args.rounds), "--cache", cache, "--worker"]
            facts = in_a_process(*options, "time")
            facts |= in_a_process(*options, "asnet")
            facts |= in_a_process(*options, "onnxruntime")
        rows.append(Row(name=name, **facts))
        print(rows[-1], flush=True)
    if args.json:
        args.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
