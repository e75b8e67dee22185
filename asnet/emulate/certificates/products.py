"""Establishing that a compiled kernel of sums of products computes what a unit's golden model does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np

from asnet.bits import bits_differ
from asnet.cache import Cache, digest
from asnet.emulate.analysis import operand_values
from asnet.emulate.certificates.certificate import Certificate, Difference, Evidence, established
from asnet.emulate.certificates.operands import corners_of, random_blocks
from asnet.emulate.products import ProductsForm, ProductsFunction
from asnet.host import float_environment, host_features, processor_name
from asnet.ir import Products
from asnet.ir.products import container, padded
from asnet.types import EXACT, AnyArray, Array, operand_type
from asnet.units import FunctionLibrary, UnitInstance

__all__ = ["EXHAUSTIVE_BITS", "RANDOM_PAIRS", "certify_products", "kernel_digest"]

EXHAUSTIVE_BITS: Final = 24
"""Operand pairs of up to this many bits are compared one and all."""

RANDOM_PAIRS: Final = 10_000_000
"""Random pairs of wider operands, at least."""

_VERSION: Final = "products 5"
_SEED: Final = 20240607
_ROWS: Final = 8
_COLUMNS: Final = 2048
_CONSTANT_COLUMNS: Final = 1 << 16  # where the vector operand is constant, there is one of it

_SHAPES: Final = ((1, 9, 64), (5, 30, 130), (3, 2, 1), (1, 1, 65), (17, 33, 64), (2, 300, 100))
"""Rows, depth and columns of sums that are compared."""


def kernel_digest(form: ProductsForm, what: Products, instance: UnitInstance | None) -> str:
    """What tells the kernel that ``form`` has for ``instance`` in layers like ``what`` from others."""
    return digest([form.kernel(what, instance), repr(form.machine)])


def certify_products(
    form: ProductsForm,
    what: Products,
    instance: UnitInstance | None,
    library: FunctionLibrary,
    cache: Cache,
) -> Certificate | Difference:
    """The certificate of the kernel that ``form`` has for ``instance`` (None: exact) in layers like ``what``, or where
    it differs. ``library`` must hold the instance. Kept in ``cache``.
    """
    name = EXACT if instance is None else instance.name
    text = form.kernel(what, instance)
    kernel = kernel_digest(form, what, instance)
    processor = processor_name()
    facts = (what.type, what.accumulator, what.vector_is_a, what.constant is None, what.constant_is_s)
    unit = EXACT if instance is None else instance.digest
    key = digest([_VERSION, form.kind, kernel, processor, host_features(), unit, library.mode, repr(facts)])

    def compare() -> Certificate | Difference:
        found = _Comparison(form, what, instance, library, cache, text).run()
        if isinstance(found, Difference):
            return found
        return Certificate(name, unit, library.mode, form.kind, found, kernel, processor)

    return established(cache, key, name, compare)


@dataclass(frozen=True)
class _Panel:
    """Operands of one call: ``v`` (depth, columns), ``s`` (rows, depth), the number of its group."""

    v: Array
    s: Array
    group: int = 0


@dataclass
class _Comparison:
    """A form against the golden model, in layers like ``what``."""

    form: ProductsForm
    what: Products
    instance: UnitInstance | None
    library: FunctionLibrary
    cache: Cache
    text: str

    def run(self) -> tuple[Evidence, ...] | Difference:
        """Everything, or the first difference."""
        operand = operand_type(self.what.type)
        claim = "products"
        if 2 * operand.width <= EXHAUSTIVE_BITS:
            values = operand_values(operand)
            halves = [self._ordered(half, values) for half in np.split(values, 2)]  # of columns: kernels look at them
            evidence = [Evidence(claim, "exhaustive", len(values) ** 2)]
            found = (self._pairs([pair]) for pair in [(values, values), *halves])
            difference = next((wrong for wrong in found if wrong is not None), None)
        else:
            corners = corners_of(operand)
            blocks = list(random_blocks(operand, RANDOM_PAIRS, _SEED, rows=_ROWS, columns=_COLUMNS))
            random = sum(block.pairs for block in blocks)
            evidence = [Evidence(claim, "sampled", corners=len(corners), random=random, seed=_SEED)]
            difference = self._pairs([(corners, corners)]) or self._pairs([(block.a, block.b) for block in blocks])
        if difference is not None:
            return difference
        count = 0
        for number, (rows, depth, columns) in enumerate(self._shapes):
            difference = self._sums(np.random.default_rng(_SEED + number), rows, depth, columns)
            if difference is not None:
                return difference
            count += 2 * rows * depth * columns
        return (*evidence, Evidence("sums", "sums", count, seed=_SEED))

    # --- products of single pairs -----------------------------------------------------------------------------------

    def _pairs(self, pairs: Sequence[tuple[Array, Array]]) -> Difference | None:
        """Compare the products of all pairs of operands a and b in each of ``pairs``."""
        for panel, function in self._single(pairs):
            start = np.full((len(panel.s), panel.v.shape[1]), -0.0 if self._is_float else 0, self.what.accumulator)
            found = function(panel.v, panel.s, start, panel.group)
            wanted = self._golden(panel.v[0][None, :], panel.s)
            unequal = self._unequal(found, wanted)
            if unequal is not None:
                row, column = unequal
                a, b = self._ordered(panel.v[0, column], panel.s[row, 0])
                where = f"a = {self._shown(a)}, b = {self._shown(b)}"
                return Difference(
                    self.form.kind, where, self._shown(found[row, column]), self._shown(wanted[row, column])
                )
        return None

    def _single(self, pairs: Sequence[tuple[Array, Array]]) -> Iterator[tuple[_Panel, ProductsFunction]]:
        """Panels of depth 1 that have all of ``pairs``, each with a function whose data is for it."""
        sides = [(a, b) if self.what.vector_is_a else (b, a) for a, b in pairs]
        if self.what.constant is not None and not self.what.constant_is_s:
            for v, s in _joined(sides):
                constant = np.zeros((1, padded(len(v))), v.dtype)
                constant[0, : len(v)] = v
                function = self._function(1, len(v), 1, 1, constant)
                for begin in range(0, len(s), _ROWS):
                    yield _Panel(v[None, :], s[begin : begin + _ROWS, None]), function
            return
        rows = min(256, max(len(s) for _, s in sides))
        pieces = [(v, s[begin : begin + rows]) for v, s in sides for begin in range(0, len(s), rows)]
        constant = None
        if self.what.constant is not None:
            constant = np.stack([np.resize(s, rows) for _, s in pieces])[:, :, None]
        function = self._function(rows, max(len(v) for v, _ in sides), 1, len(pieces), constant)
        for number, (v, s) in enumerate(pieces):
            yield _Panel(v[None, :], np.resize(s, rows)[:, None], number), function

    # --- sums -------------------------------------------------------------------------------------------------------

    def _sums(self, random: np.random.Generator, rows: int, depth: int, columns: int) -> Difference | None:
        """Compare sums in one shape: of any operands, in some steps those of the columns from one half of the patterns;
        and of operands a from the lower half."""
        for group, lower in enumerate((False, True)):
            v = self._drawn(random, (depth, columns), lower=lower and self.what.vector_is_a)
            if not lower and not self._is_float:
                for number, half in enumerate(np.split(operand_values(operand_type(self.what.type)), 2)):
                    v[number::3] = random.choice(half, v[number::3].shape)
            s = [self._drawn(random, (rows, depth), lower=lower and not self.what.vector_is_a) for _ in range(2)]
            by_s = self.what.constant is not None and self.what.constant_is_s
            constant: Array | None = np.stack(s) if by_s else None
            if self.what.constant is not None and not by_s:
                constant = np.zeros((depth, padded(columns)), v.dtype)
                constant[:, :columns] = v
            function = self._function(rows, columns, depth, 2 if by_s else 1, constant)
            start = self._start(random, (rows, columns))
            found = function(v, s[group], start, group if by_s else 0)
            wanted = self._golden_sums(v, s[group], start)
            unequal = self._unequal(found, wanted)
            if unequal is not None:
                where = f"row {unequal[0]}, column {unequal[1]} of {rows} x {depth} by {depth} x {columns}"
                return Difference(self.form.kind, where, self._shown(found[unequal]), self._shown(wanted[unequal]))
        return None

    def _golden_sums(self, v: Array, s: Array, start: AnyArray) -> AnyArray:
        products = self._golden(v[:, None, :], s.T[:, :, None])
        total = start.copy()
        with float_environment(self.library.mode), np.errstate(all="ignore"):
            for step in products:
                total += step
        return total

    def _drawn(self, random: np.random.Generator, shape: tuple[int, ...], *, lower: bool) -> AnyArray:
        operand = operand_type(self.what.type)
        if operand.is_float:
            values = random.standard_normal(shape).astype(np.float32)
            return np.abs(values) if lower else values
        values = operand_values(operand) if operand.width <= 16 else None
        assert values is not None
        return random.choice(values[: len(values) // 2] if lower else values, shape)

    def _start(self, random: np.random.Generator, shape: tuple[int, ...]) -> AnyArray:
        if self._is_float:
            return random.standard_normal(shape).astype(np.float32)
        return random.integers(-(1 << 31), 1 << 31, shape).astype(self.what.accumulator)

    # --- both -------------------------------------------------------------------------------------------------------

    @cached_property
    def _is_float(self) -> bool:
        return operand_type(self.what.type).is_float

    @property
    def _shapes(self) -> list[tuple[int, int, int]]:
        """The layer's own shape, cut to be quick, and others."""
        own = (min(self.what.rows, 9), min(self.what.depth, 400), min(self.what.columns, 130))
        return [shape for shape in (own, *_SHAPES) if min(shape) > 0]

    def _of(self, rows: int, depth: int, columns: int, groups: int = 1) -> Products:
        return replace(self.what, groups=groups, rows=rows, columns=columns, depth=depth)

    def _function(self, rows: int, columns: int, depth: int, groups: int, constant: Array | None) -> ProductsFunction:
        """The very kernel of the layer, with data for operands of this size.

        A form may have other kernels for other sizes: then it is told the layer's size.
        """
        what = self._of(rows, depth, columns, groups)
        if self.form.kernel(what, self.instance) != self.text:
            what = self.what
        if constant is not None:
            constant = constant.astype(container(self.what.type))
        return ProductsFunction(self.form, what, self.instance, self.library.mode, self.cache, constant)

    def _ordered(self, v: AnyArray, s: AnyArray) -> tuple[AnyArray, AnyArray]:
        return (v, s) if self.what.vector_is_a else (s, v)

    def _golden(self, v: AnyArray, s: AnyArray) -> AnyArray:
        """The unit's results, as they are added to sums."""
        a, b = self._ordered(v, s)
        if self.instance is None:  # the library need not have a unit of this operation
            if not self._is_float:
                return (a.astype(np.int64) * b.astype(np.int64)).astype(self.what.accumulator)
            with float_environment(self.library.mode), np.errstate(all="ignore"):
                return np.multiply(a, b, dtype=np.float32)
        op = "fmul" if self._is_float else "mul"
        result = self.library.call(op, self.what.type, a, b, self.instance)
        if not self._is_float and not operand_type(self.what.type).signed:
            result = result.view(np.uint32)
        return result.astype(self.what.accumulator)

    def _unequal(self, found: AnyArray, wanted: AnyArray) -> tuple[int, int] | None:
        unequal = bits_differ(found, wanted) if self._is_float else found != wanted
        if not unequal.any():
            return None
        row, column = (int(i) for i in np.argwhere(unequal)[0])
        return row, column

    def _shown(self, value: AnyArray) -> str:
        if self._is_float:
            return f"{np.float32(value)!s} ({int(np.float32(value).view(np.uint32)):#010x})"
        return str(int(value))


def _joined(sides: Sequence[tuple[Array, Array]]) -> Iterator[tuple[Array, Array]]:
    """The same number of pairs or a few more, from one long vector operand, where there may be only one."""
    if len(sides) <= 2:
        yield from sides
        return
    v = np.concatenate([v for v, _ in sides])[:_CONSTANT_COLUMNS]
    pairs = sum(len(v) * len(s) for v, s in sides)
    s = np.concatenate([s for _, s in sides])
    yield v, s[:: max(1, len(s) * len(v) // pairs)]
