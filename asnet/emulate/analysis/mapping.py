"""And-inverter graphs mapped by ABC to as few gates of three inputs as it finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from asnet.emulate.analysis.abc import run_abc
from asnet.emulate.analysis.aig import Aig
from asnet.emulate.analysis.elaborate import SECONDS
from asnet.emulate.analysis.netlist import CONSTANT_0, CONSTANT_1, Netlist
from asnet.errors import ToolError

__all__ = ["RECIPE", "smallest"]

_CLEAN: Final = "strash; &get -n; &fraig -x; &put; scorr; dc2; "
_SUBSTITUTE: Final = "; ".join(
    ["b -l"]
    + [f"rs -K {leaves} -l; {step} -l; rs -K {leaves} -N 2 -l; {then} -l" for leaves, step, then in (
        (6, "rw", "rf"), (8, "b", "rw"), (10, "rwz", "b"), (12, "rfz", "rwz"),
    )]
    + ["b -l; "]
)  # fmt: skip
_PACK: Final = "mfs2 -a; lutpack -S 1"
_LUTS: Final = "1 1 1\n2 1 1\n3 1 1\n"
"""ABC's library of LUTs: inputs, area, delay."""

_QUICK: Final = f"strash; dc2; dc2; if -a; {_PACK}"
_SCRIPTS: Final = (
    f"{_CLEAN}{_SUBSTITUTE}dch -f; if -a; {_PACK}",
    f"{_CLEAN}dc2; dc2; if -a; {_PACK}",
    f"{_CLEAN}strash; dch -f; if -a; {_PACK}",
)
"""No one of them is always best; they differ by a tenth."""

_MANY_GATES: Final = 2000
"""Larger graphs are not worked on for long: that takes ten to a hundred times as long for three gates in a hundred."""

RECIPE: Final = "\n".join((_QUICK, *_SCRIPTS, str(_MANY_GATES)))
"""What a mapped netlist depends on beside its graph."""


def smallest(aigs: Sequence[Aig]) -> Netlist:
    """The smallest netlist found for any of ``aigs``, which compute the same in different ways.

    Raises:
        ToolMissingError: there is no yosys.
        ToolError: yosys or ABC fails; ToolTimeoutError: they take more than :data:`SECONDS`.
    """
    large = min(len(aig.gates) for aig in aigs) > _MANY_GATES
    return min(_mapped(aigs, [_QUICK] if large else _SCRIPTS), key=lambda netlist: netlist.gates)


def _mapped(aigs: Sequence[Aig], scripts: Sequence[str]) -> list[Netlist]:
    """Each of ``aigs`` by each of ``scripts``, which end in LUTs of at most three inputs."""
    graphs = {f"graph{place}": aig for place, aig in enumerate(aigs)}
    runs = [(graph, number) for number in range(len(scripts)) for graph in graphs]
    results = [f"{graph}.{number}.blif" for graph, number in runs]
    commands = ["read_lut three.lut"]
    commands += [
        f"read {graph}.aig; {scripts[number]}; write_blif {result}"
        for (graph, number), result in zip(runs, results, strict=True)
    ]
    _, texts = run_abc(graphs, commands, results, files={"three.lut": _LUTS}, limit=SECONDS)
    return [_read(text, graphs[graph]) for text, (graph, _) in zip(texts, runs, strict=True)]


def _read(text: str, aig: Aig) -> Netlist:
    """A BLIF of gates of at most three inputs, with the inputs and outputs called as in :meth:`Aig.aiger`."""
    names = [f"a{bit}" for bit in range(aig.width_a)] + [f"b{bit}" for bit in range(aig.width_b)]
    cells = dict(_cells(text))
    signal = {name: place for place, name in enumerate(names)}
    tables: list[int] = []
    inputs: list[list[int]] = []
    for name in _topological(cells):
        pins, table = cells[name]
        if table in (0, 0xFF):
            signal[name] = CONSTANT_1 if table else CONSTANT_0
        elif len(pins) == 1 and table == 0xAA:
            signal[name] = signal[pins[0]]
        else:
            signal[name] = len(names) + len(tables)
            tables.append(table)
            inputs.append([signal[pin] for pin in (*pins, pins[0], pins[0])[:3]])
    outputs = [signal[f"y{bit}"] for bit in range(len(aig.outputs))]
    return Netlist(
        aig.width_a,
        aig.width_b,
        np.array(tables, np.uint8),
        np.array(inputs, np.int32).reshape(-1, 3),
        np.array(outputs, np.int32),
    )


def _cells(text: str) -> Iterator[tuple[str, tuple[list[str], int]]]:
    """Output name → input names and truth table (8 bits; it does not depend on inputs that are not there).

    Raises:
        ToolError: a gate has more than three inputs.
    """
    blocks = text.replace("\\\n", " ").split(".names ")[1:]
    for block in blocks:
        header, *rows = block.split("\n")
        *pins, output = header.split()
        if len(pins) > 3:
            raise ToolError(f"ABC made a gate of {len(pins)} inputs; this version of yosys cannot be used for netlists")
        cubes = [row.split() for row in rows if row and row[0] in "01-"]
        on = {cube[-1] for cube in cubes} != {"0"}  # rows list where the output is 1, or where it is 0
        covered = 0
        for index in range(8):
            bits = [str(index >> place & 1) for place in range(len(pins))]
            if any(all(c in ("-", bit) for c, bit in zip("".join(cube[:-1]), bits, strict=True)) for cube in cubes):
                covered |= 1 << index
        yield output, (pins, covered if on else covered ^ 0xFF)


def _topological(cells: Mapping[str, tuple[Sequence[str], int]]) -> list[str]:
    """The cells' outputs, each behind those it reads; depth first, so that readers follow closely."""
    done: dict[str, None] = {}
    for root in cells:
        stack = [root]
        while stack:
            name = stack[-1]
            waiting = [pin for pin in cells[name][0] if pin in cells and pin not in done]
            if name in done or not waiting:
                done.setdefault(name)
                stack.pop()
            else:
                stack += waiting
    return list(done)
