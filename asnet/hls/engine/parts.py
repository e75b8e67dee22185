"""What a module is made of while it is put together: declarations, logic, registers, delay lines, ports."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter

from asnet.hls.names import Names, vector

__all__ = ["SHORT", "Delay", "Hold", "Line", "Register", "Section", "Source", "choose", "delayed"]

_WORD = re.compile(r"(?<!['\w])[A-Za-z_]\w*")

SHORT = 3
"""Steps of a delay for which there are registers of their own."""

_NESTED = 4
"""Values that are chosen between by nested conditions; more of them are masked and joined."""


@dataclass(frozen=True)
class Line:
    """A wire: its width, name, expression, and what it is."""

    width: int
    name: str
    expression: str
    comment: str = ""

    @property
    def declaration(self) -> str:
        """The Verilog."""
        return f"wire {vector(self.width)}{self.name} = {self.expression};"


@dataclass(frozen=True)
class Register:
    """A register. ``stages``: bit number n is of stage n, from 1 on."""

    width: int
    name: str
    comment: str = ""
    stages: bool = False

    @property
    def declaration(self) -> str:
        """The Verilog."""
        span = f"[{self.width}:1] " if self.stages else vector(self.width)
        return f"reg {span}{self.name};"


@dataclass(frozen=True)
class Delay:
    """``target`` is ``source`` as it was ``length`` steps before; a step is a cycle in which ``enable`` is 1."""

    width: int
    target: str
    source: str
    length: int
    enable: str


@dataclass(frozen=True)
class Hold:
    """``target`` is what ``source`` was ``length`` values before; ``put``: there is the next value, ``take``: so is the
    next one of ``target`` from the next cycle on. ``straight``: it may be taken in the cycle in which it comes."""

    width: int
    target: str
    source: str
    length: int
    put: str
    take: str
    straight: bool


@dataclass(frozen=True)
class Source:
    """A value that a port carries while ``when`` is 1."""

    when: str
    value: str


@dataclass
class Section:
    """A part of a module: ``wires`` are put in an order in which each comes after what it is made of.

    ``clocked``: statements of an always block, with a reset branch (``resets``) or without.
    """

    title: tuple[str, ...]
    registers: list[Register] = field(default_factory=list[Register])
    wires: list[Line] = field(default_factory=list[Line])
    resets: list[str] = field(default_factory=list[str])
    controlled: list[str] = field(default_factory=list[str])
    clocked: list[str] = field(default_factory=list[str])
    delays: list[Delay] = field(default_factory=list[Delay])
    holds: list[Hold] = field(default_factory=list[Hold])

    @property
    def ordered(self) -> list[Line]:
        """The wires, each right after those that it is made of, as far as these are not there already."""
        known = {line.name: line for line in self.wires}
        parts = {line.name: [word for word in _WORD.findall(line.expression) if word in known] for line in self.wires}
        TopologicalSorter(parts).prepare()  # wires in a circle are an error
        made: dict[str, Line] = {}
        for line in self.wires:
            path = [line.name]
            while path:
                missing = next((part for part in parts[path[-1]] if part not in made), None)
                if missing is None:
                    name = path.pop()
                    made[name] = known[name]
                else:
                    path.append(missing)
        return list(made.values())

    @property
    def register_bits(self) -> int:
        """Bits of all registers, those in delay lines too."""
        lines = (*self.delays, *self.holds)
        return sum(register.width for register in self.registers) + sum(line.width * line.length for line in lines)


def delayed(section: Section, names: Names, delay: Delay) -> None:
    """Put ``delay`` into ``section``: a few registers, or a delay line. An empty ``enable`` is 1."""
    if delay.length > SHORT:
        section.delays.append(replace(delay, enable=delay.enable or "1'b1"))
        return
    source, guard = delay.source, f"if ({delay.enable}) " if delay.enable else ""
    for step in range(1, delay.length + 1):
        name = delay.target if step == delay.length else names.fresh(f"{delay.target}_{step}")
        section.registers.append(Register(delay.width, name, f"{source}, {'a step' if guard else 'a cycle'} later"))
        section.clocked.append(f"{guard}{name} <= {source};")
        source = name


def choose(sources: Sequence[Source], width: int) -> str:
    """The expression of a port that ``sources`` use in turn; what it is while nobody does is nobody's business."""
    whens: dict[str, list[str]] = {}
    for source in sources:
        conditions = whens.setdefault(source.value, [])
        if source.when not in conditions:
            conditions.append(source.when)
    arms = sorted(whens.items(), key=lambda arm: len(arm[1]))
    if len(arms) <= _NESTED:
        *others, (text, _) = arms
        for value, conditions in reversed(others):
            test = " | ".join(conditions)
            text = f"{test if len(conditions) == 1 else f'({test})'} ? {value} : {text}"
        return text
    masked: list[str] = []
    for value, conditions in arms:
        test = " | ".join(conditions)
        masked.append(f"({{{width}{{{test}}}}} & {value})" if width > 1 else f"(({test}) & {value})")
    return " | ".join(masked)
