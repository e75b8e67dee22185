"""ASNet: explore approximate hardware for a neural network, and synthesise what you explored, bit for bit.

The Python API in the order of use::

    network = asnet.load("net.onnx")
    data = asnet.Dataset.load("test.npz")
    unit = asnet.ApproximateUnit.from_verilog("my_fmul.v", op="fmul")
    problem = asnet.Problem.of(network, data, [unit, asnet.ApproximateUnit.shipped("fmul_trunc")])
    with asnet.explore(problem, "net.study") as study:
        best = asnet.best(study.results(), ["area"], {"accuracy": asnet.Limit(min=0.97)})
    result = asnet.synth(problem, problem.space[best.position], out="rtl")

Names are imported at first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from asnet.version import __version__

if TYPE_CHECKING:
    from asnet.exploration import Configuration, DesignSpace, Exhaustive, Limit, Random, Study, best, pareto_front
    from asnet.flow import Problem, explore, synth
    from asnet.network import Network, load
    from asnet.passes import Pass
    from asnet.quantizing import Quantization, quantize
    from asnet.testbed import Dataset, SequentialTest, TestBed
    from asnet.types import FloatMode
    from asnet.units import ApproximateUnit, UnitInstance

__all__ = [
    "ApproximateUnit",
    "Configuration",
    "Dataset",
    "DesignSpace",
    "Exhaustive",
    "FloatMode",
    "Limit",
    "Network",
    "Pass",
    "Problem",
    "Quantization",
    "Random",
    "SequentialTest",
    "Study",
    "TestBed",
    "UnitInstance",
    "__version__",
    "best",
    "explore",
    "load",
    "pareto_front",
    "quantize",
    "synth",
]

_HOMES = {
    "asnet.exploration": (
        "Configuration",
        "DesignSpace",
        "Exhaustive",
        "Limit",
        "Random",
        "Study",
        "best",
        "pareto_front",
    ),
    "asnet.flow": ("Problem", "explore", "synth"),
    "asnet.network": ("Network", "load"),
    "asnet.passes": ("Pass",),
    "asnet.quantizing": ("Quantization", "quantize"),
    "asnet.testbed": ("Dataset", "SequentialTest", "TestBed"),
    "asnet.types": ("FloatMode",),
    "asnet.units": ("ApproximateUnit", "UnitInstance"),
}


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'asnet' has no attribute {name!r}")
