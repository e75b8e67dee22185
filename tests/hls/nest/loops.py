"""Layers as flat loops, written by hand in the order of their source: what arrangements are tried on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from asnet.hls.kernel import Constant, Operand, Operation
from asnet.hls.nest import Affine, Carried, Condition, Counter, Pipeline, Program, run
from asnet.ir import Memory, MemoryKind
from asnet.types import FloatMode

ZERO = Constant(0, 32)


def op(name: str, opcode: str, *operands: Operand, width: int = 32, detail: str = "", widths: int = 32) -> Operation:
    bits = (64, widths)[: len(operands)] if opcode in ("load", "store") else (widths,) * len(operands)
    return Operation(name, opcode, operands, 0 if opcode == "store" else width, bits, f"%{name}", detail)


def memory(name: str, kind: str, dtype: str, *shape: int) -> Memory:
    return Memory(name, MemoryKind(kind), dtype, shape, 0)


def last(counters: Mapping[str, int], *names: str) -> Condition:
    return Condition({name: (counters[name] - 1, counters[name] - 1) for name in names})


def convolution(
    outputs: int, channels: int, height: int, width: int, kernel: int, *, relu: bool = False, depthwise: bool = False
) -> Program:
    """A float convolution without padding; ``depthwise``: each channel by itself."""
    o, c, k, hi, wi = outputs, 1 if depthwise else channels, kernel, height + kernel - 1, width + kernel - 1
    extents = {"o": o, "y": height, "x": width, "c": c, "ky": k, "kx": k}
    extents = {name: extent for name, extent in extents.items() if extent > 1}
    read = {"c": hi * wi, "y": wi, "ky": wi, "x": 1, "kx": 1} | ({"o": hi * wi} if depthwise else {})
    over = tuple(name for name in ("c", "ky", "kx") if name in extents)
    affine = {
        "bias": Affine({"o": 1}),
        "read": Affine({name: stride for name, stride in read.items() if name in extents}),
        "weight": Affine({n: s for n, s in {"o": c * k * k, "c": k * k, "ky": k, "kx": 1}.items() if n in extents}),
        "write": Affine({n: s for n, s in {"o": height * width, "y": width, "x": 1}.items() if n in extents}),
    }
    end = [op("below", "fcmp", "sum", ZERO, width=1, detail="olt"), op("value", "select", "below", ZERO, "sum")]
    operations = (
        op("start", "load", "bias", detail="b"),
        op("a", "load", "read", detail="x"),
        op("w.1", "load", "weight", detail="w"),
        op("product", "call", "a", "w.1", detail="asnet.fmul.conv"),
        op("sum", "fadd", "carry", "product"),
        *(end if relu else ()),
        op("put", "store", "write", "value" if relu else "sum", detail="y"),
    )
    pipeline = Pipeline(
        "conv",
        tuple(Counter(*item) for item in extents.items()),
        operations,
        affine,
        (Carried("carry", 32, "start", "sum", over, 1, "%carry"),),
        {"put": last(extents, *over)},
        gate=len(extents) - len(over),
    )
    memories = (
        memory("x", "input", "float32", o if depthwise else channels, hi, wi),
        memory("w", "constant", "float32", o, c, k, k),
        memory("b", "constant", "float32", o),
        memory("y", "output", "float32", o, height, width),
    )
    return Program("conv", memories, (pipeline,))


def dense(rows: int, outputs: int, depth: int, *, sigmoid: bool = False) -> Program:
    """``rows`` x ``depth`` times ``depth`` x ``outputs``, floats; ``sigmoid``: two multiplications follow each sum."""
    extents = {name: extent for name, extent in {"m": rows, "n": outputs, "k": depth}.items() if extent > 1}
    affine = {
        "bias": Affine({"n": 1}),
        "read": Affine({"m": depth, "k": 1} if rows > 1 else {"k": 1}),
        "weight": Affine({"k": outputs, "n": 1}),
        "write": Affine({"m": outputs, "n": 1} if rows > 1 else {"n": 1}),
    }
    end = [op("square", "fmul", "sum", "sum"), op("cube", "fmul", "square", "start")]
    operations = (
        op("start", "load", "bias", detail="b"),
        op("a", "load", "read", detail="x"),
        op("w.1", "load", "weight", detail="w"),
        op("product", "call", "a", "w.1", detail="asnet.fmul.dense"),
        op("sum", "fadd", "carry", "product"),
        *(end if sigmoid else ()),
        op("put", "store", "write", "cube" if sigmoid else "sum", detail="y"),
    )
    pipeline = Pipeline(
        "dense",
        tuple(Counter(*item) for item in extents.items()),
        operations,
        affine,
        (Carried("carry", 32, "start", "sum", ("k",), 1, "%carry"),),
        {"put": last(extents, "k")},
        gate=len(extents) - 1,
    )
    memories = (
        memory("x", "input", "float32", rows, depth),
        memory("w", "constant", "float32", depth, outputs),
        memory("b", "constant", "float32", outputs),
        memory("y", "output", "float32", rows, outputs),
    )
    return Program("dense", memories, (pipeline,))


def quantised(outputs: int, pixels: int, depth: int) -> Program:
    """An integer 1x1 convolution that sums the inputs as well, whose outputs the counter itself goes into."""
    extents = {"o": outputs, "p": pixels, "c": depth}
    affine = {
        "bias": Affine({"o": 1}),
        "read": Affine({"c": pixels, "p": 1}),
        "weight": Affine({"o": depth, "c": 1}),
        "write": Affine({"o": pixels, "p": 1}, 3),
    }
    operations = (
        op("start", "load", "bias", detail="b"),
        op("a8", "load", "read", detail="x", width=8),
        op("w8", "load", "weight", detail="w", width=8),
        op("a", "sext", "a8", widths=8),
        op("w.1", "sext", "w8", widths=8),
        op("product", "mul", "a", "w.1"),
        op("sum", "add", "product", "carry"),
        op("inputs", "add", "carry.1", "a"),
        op("shift", "mul", "inputs", Constant(5, 32)),
        op("number", "trunc", "o", widths=64),
        op("shifted", "add", "shift", "number"),
        op("value", "add", "shifted", "sum"),
        op("put", "store", "write", "value", detail="y"),
    )
    pipeline = Pipeline(
        "quantised",
        tuple(Counter(*item) for item in extents.items()),
        operations,
        affine,
        (
            Carried("carry", 32, "start", "sum", ("c",), 1, "%carry"),
            Carried("carry.1", 32, ZERO, "inputs", ("c",), 1, "%carry.1"),
        ),
        {"put": last(extents, "c")},
        gate=2,
    )
    memories = (
        memory("x", "input", "int8", depth, pixels),
        memory("w", "constant", "int8", outputs, depth),
        memory("b", "constant", "int32", outputs),
        memory("y", "output", "int32", outputs * pixels + 3),
    )
    return Program("quantised", memories, (pipeline,))


def contents(program: Program, seed: int = 1) -> dict[str, np.ndarray]:
    """Random words for every memory; floats of very different sizes, so that the order of additions shows."""
    random = np.random.default_rng(seed)
    found: dict[str, np.ndarray] = {}
    for item in program.memories:
        if item.dtype == "float32":
            words = random.normal(size=item.size) * 10.0 ** random.integers(-3, 4, item.size)
            found[item.name] = words.astype(np.float32).view(np.uint32)
        else:
            bits = item.element_bytes * 8
            kind = np.dtype(f"uint{bits}")
            found[item.name] = random.integers(0, 1 << bits, item.size, dtype=kind)
    return found


def product(_: str, operands: tuple[int, ...]) -> int:
    """The unit of a float slot: the exact one."""
    a, b = (np.uint32(bits).view(np.float32) for bits in operands)
    return int(np.float32(a * b).view(np.uint32))


def computed(program: Program, before: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The memories after ``program``."""
    words = {name: words.copy() for name, words in before.items()}
    run(program, words, FloatMode.FTZ, product)
    return words
