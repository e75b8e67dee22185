"""Damaged models through the loader and the lowering: a network, or an error of ours; never a crash, never gigabytes.

``python -m tests.network.fuzz`` runs many mutations of the models of the examples and of the onnx package and prints
what went wrong; the tests run a few hundred.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import onnx

from asnet.cache import Cache
from asnet.errors import AsnetError
from asnet.ir.jit import Engine
from asnet.ir.module import Module
from asnet.lower import lower
from asnet.network import Network, load, oracle
from asnet.network.summary import multiply_accumulates
from asnet.types import Array, FloatMode
from tests.network.mutations import mutate

__all__ = ["Fault", "corpus", "faults"]

EXAMPLES = Path(__file__).parents[2] / "examples"
ONNX_DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"
MEMORY = 2 << 30
"""Bytes that a mutation may take beyond what the process has when it starts."""
SECONDS = 20.0
_RUN_ELEMENTS = 100_000
"""Networks of as many elements and multiplications at most are run, too."""


@dataclass(frozen=True)
class Fault:
    """A mutation that ended in neither a network nor an error of ours."""

    model: Path
    seed: int
    why: str

    def __str__(self) -> str:
        return f"{self.model} seed {self.seed}: {self.why}"


def corpus() -> list[Path]:
    """Real models: those of the examples, the classifiers and the exported modules of the onnx package."""
    light = [ONNX_DATA / "light" / f"light_{name}.onnx" for name in ("squeezenet", "shufflenet", "resnet50")]
    modules = sorted((ONNX_DATA / "pytorch-converted").glob("*/model.onnx"))
    operators = sorted((ONNX_DATA / "pytorch-operator").glob("*/model.onnx"))
    simple = sorted((ONNX_DATA / "simple").glob("*/model.onnx"))
    return [*sorted(EXAMPLES.rglob("*.onnx")), *light, *modules, *operators, *simple]


def content(path: Path) -> bytes:
    """The model with its dynamic axes bound."""
    model = onnx.load_model_from_string(path.read_bytes())
    for value in model.graph.input:
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param:
                dim.dim_value = 8
    return model.SerializeToString()


def outcome(data: bytes, folder: Path) -> str:
    """What became of a damaged model: a network, the kind of the error, or ``!`` and what is wrong.

    Compiled code is kept in ``folder``.
    """
    try:
        network = load(data)
        module = lower(network, FloatMode.IEEE)
        if sum(tensor.size for tensor in network.tensors.values()) > _RUN_ELEMENTS:
            return "network"
        if sum(multiply_accumulates(layer, network) for layer in network.layers) > _RUN_ELEMENTS:
            return "network"
        return _difference(network, module, folder) or "network that runs"
    except AsnetError as error:
        text = str(error)
        if any(len(line) < 10 for line in text.split("\n")):
            return f"! the message of {type(error).__name__} is {text!r}"
        return type(error).__name__
    except BaseException as error:  # whatever else is what this looks for
        last = traceback.extract_tb(error.__traceback__)[-1]
        return f"! {type(error).__name__}: {str(error)[:200]} ({Path(last.filename).name}:{last.lineno})"


def _difference(network: Network, module: Module, folder: Path) -> str:
    """Where the compiled network differs from the oracle; empty if nowhere."""
    random = np.random.default_rng(1)
    feeds: dict[str, Array] = {}
    for tensor in network.inputs:
        values = random.integers(-3, 9, tensor.shape) if tensor.dtype != "float32" else random.normal(size=tensor.shape)
        feeds[tensor.name] = np.asarray(values).astype(tensor.dtype)
    engine = Engine(module, cache=Cache(folder))
    state = engine.state(1)
    engine.run({name: values[None] for name, values in feeds.items()}, state=state)
    expected = oracle.run(network, feeds, FloatMode.IEEE)
    for tensor in network.outputs:
        found, wanted = engine.memory(state, tensor.name)[0], expected[tensor.name]
        same = (found == wanted) | ((found != found) & (wanted != wanted))
        if not same.all():
            return f"! {np.count_nonzero(~same)} of {found.size} numbers of {tensor} are not the oracle's"
    return ""


def _serve(jobs: Sequence[tuple[Path, int]], connection: Connection) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    with tempfile.TemporaryDirectory(prefix="asnet-fuzz-") as folder:
        while True:
            path, seed = jobs[connection.recv()]
            connection.send(outcome(mutate(content(path), seed), Path(folder)))


class _Worker:
    """A process that can be lost."""

    def __init__(self, jobs: Sequence[tuple[Path, int]]) -> None:
        context = multiprocessing.get_context("fork")
        self._connection, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(jobs, other), daemon=True)
        self._process.start()
        other.close()

    def run(self, job: int) -> str:
        self._connection.send(job)
        if not self._connection.poll(SECONDS):
            return f"! no result within {SECONDS:g} s"
        try:
            return self._connection.recv()
        except (EOFError, ConnectionResetError):
            self._process.join()
            return f"! the process died (exit code {self._process.exitcode})"

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._connection.close()


def outcomes(jobs: Sequence[tuple[Path, int]]) -> Iterator[tuple[Path, int, str]]:
    """(model, seed, outcome) of each mutation, run in a process whose memory is limited."""
    worker = _Worker(jobs)
    try:
        for number, (path, seed) in enumerate(jobs):
            found = worker.run(number)
            yield path, seed, found
            if found.startswith(("! no result", "! the process")):
                worker.end()
                worker = _Worker(jobs)
    finally:
        worker.end()


def faults(models: Iterable[Path], seeds: Iterable[int]) -> list[Fault]:
    """What went wrong with the mutations of ``models`` by ``seeds``."""
    chosen = list(seeds)
    found = outcomes([(path, seed) for path in models for seed in chosen])
    return [Fault(path, seed, why[2:]) for path, seed, why in found if why.startswith("!")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, or 1 if something went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.network.fuzz", description=__doc__)
    parser.add_argument("models", nargs="*", type=Path, help="ONNX files; default: those of the examples and of onnx")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, default=100, help="mutations of each model")
    parser.add_argument("--seconds", type=float, default=600.0, help="stop after this time")
    options = parser.parse_args(arguments)
    jobs = [
        (path, seed)
        for seed in range(options.seed, options.seed + options.count)
        for path in options.models or corpus()
    ]
    counts: Counter[str] = Counter()
    end = time.monotonic() + options.seconds
    for path, seed, why in outcomes(jobs):
        counts[why if not why.startswith("!") else "wrong"] += 1
        if why.startswith("!"):
            print(Fault(path, seed, why[2:]), flush=True)
        if time.monotonic() > end:
            break
    print(", ".join(f"{count} {name}" for name, count in sorted(counts.items())))
    return int(counts["wrong"] > 0)


if __name__ == "__main__":
    sys.exit(main())
