"""The cost model: how fast a compiled kernel is on this processor, measured once in shapes like those of a layer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from asnet.cache import Cache, digest
from asnet.emulate.products import ProductsForm, ProductsFunction
from asnet.host import float_environment, host_features, processor_name
from asnet.ir import Products
from asnet.ir.products import container, padded
from asnet.types import AnyArray, FloatMode, operand_type
from asnet.units import UnitInstance

__all__ = ["Shape", "rate", "shape_like"]

_VERSION: Final = "rate 2"
_SECONDS: Final = 0.01
"""Time for the calls of one measurement."""

_EMPTY: Final = 10

_ROWS: Final = (1, 8, 64)
_DEPTHS: Final = (9, 64, 512)
_COLUMNS: Final = (64, 256, 1024)


@dataclass(frozen=True)
class Shape:
    """The size of a reference call."""

    rows: int
    depth: int
    columns: int

    @property
    def products(self) -> int:
        """How many products it computes."""
        return self.rows * self.depth * self.columns


def shape_like(what: Products) -> Shape:
    """The reference shape near that of a layer's calls: the greatest that is no larger, in each direction."""
    sizes = ((_ROWS, what.rows), (_DEPTHS, what.depth), (_COLUMNS, what.columns))
    return Shape(*(max((size for size in known if size <= own), default=known[0]) for known, own in sizes))


def rate(form: ProductsForm, what: Products, instance: UnitInstance | None, mode: FloatMode, cache: Cache) -> float:
    """Products per second of ``form``'s kernel for ``instance`` in layers like ``what``.

    Measured in some 20 ms the first time, then from ``cache``: the same for all units that have the same kernel and
    data of the same size (a kernel may serve factors of any rank).
    """
    shape = shape_like(what)
    reference = replace(what, groups=1, rows=shape.rows, columns=shape.columns, depth=shape.depth)
    text = form.kernel(reference, instance)
    data = form.data(reference, instance, _operands(reference)[2])
    sizes = [0 if isinstance(entry, int) else entry.nbytes for entry in data.entries]
    facts = (what.type, what.accumulator, what.vector_is_a, what.constant is None, what.constant_is_s, shape)
    features = host_features()
    own = instance.digest if form.symbols and instance is not None else ""  # it calls code that is the instance's own
    key = digest([_VERSION, text, own, repr(form.machine), processor_name(), features, mode, repr(facts), repr(sizes)])

    def build(folder: Path) -> None:
        measured = _measured(form, reference, instance, mode, cache)
        (folder / "rate.json").write_text(json.dumps({"products_per_second": measured}) + "\n", encoding="utf-8")

    entry = cache.get("rates", key, build)
    found: float = json.loads((entry / "rate.json").read_text(encoding="utf-8"))["products_per_second"]
    return found


def _measured(
    form: ProductsForm, what: Products, instance: UnitInstance | None, mode: FloatMode, cache: Cache
) -> float:
    """On a small call, or on one of the size of ``what``, if that takes no longer than a measurement should."""
    small = replace(what, rows=min(what.rows, 8), depth=min(what.depth, 64), columns=_COLUMNS[0])
    products = [size.rows * size.depth * size.columns for size in (small, what)]
    seconds = _best(form, small, instance, mode, cache)
    if seconds * products[1] > _SECONDS * products[0]:
        return products[0] / seconds
    return products[1] / _best(form, what, instance, mode, cache)


def _best(form: ProductsForm, what: Products, instance: UnitInstance | None, mode: FloatMode, cache: Cache) -> float:
    """Seconds of the fastest call in the size of ``what``."""
    v, s, constant = _operands(what)
    function = ProductsFunction(form, what, instance, mode, cache, constant)
    call, nothing = (function.prepared(v[:, : what.columns], rows)[0] for rows in (s, s[:0]))
    with float_environment(mode):
        first = _seconds(call)
        best, spent = _seconds(call), first
        while spent < _SECONDS:
            again = _seconds(call)
            best, spent = min(best, again), spent + again
        overhead = min(_seconds(nothing) for _ in range(_EMPTY))  # Python's
    return max(best - overhead, best / _EMPTY)


def _operands(what: Products) -> tuple[AnyArray, AnyArray, AnyArray | None]:
    """Random v and s in the size of ``what``, and the constant one of them as forms are given it."""
    random = np.random.default_rng(1)
    v = np.zeros((what.depth, padded(what.columns)), container(what.type))
    v[:, : what.columns] = _drawn(random, what.type, (what.depth, what.columns))
    s = _drawn(random, what.type, (what.rows, what.depth)).astype(v.dtype)
    return v, s, None if what.constant is None else s[None] if what.constant_is_s else v


def _drawn(random: np.random.Generator, kind: str, shape: tuple[int, ...]) -> AnyArray:
    operand = operand_type(kind)
    if operand.is_float:
        return random.standard_normal(shape).astype(np.float32)
    low = -(1 << operand.width - 1) if operand.signed else 0
    return random.integers(low, low + (1 << operand.width), shape)


def _seconds(call: Callable[[], None]) -> float:
    began = time.perf_counter()
    call()
    return max(time.perf_counter() - began, 1e-9)
