"""A plan as data of the kernel: its facts as numbers, its tables, constant operands prepared ahead."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from asnet.emulate.integer.dot import WORDS, Dot
from asnet.emulate.integer.layout import RARE, Field, Pass, Term
from asnet.emulate.integer.plan import PlannedPass, PlannedTerm, ProductsPlan, Transform
from asnet.emulate.products import Data, aligned
from asnet.ir.products import COLUMNS
from asnet.types import AnyArray, Array

__all__ = ["pack"]


def pack(plan: ProductsPlan, dot: Dot, scalars: Array | None, vectors: Array | None) -> Data:
    """The data of ``plan``; ``scalars`` (groups, rows, depth) and ``vectors`` (depth, columns), where they are known,
    as raw operands.
    """
    tables: list[Array] = []
    changing = vectors is None, scalars is None
    terms = [slot for own in plan.passes for term in own.terms for slot in _term(term, own, dot, tables, changing)]
    passes = np.array([_pass(own) for own in plan.passes], np.int64)
    fields: dict[Field, int | Array] = {
        Field.BLOCK: plan.block,
        Field.PASSES: len(plan.passes),
        Field.TERMS: plan.terms,
        Field.PASS: passes,
        Field.TERM: np.array(terms, np.int64),
        Field.SCALARS: 0,
        Field.GROUP: 0,
        Field.VECTORS: 0,
        Field.ROWS: plan.rows,
        Field.SINGLE: int(vectors is None and plan.by_masks),
    }
    if scalars is not None and scalars.size:
        ready = _scalars(plan, dot, _patterns(scalars))
        fields |= {Field.SCALARS: ready, Field.GROUP: ready.shape[1]}
    if vectors is not None and vectors.size:
        fields[Field.VECTORS] = _vectors(plan, dot, _patterns(vectors))
    return Data((*(fields[field] for field in Field), *tables))


def _pass(own: PlannedPass) -> list[int]:
    rare = (*own.rare, *own.rare[-1:] * (RARE - len(own.rare))) or (0,) * RARE
    facts = {Pass.TERMS: own.slots, Pass.ORDER: own.order, Pass.SHIFT: own.shift}
    facts |= {Pass.SEARCH: int(bool(own.rare)), Pass.AGAIN: int(own.again)}
    return [*(facts[field] for field in Pass if field < Pass.RARE), *rare]


def _term(
    term: PlannedTerm, own: PlannedPass, dot: Dot, tables: list[Array], changing: tuple[bool, bool]
) -> list[list[int]]:
    """The numbers of a term, once for each slot; the tables of the sides that are ``changing`` from run to run go to
    ``tables``."""
    facts = {Term.OFFSET: term.offset}
    for transform, first, changes in zip((term.u, term.w), (Term.V_MASK, Term.S_MASK), changing, strict=True):
        address = 0
        if transform.by_table and changes:
            tables.append(_table(transform, dot, words=own.order == WORDS))
            address = tables[-1].ctypes.data
        facts |= {first: transform.mask, Term(first + 1): transform.flip, Term(first + 2): address}
    return [[facts[field] for field in Term if field is not Term.SIZE]] * (own.slots // len(own.terms))


def _table(transform: Transform, dot: Dot, *, words: bool) -> Array:
    """What every pattern of a container becomes; the bytes of words in two tables."""
    values = transform.values[np.arange(1 << dot.container) % len(transform.values)]
    if words:
        return np.concatenate([values & 255, values >> 8 & 255]).astype(np.uint8)
    return np.ascontiguousarray(values.astype(f"int{dot.bits}"))


def _patterns(operands: Array) -> NDArray[np.intp]:
    """Raw operands as indices."""
    return operands.view(f"uint{8 * operands.itemsize}").astype(np.intp)


def _blocks(plan: ProductsPlan, dot: Dot, depth: int) -> Iterator[tuple[int, int, int]]:
    """First step, steps and groups of every block."""
    for first in range(0, depth, plan.block):
        steps = min(plan.block, depth - first)
        yield first, steps, -(-steps // dot.steps)


def _transformed(transform: Transform, patterns: NDArray[np.intp]) -> NDArray[np.int64]:
    return transform.values[patterns % len(transform.values)]


def _scalars(plan: ProductsPlan, dot: Dot, patterns: NDArray[np.intp]) -> NDArray[np.uint8]:
    """(groups, bytes)."""
    count, rows, depth = patterns.shape
    parts: list[AnyArray] = [np.zeros((count, 0), np.int32)]
    for first, steps, groups in _blocks(plan, dot, depth):
        raw = patterns[:, :, first : first + steps]
        for own in plan.passes:
            values = np.zeros((count, rows, len(own.terms), groups * dot.steps), np.int64)
            missing = np.zeros((count, rows), np.int64)
            for number, term in enumerate(own.terms):
                values[:, :, number, :steps] = _transformed(term.w, raw)
                missing += term.offset * values[:, :, number].sum(axis=2)
            bits = 32 if dot.steps == 1 else 16 if own.order == WORDS else dot.bits
            words = values.astype(f"int{bits}").view(np.int32).reshape(count, rows, -1)
            words = np.concatenate([missing.astype(np.int32)[:, :, None], words], axis=2)
            begin = 0
            for size in dot.rows:
                tiles = (rows - begin) // size
                tile = words[:, begin : begin + tiles * size].reshape(count, tiles, size, words.shape[2])
                parts.append(tile.transpose(0, 1, 3, 2).reshape(count, tile.size // count))
                begin += tiles * size
    ready = np.concatenate(parts, axis=1)
    goal = aligned(ready.shape, "int32")
    goal[:] = ready
    return goal.view(np.uint8)


def _vectors(plan: ProductsPlan, dot: Dot, patterns: NDArray[np.intp]) -> Array:
    depth, columns = patterns.shape
    panels = -(-columns // COLUMNS)
    patterns = np.pad(patterns, ((0, 0), (0, panels * COLUMNS - columns)))
    parts: list[AnyArray] = [np.zeros(0, f"int{dot.bits}")]
    for first, steps, groups in _blocks(plan, dot, depth):
        raw = patterns[first : first + steps]
        for panel in range(panels):
            here = raw[:, panel * COLUMNS : (panel + 1) * COLUMNS]
            for own in plan.passes:
                values = np.zeros((len(own.terms), groups * dot.steps, COLUMNS), np.int64)
                for number, term in enumerate(own.terms):
                    values[number, :steps] = _transformed(term.u, here)
                parts.append(_panel(values.astype(f"int{dot.bits}"), dot).ravel())
    ready = np.concatenate(parts)
    goal = aligned(ready.shape, ready.dtype.name)
    goal[:] = ready
    return goal


def _panel(values: AnyArray, dot: Dot) -> AnyArray:
    """(terms, steps, columns) in the order of :mod:`asnet.emulate.integer.layout`."""
    terms, groups = values.shape[0], values.shape[1] // dot.steps
    parts = dot.vectors // dot.steps
    shape = (terms, groups, dot.steps, dot.strips, parts, dot.lanes // 4, dot.steps, 4)
    #         0      1       2          3           4      5               6         7
    return values.reshape(shape).transpose(3, 0, 1, 4, 6, 5, 7, 2)
