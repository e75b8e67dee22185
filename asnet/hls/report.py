"""What a design is made of and how long it takes, for people and programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from asnet.hls.memories import DesignMemory
from asnet.hls.operators import Operator
from asnet.resources import render

__all__ = ["BlockReport", "LayerReport", "report_files"]


@dataclass(frozen=True)
class BlockReport:
    """One block: cycles of a pass, and passes per image (None: not known)."""

    name: str
    cycles: int
    passes: int | None


@dataclass(frozen=True)
class LayerReport:
    """One layer: ``cycles`` per image from its start to the next layer's (None: unknown; not ``exact``: at most).

    ``operations`` counts the instructions on each operator; ``register_bits`` without the state.
    """

    layer: str
    op_type: str
    module: str
    states: int
    register_bits: int
    cycles: int | None
    exact: bool
    operations: Mapping[str, int]
    blocks: tuple[BlockReport, ...]


def report_files(
    network: str,
    layers: Sequence[LayerReport],
    operators: Sequence[Operator],
    memories: Sequence[DesignMemory],
    totals: Mapping[str, object],
) -> dict[str, str]:
    """``report.json`` and ``report.txt``. ``totals``: facts of the whole design, in order."""
    units = [
        {
            "name": operator.instance.name,
            "digest": operator.instance.digest,
            "latency": operator.latency,
            "parameters": dict(operator.parameters),
            "operations": sum(layer.operations.get(operator.name, 0) for layer in layers),
        }
        for operator in operators
    ]
    rams = [
        {
            "name": memory.memory.name,
            "kind": memory.memory.kind.value,
            "words": memory.memory.size,
            "width": memory.width,
        }
        for memory in memories
    ]
    data = {
        "network": network,
        **totals,
        "layers": [asdict(layer) for layer in layers],
        "units": units,
        "memories": rams,
    }
    text = render(
        "rtl/report.txt.j2",
        network=network,
        totals=totals,
        layers=[_row(layer) for layer in layers],
        units=units,
        memories=rams,
        bits=sum(memory.memory.size * memory.width for memory in memories),
    )
    return {"report.json": json.dumps(data, indent=2) + "\n", "report.txt": text}


def _row(layer: LayerReport) -> dict[str, object]:
    count = "unknown" if layer.cycles is None else f"{'' if layer.exact else '<= '}{layer.cycles}"
    return {
        "layer": layer.layer,
        "op_type": layer.op_type,
        "cycles": count,
        "states": layer.states,
        "registers": layer.register_bits,
        "operations": ", ".join(f"{count} {name}" for name, count in sorted(layer.operations.items())),
        "loops": [block for block in layer.blocks if block.passes != 1],
    }
