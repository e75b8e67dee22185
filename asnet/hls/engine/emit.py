"""The Verilog module of a layer made of flat loops."""

from __future__ import annotations

from asnet.hls.engine.control import Layer
from asnet.hls.engine.neighbours import NO_NEIGHBOURS, Neighbours
from asnet.hls.module import LayerModule
from asnet.hls.names import Names, comment, vector
from asnet.hls.planning import ProgramPlan
from asnet.hls.wires import number_bits
from asnet.resources import render

__all__ = ["emit_engine"]

_OWN = ("clk", "reset", "start", "done", "next", "unused", "asnet_delay", "asnet_hold")


def emit_engine(plan: ProgramPlan, module: str, version: str, neighbours: Neighbours = NO_NEIGHBOURS) -> LayerModule:
    """The Verilog module ``module`` of a planned layer; ``version``: of ASNet.

    Raises:
        SynthesisError: an operand that its unit cannot take.
    """
    layer = Layer(plan, Names(_OWN), neighbours)
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
