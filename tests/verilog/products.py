"""Proof by parts that a netlist which makes one wide product from small ones, in DSP blocks, is its Verilog.

SAT does not see that a sum of partial products is the product. So products are cut out of both circuits: the bits of
their factors become results, what they give becomes inputs. Let x be the operands of the unit, A(x) B(x) modulo 2^n its
one product, and F(x, Y) its result where that product is Y; let the netlist have the products U_k(x) V_k(x) and the
result G(x, P_1, P_2 ...).

1. Every bit of A, B, U_k and V_k is a constant or one of a few functions of x, the *variables*: random operands tell
   which, ABC proves it for all. So each of these numbers is a linear form: variables with whole coefficients.
2. With shifts s_k, the sum of 2^s_k U_k V_k and A B are the same polynomial in these variables, coefficient by
   coefficient modulo 2^n: an identity, whatever values the variables have.
3. G(x, P_1, P_2 ...) = F(x, S(P_1, P_2 ...)), by ABC, for all x and all P_k of as many bits as their products need,
   where S adds the P_k << s_k, and leaves out those bits of partial sums that no factors reach: so does synthesis.

By 2 and as the products are in these ranges, S of the netlist's products is A(x) B(x) modulo 2^n; so 3 says that the
netlist is the unit. Where a step fails, nothing is said: the unit has not one product, the netlist multiplies what are
no slices of its factors or what depends on products, or ABC needs more time.

Flip-flops count as wires; that they may has been checked where the whole circuits were made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import count, islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asnet.emulate.analysis import Aig, AigBuilder, VerilogDesign, equivalent, netlist_of
from asnet.emulate.analysis.aig import FALSE, TRUE
from asnet.emulate.analysis.elaborate import Product, elaborate
from asnet.emulate.analysis.registers import combinational
from asnet.errors import UnitError

_SAMPLE: Final = 1 << 10
"""Words of 64 random operand pairs that tell variables apart."""

_WORD: Final = (1 << 64) - 1

Words = NDArray[np.uint64]

Form = Mapping[int, int]
"""A linear form: coefficients of variables, which are literals; TRUE is the variable that is always 1."""

Pair = tuple[Form, Form]
"""The factors of a product."""

Polynomial = Mapping[tuple[int, int], int]
"""Coefficients, none of them 0, of products of two variables, the smaller literal first."""


@dataclass(frozen=True)
class _Cut:
    """A circuit without its products: ``result`` of the operands and, as further bits of b, of what the products give;
    ``factors``, the bits of their factors, of the operands alone."""

    result: Aig
    factors: Aig
    products: Sequence[Product]


@dataclass(frozen=True)
class _Number:
    """An integer in a circuit: its bits, lowest first, in two's complement if it may be negative; and its range."""

    bits: Sequence[int]
    low: int
    high: int

    def bit(self, place: int) -> int:
        """The literal of its bit ``place``, of as many as are asked for."""
        return self.bits[place] if place < len(self.bits) else self.bits[-1] if self.low < 0 else FALSE

    def shifted(self, places: int) -> _Number:
        """It times 2^``places``."""
        return _Number([FALSE] * places + [*self.bits], self.low << places, self.high << places)


def proven_by_parts(unit: VerilogDesign, gates: VerilogDesign, seconds: int) -> bool:
    """Whether ``gates``, with the same ports, is proven to be ``unit``; ABC may take ``seconds`` for each question.

    Raises:
        ToolMissingError: there is no yosys.
        UnitError: one of them cannot be elaborated.
    """
    whole, parts = _cut(unit), _cut(gates)
    if whole is None or parts is None or len(whole.products) != 1:
        return False
    forms = _forms(whole, parts, seconds)
    if forms is None:
        return False
    (product, *pairs), width = forms, len(whole.products[0].y)
    shifts = _shifts(_polynomial(product), [_polynomial(pair) for pair in pairs], width)
    ranges = [] if shifts is None else _ranges(pairs, shifts, parts.products, width)
    if not shifts or not ranges:
        return False
    return any(
        equivalent(*_circuits(whole, parts, ranges, shifts, groups), seconds=seconds)
        for groups in _groups(product, pairs, shifts)
    )


