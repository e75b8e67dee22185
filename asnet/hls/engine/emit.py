"""The Verilog module of a layer made of flat loops."""

from __future__ import annotations

from collections.abc import Set

from asnet.hls.engine.control import Layer
from asnet.hls.module import LayerModule
from asnet.hls.names import Names, comment, vector
from asnet.hls.planning import Gate, ProgramPlan, Trigger
from asnet.hls.wires import number_bits
from asnet.resources import render

__all__ = ["emit_engine"]

_OWN = ("clk", "reset", "start", "done", "next", "unused", "asnet_delay")


def emit_engine(
    plan: ProgramPlan,
    module: str,
    version: str,
    *,
    handover: Trigger | None = None,
    shared: Set[str] = frozenset(),
    gate: Gate | None = None,
) -> LayerModule:
    """The Verilog module ``module`` of a planned layer.

    Args:
        plan: the layer.
        module: the module's name.
        version: of ASNet.
        handover: when the port ``next`` says that the next layer may start; None: there is no such port.
        shared: names of memories and operators that other layers use too: ports ``_re`` and ``_use`` say when this one
            does.
        gate: where the first loop waits for words; a memory's port ``_ready`` says that those for the next group of
            iterations are there, ``_claim`` that the group begins.

    Raises:
        SynthesisError: an operand that its unit cannot take.
    """
    layer = Layer(plan, Names(_OWN), handover, shared, gate)
    ports = [("input ", "clk", ""), ("input ", "reset", ""), ("input ", "start", "one cycle: run the layer")]
    ports.append(("output reg ", "done", "one cycle: the layer has run"))
    if layer.handover is not None:
        ports.append(("output ", "next", "one cycle: the next layer may start"))
    ports += layer.ports.lines()
    text = render(
        "rtl/engine.v.j2",
        version=version,
        layer=comment(plan.program.layer),
        module=module,
        ports=ports,
        vector=vector,
        number_bits=number_bits,
        constants=layer.constants.lines,
        sections=layer.sections,
        assignments=list(layer.ports.assignments()),
        handover=layer.handover,
        end=layer.end,
        unused=layer.use.partial,
    )
    return LayerModule(
        layer=plan.program.layer,
        module=module,
        text=text,
        memories=layer.ports.memories,
        operators=layer.ports.operators,
        states=0,
        register_bits=sum(section.register_bits for section in layer.sections),
    )
