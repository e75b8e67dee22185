"""What the instructions of a layer become: operations, and other names of values."""

from __future__ import annotations

import struct
from collections.abc import Generator
from contextlib import contextmanager

import numpy as np

from asnet.errors import SynthesisError
from asnet.hls.kernel import Constant, Operand, Operation
from asnet.hls.parsing.text import plain, width_of

__all__ = ["Writer"]


class Writer:
    """Takes the operations of a layer's blocks, one after the other.

    ``line``: the instruction that is read; ``result``: the name of its value, if it has one; ``operations``: those of
    the block so far; ``made``: of all blocks, by name; ``names``: what a value is another name of.
    """

    def __init__(self, layer: str) -> None:
        self.layer = layer
        self.line = ""
        self.result = ""
        self.operations: list[Operation] = []
        self.made: dict[str, Operation] = {}
        self.names: dict[str, Operand] = {}

    def error(self, problem: str) -> SynthesisError:
        """The instruction that is read cannot become hardware."""
        return SynthesisError(f"layer {self.layer!r}: {problem}: `{self.line}`")

    @contextmanager
    def unnamed(self) -> Generator[None]:
        """Operations in here are steps to the value that ``result`` names."""
        result, self.result = self.result, ""
        yield
        self.result = result

    def operand(self, text: str, type_name: str) -> Operand:
        """An operand of an instruction."""
        width = width_of(type_name)
        if text.startswith("%"):
            return plain(text)
        if text in ("poison", "undef", "false"):
            return Constant(0, width)
        if text == "true":
            return Constant(1, width)
        if type_name != "float":
            return Constant(int(text) & ((1 << width) - 1), width)
        value = struct.unpack(">d", bytes.fromhex(text[2:]))[0] if text.startswith("0x") else float(text)
        return Constant(int(np.float32(value).view(np.uint32)), 32)

    def emit(
        self, op: str, operands: tuple[Operand, ...], width: int, widths: tuple[int, ...], detail: str = ""
    ) -> str:
        """An operation; its name, which is ``result`` where that is there and free."""
        name = self.result or f"{op}.{len(self.made)}"
        while name in self.made:
            name += "_"
        operation = Operation(name, op, operands, width, widths, self.line, detail)
        self.made[name] = operation
        self.operations.append(operation)
        return name

    def sum(self, a: Operand | None, b: Operand) -> Operand:
        """An i64 sum; None is 0."""
        if a is None or a == Constant(0, 64):
            return b
        if b == Constant(0, 64):
            return a
        if isinstance(a, Constant) and isinstance(b, Constant):
            return Constant((a.bits + b.bits) & ((1 << 64) - 1), 64)
        return self.emit("add", (a, b), 64, (64, 64))
