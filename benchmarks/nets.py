"""Whole quantised networks with any unit: images per second, seconds to the first accuracy, compile times, growth."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import onnx
from layers import Bound, Layer, reference
from multipliers import any_integer
from onnx import helper, shape_inference
from rounds import Contestant, race
from tasks import TASKS

import asnet
from asnet.cache import Cache, default_cache, digest
from asnet.types import EXACT
from asnet.units import UnitInstance

__all__ = ["first_accuracy", "growth_with_images", "growth_with_layers", "images_per_second", "quantised"]

_FIRST = Path(__file__).with_name("first.py")


def quantised(name: str) -> tuple[bytes, np.ndarray, np.ndarray]:
    """A network of :data:`quantize.TASKS` in int8 (kept in the cache), and its test set.

    Raises:
        FileNotFoundError: the data is not there.
    """
    task = TASKS[name]()
    options = asnet.Quantization(format="qoperator")
    key = digest(["quantised", asnet.__version__, task.network.read_bytes().hex(), repr(options)])

    def build(folder: Path) -> None:
        (folder / "network.onnx").write_bytes(asnet.quantize(task.network, task.calibration, options).data)

    return (default_cache().get("benchmarks", key, build) / "network.onnx").read_bytes(), task.x, task.y


def images_per_second(
    name: str, units: Mapping[str, UnitInstance], cache: Cache, *, images: int, rounds: int, threads: int
) -> dict[tuple[str, str], float]:
    """(unit, forms) → images per second, one network in ``threads`` threads; onnxruntime's beside them."""
    data, x, _ = quantised(name)
    bound = Bound(asnet.load(data), units.values(), cache)
    x = x[:images]
    contestants: dict[tuple[str, str], Contestant] = {}
    for choice in (EXACT, *units):
        contestants[choice, bound.forms(choice)] = partial(_running, bound, choice, x, threads)
    if importlib.util.find_spec("onnxruntime"):
        contestants[EXACT, "onnxruntime"] = partial(reference, onnx.load_from_string(data), x, threads)
    racing = {" ".join(key): contestant for key, contestant in contestants.items()}
    rates = race(racing, float(len(x)), rounds=rounds, wall=threads > 1)
    return dict(zip(contestants, rates.values(), strict=True))


def _running(bound: Bound, choice: str, x: np.ndarray, threads: int) -> Callable[[], object]:
    engine = bound.engine(choice, threads)
    state = engine.state(len(x))
    engine.run(x, state=state)
    return lambda: engine.execute(state)


def first_accuracy(name: str) -> dict[str, float]:
    """Seconds from a new Verilog file to the first accuracy of a network, in a process of its own, by stages."""
    with tempfile.TemporaryDirectory() as folder:
        data, x, y = quantised(name)
        (Path(folder) / "network.onnx").write_bytes(data)
        np.savez(Path(folder) / "test.npz", x=x, y=y)
        any_integer(8, Path(folder), signed=True, salt=str(time.time_ns()))
        began = time.perf_counter()
        done = subprocess.run([sys.executable, _FIRST, folder], check=True, stdout=subprocess.PIPE, timeout=600)
        return {"whole": time.perf_counter() - began, **json.loads(done.stdout)}


def growth_with_images(
    name: str, unit: UnitInstance, counts: Iterable[int], cache: Cache, *, rounds: int
) -> dict[int, float]:
    """Number of images → images per second of the network with ``unit``, one thread."""
    data, x, _ = quantised(name)
    bound = Bound(asnet.load(data), [unit], cache)
    found: dict[int, float] = {}
    for count in counts:
        repeated = np.resize(x, (count, *x.shape[1:]))
        contestant = {"": partial(_running, bound, unit.name, repeated, 1)}
        found[count] = race(contestant, float(count), rounds=rounds)[""]
    return found


def growth_with_layers(layer: Layer, counts: Iterable[int], unit: UnitInstance) -> dict[int, dict[str, float]]:
    """Number of equal layers → seconds to lower and to compile the network, and to run one image with ``unit``."""
    found: dict[int, dict[str, float]] = {}
    for count in counts:
        network = asnet.load(_chain(layer, count).SerializeToString())
        Bound(network, [unit], default_cache()).engine(unit.name)
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            bound = Bound(network, [unit], default_cache(), Cache(Path(folder)))
            lowered = time.perf_counter()
            run = _running(bound, unit.name, layer.input("full"), 1)
            compiled = time.perf_counter()
            rate = race({"": partial(_the_same, run)}, 1.0, rounds=10)[""]
            found[count] = {"lower": lowered - began, "compile": compiled - lowered, "run": 1 / rate}
    return found


def _the_same(run: Callable[[], object]) -> Callable[[], object]:
    return run


def _chain(layer: Layer, count: int) -> onnx.ModelProto:
    """``count`` layers one behind the other."""
    model = layer.model()
    node, constants = model.graph.node[0], list(model.graph.initializer)
    nodes = []
    for number in range(count):
        copy = type(node)()
        copy.CopyFrom(node)
        copy.name = f"conv_{number}"
        copy.input[0] = "x" if number == 0 else f"t{number}"
        copy.output[0] = "y" if number == count - 1 else f"t{number + 1}"
        nodes.append(copy)
    graph = helper.make_graph(nodes, "chain", list(model.graph.input), [onnx.ValueInfoProto(name="y")], constants)
    opset = [helper.make_opsetid("", 21)]
    return shape_inference.infer_shapes(helper.make_model(graph, opset_imports=opset, ir_version=10))
