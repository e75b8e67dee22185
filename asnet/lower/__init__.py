"""Stage 1b: a checked network as LLVM IR, one function of plain loop nests per layer."""

from __future__ import annotations

import difflib
import pkgutil
from collections.abc import Mapping
from importlib import import_module

from llvmlite import ir

from asnet.errors import Refusals, UnsupportedError
from asnet.ir.module import Call, Module
from asnet.ir.products import Products
from asnet.ir.tiling import Tiling
from asnet.lower.context import ANY, LayerContext
from asnet.lower.memory import MemoryPlan
from asnet.lower.registry import ALIASING, LOWERINGS, Lowering, lowering
from asnet.network.model import Network
from asnet.types import FloatMode

__all__ = ["LOWERINGS", "LayerContext", "Lowering", "lower", "lower_supported", "lowering"]

for _module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
    import_module(f"asnet.lower.{_module}")  # fills LOWERINGS


def lower(
    network: Network, mode: FloatMode = FloatMode.FTZ, *, tiling: Tiling | None = None, samples: int = 0
) -> Module:
    """The LLVM IR of ``network`` in float mode ``mode``; the same network gives the same bytes.

    Without ``tiling`` it is canonical: plain loops, what passes and hardware work on. With ``tiling`` contractions are
    tiled for execution on the host: the same results, bit for bit (:func:`asnet.ir.tiling.host_tiling`). With
    ``samples`` a layer computes no more than that many of its places, those that :class:`asnet.ir.sampling.Sampler`
    says (layers whose places depend on each other compute all): for checking what another run has left in a state.

    Raises:
        UnsupportedError: operators, types or attributes that ASNet does not support; all nodes are named.
    """
    module, problems = lower_supported(network, mode, tiling=tiling, samples=samples)
    refusals = Refusals()
    refusals.problems = list(problems.values())
    known = any(layer.op_type not in LOWERINGS for layer in network.layers)
    refusals.raise_any(f"; supported operators: {', '.join(sorted(LOWERINGS))}" if known else "")
    return module


def lower_supported(
    network: Network, mode: FloatMode = FloatMode.FTZ, *, tiling: Tiling | None = None, samples: int = 0
) -> tuple[Module, Mapping[str, str]]:
    """:func:`lower` of the layers that are supported; what is said of the others, by name. Not to be run if any.

    Raises:
        UnsupportedError: the network's outputs cannot be laid out.
    """
    problems: dict[str, str] = {}
    llvm = ir.Module(network.name, context=ir.Context())
    plan = MemoryPlan(network, mode, ALIASING)
    calls: list[Call] = []
    products: dict[str, Products] = {}
    for layer in network.layers:
        context = LayerContext(layer, network, plan, llvm, mode, tiling, samples)
        try:
            _lower_layer(context, plan)
        except UnsupportedError as error:
            problems[layer.name] = str(error)
        else:
            calls.extend(context.calls)
            if context.products is not None:
                products[layer.name] = context.products
    module = Module(
        network.name, llvm, mode, plan.memories, tuple(calls), plan.constants, aliases=plan.aliases, tiling=tiling,
        products=products,
    )  # fmt: skip
    return module, problems


def _lower_layer(context: LayerContext, plan: MemoryPlan) -> None:
    layer = context.layer
    if layer.op_type not in LOWERINGS:
        close = difflib.get_close_matches(layer.op_type, LOWERINGS, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise UnsupportedError(f"{layer} is not supported{hint}")
    if layer.op_type in ALIASING and plan.is_alias(layer):
        context.input(0, ANY)
        context.output()
    else:
        LOWERINGS[layer.op_type](context)
    context.check_outputs()
