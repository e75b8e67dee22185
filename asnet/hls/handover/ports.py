"""The ports of a module, read from the text of its header: the one place where they are stated."""

from __future__ import annotations

import re
from dataclasses import dataclass

from asnet.errors import SynthesisError

__all__ = ["Port", "ports_of"]

_PORT = re.compile(r"\s*(input|output)\s+(?:reg\s+|wire\s+)?(?:\[(\d+):0\]\s*)?(\w+)\s*,?\s*(?://\s*(.*))?$")
_CONDITIONAL = re.compile(r"^`ifdef\b.*?^`endif\n", re.MULTILINE | re.DOTALL)
_GROUP = re.compile(r"\s*//\s*(.*)$")


@dataclass(frozen=True)
class Port:
    """One port. ``text``: the comment behind it; ``group``: the comment line above it and its neighbours."""

    name: str
    is_input: bool
    width: int
    text: str
    group: str


def ports_of(source: str, module: str) -> tuple[Port, ...]:
    """The ports of ``module`` in ``source``, Verilog of our own: one port a line, widths as numbers.

    Ports that depend on a macro are left out: they are not there by default.

    Raises:
        SynthesisError: the text has no such header.
    """
    found = re.search(rf"^module {module}\b.*?^\);", source, re.MULTILINE | re.DOTALL)
    ports: list[Port] = []
    group = ""
    text = _CONDITIONAL.sub("", found[0]) if found else ""
    for line in text.splitlines():
        if port := _PORT.match(line):
            way, high, name, remark = port.groups()
            ports.append(Port(name, way == "input", int(high or 0) + 1, remark or "", group))
        elif comment := _GROUP.match(line):
            group = comment[1]
    if not ports:
        raise SynthesisError(f"module {module!r} has no header with one port a line")
    return tuple(ports)
