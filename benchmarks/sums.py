"""Kernels of sums of products: every form that serves a unit, beside exact ones and a table emulator."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import peer
from peer import Way
from rounds import Contestant, race

from asnet.cache import Cache
from asnet.emulate import Masks, ProductsForm, ProductsFunction, Sources, certify_mask, products_forms
from asnet.emulate.analysis import analyse
from asnet.ir import Products
from asnet.ir.products import COLUMNS, container
from asnet.types import FloatMode, OperandType
from asnet.units import FunctionLibrary, UnitInstance

__all__ = ["SHAPES", "Row", "Shape", "compile_seconds", "kernels"]

MODE = FloatMode.FTZ
EXACT = "exact"


@dataclass(frozen=True)
class Shape:
    """A layer's product, ``rows`` x ``depth`` by ``depth`` x ``columns``; ``dense``: the weights are the columns."""

    name: str
    rows: int
    depth: int
    columns: int
    dense: bool = False


SHAPES = (
    Shape("64-64 3x3 32x32", 64, 576, 1024),
    Shape("16-16 3x3 32x32", 16, 144, 1024),
    Shape("256-256 3x3 14x14", 256, 2304, 196),
    Shape("512-512 3x3 7x7", 512, 4608, 49),
    Shape("64-256 1x1 56x56", 256, 64, 1024),
    Shape("dense 2048-1000", 1, 2048, 1000, dense=True),
)


@dataclass(frozen=True)
class Row:
    """What was measured: ``rate`` in products per second of all ``threads`` together."""

    shape: str
    type: str
    activations: str
    unit: str
    form: str
    threads: int
    rate: float

    @property
    def json(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)


def kernels(
    units: Mapping[str, UnitInstance],
    shapes: Sequence[Shape],
    cache: Cache,
    *,
    rounds: int,
    threads: int,
    ranges: Sequence[str] = ("",),
) -> Iterator[list[Row]]:
    """For every shape and range of activations the rows of all forms of ``units``, which have one operand type.

    ``ranges``: of "full" and "half" (never negative, as after a ReLU).
    """
    operand = next(iter(units.values())).type
    forms, library = _forms(units, cache)
    tables = {
        name: analyse(unit, MODE, cache, library=library).table for name, unit in units.items() if operand.width <= 8
    }
    for shape in shapes:
        for activations in ranges:
            v, s = _operands(operand, shape, activations)
            contestants: dict[tuple[str, str], Contestant] = {}
            for name, unit in ((EXACT, None), *units.items()):
                for form in _serving(forms, _what(operand, shape), unit):
                    contestants[name, form.kind] = partial(_prepared, form, _what(operand, shape), unit, cache, v, s)
            if operand.width == 8 and not shape.dense:
                table = next(reversed(tables.values()))
                assert table is not None
                for way in Way:
                    contestants["any", way.label] = partial(peer.products, table, v, s, way=way)
            work = float(shape.rows) * shape.depth * shape.columns
            names = {f"{unit} {form}": (unit, form) for unit, form in contestants}
            racing = dict(zip(names, contestants.values(), strict=True))
            rates = race(racing, work, rounds=rounds, threads=threads, mode=MODE)
            yield [
                Row(shape.name, operand.name, activations, *names[key], threads, rate) for key, rate in rates.items()
            ]


def compile_seconds(units: Mapping[str, UnitInstance], shape: Shape, cache: Cache) -> dict[tuple[str, str], float]:
    """(unit, form) → seconds to compile the form's kernel and to prepare its data, compiled code not cached."""
    forms, _ = _forms(units, cache)
    found: dict[tuple[str, str], float] = {}
    for name, unit in units.items():
        what = _what(unit.type, shape)
        for form in _serving(forms, what, unit):
            with tempfile.TemporaryDirectory() as folder:
                v, s = _operands(unit.type, shape, "full")
                form.kernel(what, unit)
                began = time.perf_counter()
                _prepared(form, what, unit, Cache(Path(folder)), v, s)
                found[name, form.kind] = time.perf_counter() - began
    return found


def _forms(units: Mapping[str, UnitInstance], cache: Cache) -> tuple[list[ProductsForm], FunctionLibrary]:
    """All forms, and the golden models of ``units``."""
    library = FunctionLibrary.build(list(units.values()), MODE, cache=cache)
    masks: dict[str, Masks] = {}
    for unit in units.values():
        if (found := certify_mask(unit, library, cache)) is not None:
            masks[unit.digest] = found[0]
    return [form for _, form in products_forms(Sources(library, cache, masks))], library


def _serving(forms: Sequence[ProductsForm], what: Products, unit: UnitInstance | None) -> list[ProductsForm]:
    """The forms for ``unit``; the golden one only if there is no other."""
    found = [form for form in forms if form.serves(what, unit)]
    return [form for form in found if form.kind != "golden"] or ([] if unit is None else found)


def _what(operand: OperandType, shape: Shape) -> Products:
    """The layer's products; its weights are constant."""
    accumulator = "float32" if operand.is_float else "int32" if operand.width <= 8 else "int64"
    return Products(
        operand.name,
        accumulator,
        not shape.dense,
        1,
        shape.rows,
        shape.columns,
        shape.depth,
        "weights",
        not shape.dense,
    )


def _operands(operand: OperandType, shape: Shape, activations: str) -> tuple[np.ndarray, np.ndarray]:
    """Random v (depth, columns) and s (rows, depth)."""
    random = np.random.default_rng(1)
    sizes = (shape.depth, shape.columns), (shape.rows, shape.depth)
    if operand.is_float:
        return tuple((random.standard_normal(size) * 0.1).astype(np.float32) for size in sizes)  # type: ignore[return-value]
    low = -(1 << operand.width - 1) if operand.signed else 0
    full = low, low + (1 << operand.width)
    half = 0, 1 << operand.width - 1
    bounds = (
        (full, half if activations == "half" else full)
        if shape.dense
        else (half if activations == "half" else full, full)
    )
    v, s = (
        random.integers(*bound, size).astype(container(operand.name)) for bound, size in zip(bounds, sizes, strict=True)
    )
    return v, s


def _prepared(
    form: ProductsForm, what: Products, unit: UnitInstance | None, cache: Cache, v: np.ndarray, s: np.ndarray
) -> Callable[[], object]:
    """The bare call of a kernel."""
    constant = s[None]
    if not what.constant_is_s:
        constant = np.zeros((len(v), -(-v.shape[1] // COLUMNS) * COLUMNS), v.dtype)
        constant[:, : v.shape[1]] = v
    function = ProductsFunction(form, what, unit, MODE, cache, constant)
    call, sums = function.prepared(v, s)
    call.keep = (function, sums)  # type: ignore[attr-defined]
    return call