def _cut(design: VerilogDesign) -> _Cut | None:
    """``design`` without its products; None if it has loops, or factors of two signs or that depend on products."""
    found = elaborate(design, ["products"])[0]
    wires = {state.output: (state.data, 1) for state in found.flip_flops}  # and true
    free = [net for product in found.products for net in product.y]
    factors = [net for product in found.products for net in (*product.a, *product.b)]
    signs = [product.signed for product in found.products]
    opened = replace(found, b=(*found.b, *free), gates={**found.gates, **wires}, flip_flops=(), products=())
    try:
        result, bits = (combinational(replace(opened, y=tuple(nets)), 0) for nets in (found.y, factors))
    except UnitError:
        return None
    if bits.support()[1] >> len(found.b) or any(left != right for left, right in signs):
        return None
    build = AigBuilder(len(found.a), len(found.b))
    operands = _literals(len(found.a) + len(found.b))
    return _Cut(result, build.aig(build.copy(bits, [*operands, *[FALSE] * len(free)])), found.products)


def _literals(inputs: int) -> list[int]:
    return [2 * (bit + 1) for bit in range(inputs)]


def _forms(whole: _Cut, parts: _Cut, seconds: int) -> list[Pair] | None:
    """The factors of every product, that of ``whole`` first; None if they are no linear forms, or not proven to be.

    A variable is the literal of the first bit of ``whole`` that is it.
    """
    operands = whole.factors.inputs
    build = AigBuilder(whole.factors.width_a, whole.factors.width_b)
    known, further = (build.copy(each.factors, _literals(operands)) for each in (whole, parts))
    bits = build.aig([*known, *further])
    inputs = np.random.default_rng(0).integers(0, 1 << 64, (operands, _SAMPLE), np.uint64)
    while True:
        found = _variables(netlist_of(bits).evaluate_words(inputs), known)
        if found is None:
            return None
        verdict = equivalent(bits, build.aig(found), seconds=seconds)
        if verdict:
            break
        if verdict.answer == "undecided":
            return None
        shown = verdict.a | verdict.b << whole.factors.width_a
        column = [-(shown >> bit & 1) & _WORD for bit in range(operands)]
        inputs = np.column_stack([inputs, np.array(column, np.uint64)])
    left = iter(found)
    return [
        (_form(left, len(each.a), each.signed[0]), _form(left, len(each.b), each.signed[1]))
        for each in (*whole.products, *parts.products)
    ]


def _variables(values: Words, known: Sequence[int]) -> list[int] | None:
    """The variables that bits with the sampled ``values`` seem to be; None if some are like none of the first ones,
    whose literals are ``known``."""
    rows = [row.tobytes() for row in values]
    variables = {b"\0" * len(rows[0]): FALSE, b"\xff" * len(rows[0]): TRUE}
    for row, literal in zip(rows, known, strict=False):
        variables.setdefault(row, literal)
    found = [variables[row] for row in rows if row in variables]
    return found if len(found) == len(rows) else None


def _form(variables: Iterator[int], width: int, signed: bool) -> Form:
    """The number whose bits are the next ``width`` of ``variables``."""
    form: Counter[int] = Counter()
    for place, variable in enumerate(islice(variables, width)):
        form[variable] += -(1 << place) if signed and place == width - 1 else 1 << place
    del form[FALSE]
    return form


def _polynomial(pair: Pair) -> Polynomial:
    """The product of two linear forms."""
    found: Counter[tuple[int, int]] = Counter()
    for left, factor in pair[0].items():
        for right, other in pair[1].items():
            found[min(left, right), max(left, right)] += factor * other
    return {two: value for two, value in found.items() if value}


def _shifts(whole: Polynomial, parts: Sequence[Polynomial], width: int) -> list[int] | None:
    """The shifts with which ``parts`` add up to ``whole`` modulo 2^``width``, coefficient by coefficient, if any do."""
    shifts: list[int] = []
    rest = Counter(whole)
    for part in parts:
        if not part:
            return None
        scales = Counter(Fraction(whole.get(two, 0), value) for two, value in part.items())
        scale = scales.most_common(1)[0][0]  # parts may share variables, above all TRUE
        shift = scale.numerator.bit_length() - 1
        if scale != 1 << max(shift, 0):
            return None
        shifts.append(shift)
        rest.subtract({two: value << shift for two, value in part.items()})
    return shifts if all(value % (1 << width) == 0 for value in rest.values()) else None


