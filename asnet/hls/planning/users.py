"""What uses the units and ports of a layer: how many loops, and among how many operations a port chooses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from asnet.hls.binder import Binder
from asnet.hls.kernel import Operation
from asnet.hls.nest import Program

__all__ = ["Users", "port", "users_of"]


@dataclass(frozen=True)
class Users:
    """``loops``: operator → loops that use it; ``operations``: operator, or :func:`port`, → operations that use it.

    ``shared``: other layers use the same units and ports.
    """

    loops: Mapping[str, int]
    operations: Mapping[str, int]
    shared: bool

    def sources(self, name: str, count: int) -> int:
        """How many operations each of ``count`` operators or ports chooses among, all other layers being one."""
        return -(-self.operations[name] // count) + self.shared


def port(operation: Operation) -> str:
    """What loads or stores of a memory share."""
    return f"{operation.op} {operation.detail}"


def users_of(program: Program, binder: Binder, *, shared: bool) -> Users:
    """Count the users of everything in ``program``."""
    loops, operations = Counter[str](), Counter[str]()
    for pipeline in program.pipelines:
        found: list[str] = []
        for operation in pipeline.operations:
            unit = None if operation.is_memory else binder.operator(program.layer, operation)
            if unit is not None:
                found.append(unit.name)
            elif operation.is_memory:
                operations[port(operation)] += 1
        loops.update(set(found))
        operations.update(found)
    return Users(loops, operations, shared)