def _ranges(
    pairs: Sequence[Pair], shifts: Sequence[int], products: Sequence[Product], width: int
) -> list[tuple[int, int]] | None:
    """Least and greatest value of each product; None if one loses bits that count modulo 2^``width``."""
    ranges: list[tuple[int, int]] = []
    for pair, shift, product in zip(pairs, shifts, products, strict=True):
        ends = [left * right for left in _ends(pair[0]) for right in _ends(pair[1])]
        kept = len(product.y)
        if _size(min(ends), max(ends)) <= kept:
            ranges.append((min(ends), max(ends)))
        elif kept + shift >= width:
            ranges.append((0, (1 << kept) - 1))  # so long that every sum with it has all bits
        else:
            return None
    return ranges


def _ends(form: Form) -> tuple[int, int]:
    """Bounds of a linear form."""
    free = [value for variable, value in form.items() if variable != TRUE]
    fixed = form.get(TRUE, 0)
    return fixed + sum(min(value, 0) for value in free), fixed + sum(max(value, 0) for value in free)


def _size(low: int, high: int) -> int:
    """The bits of numbers from ``low`` to ``high``."""
    return high.bit_length() if low >= 0 else max((~low).bit_length(), high.bit_length()) + 1


def _groups(product: Pair, pairs: Sequence[Pair], shifts: Sequence[int]) -> Iterator[list[list[int]]]:
    """In which order the products may be added: those of one slice of either factor first, or one by one.

    An order does not change the sum, but what ABC has to show.
    """
    order = sorted(range(len(pairs)), key=lambda part: shifts[part])
    slices = [pair if pair[0].keys() <= product[0].keys() else pair[::-1] for pair in pairs]
    for side in (0, 1):
        groups: dict[frozenset[tuple[int, int]], list[int]] = {}
        for part in order:
            groups.setdefault(frozenset(slices[part][side].items()), []).append(part)
        yield list(groups.values())
    yield [[part] for part in order]


def _circuits(
    whole: _Cut,
    parts: _Cut,
    ranges: Sequence[tuple[int, int]],
    shifts: Sequence[int],
    groups: Sequence[Sequence[int]],
) -> tuple[Aig, Aig]:
    """The results of both circuits over the operands and free values of the small products."""
    width = len(whole.products[0].y)
    operands = _literals(whole.factors.inputs)
    build = AigBuilder(whole.factors.width_a, whole.factors.width_b + sum(_size(*each) for each in ranges))
    free = count(2 * (len(operands) + 1), 2)
    numbers = [_Number(list(islice(free, _size(*each))), *each) for each in ranges]
    given = [each.bit(bit) for each, cell in zip(numbers, parts.products, strict=True) for bit in range(len(cell.y))]
    sums = [_sum(build, [numbers[part].shifted(shifts[part]) for part in group], width) for group in groups]
    total = _sum(build, sums, width)
    unit = build.copy(whole.result, [*operands, *(total.bit(bit) for bit in range(width))])
    return build.aig(unit), build.aig(build.copy(parts.result, [*operands, *given]))


def _sum(build: AigBuilder, numbers: Sequence[_Number], width: int) -> _Number:
    """The sum of ``numbers``, from the first on, in as many bits as it needs, ``width`` at most."""
    low, high = sum(each.low for each in numbers), sum(each.high for each in numbers)
    places = range(min(_size(low, high), width))
    total = [numbers[0].bit(place) for place in places]
    for number in numbers[1:]:
        carry = FALSE
        for place in places:
            one, other = total[place], number.bit(place)
            half = build.choice(one, other ^ 1, other)
            total[place] = build.choice(half, carry ^ 1, carry)
            carry = build.choice(half, carry, one)
    return _Number(total, low, high)
