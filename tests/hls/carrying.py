"""Random kernels whose outer loops carry values through the loops inside them.

A loop around one or several others, with code before, between and behind them, carries up to six values: floats and
integers that start from constants, words or what was there before. Inner loops start from them, accumulate, store words
made of them and leave what goes on; they are rotated, selected, taken as addresses, and stored behind the loop. Inside
and between such loops stand nests as :mod:`tests.hls.nests` makes them. Every choice comes from one ``random.Random``.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from math import prod
from random import Random

from tests.hls.kernels import Program
from tests.hls.nests import WORDS, Affine, Loop, NestGenerator

_KINDS = ("float", "float", "i32", "i32", "i8", "i64")
_CONSTANTS = {
    "float": ("0.0", "1.0", "-0.5", "3.0"),
    "i8": ("0", "1", "-128", "77"),
    "i32": ("0", "1", "-1", "65537"),
    "i64": ("0", "1", "-1", "4294967297"),
}
_WORDS_OF = {"float": "float", "i8": "i32", "i32": "i32", "i64": "i32"}
"""The elements of the memories from which values come, and to which they go."""

_OPERATIONS = {"float": ("fadd", "fsub", "fmul"), "integer": ("add", "sub", "mul", "xor", "and")}
_MOST = 400
"""Iterations of everything inside one outermost loop, apart from nests like layers."""

_DEEP = 2
"""Loops that carry values inside each other; more may stand in them."""


class CarryingGenerator(NestGenerator):
    """Writes one kernel of about ``nests`` nests, most of them inside loops that carry values."""

    def __init__(self, random: Random, nests: int) -> None:
        super().__init__(random, nests)
        self._running: list[Loop] = []
        self._values: dict[str, list[str]] = {kind: [] for kind in _CONSTANTS}

    def _nest(self) -> None:
        if self._random.randrange(3):
            self._around()
        else:
            super()._nest()

    def _affine(self, extents: Mapping[str, int]) -> Affine:
        """A word that may depend on the counters around as well."""
        return super()._affine({**self._counters, **extents})

    def _start(self, kind: str) -> str:
        return self._value(kind) if self._random.randrange(2) else super()._start(kind)

    # --- values -------------------------------------------------------------------------------------------------------

    @property
    def _counters(self) -> dict[str, int]:
        """Counter → extent of the loops that are open."""
        return {loop.counter: loop.extent for loop in self._running}

    def _constant(self, kind: str) -> str:
        return self._pick(*_CONSTANTS[kind])

    def _value(self, kind: str) -> str:
        """One that is known here, a new one more often than an old one."""
        known = self._values[kind]
        if not known or self._random.randrange(8) == 0:
            return self._constant(kind)
        return known[-1 - min(self._random.randrange(len(known)), self._random.randrange(len(known)))]

    def _known(self, kind: str, value: str) -> str:
        self._values[kind].append(value)
        return value

    def _first(self, kind: str) -> str:
        """What a loop may start from."""
        return self._pick(self._value, self._value, self._word, self._constant)(kind)

    def _cast(self, value: str, source: str, kind: str) -> str:
        if source == kind:
            return value
        how = "sext" if int(kind[1:]) > int(source[1:]) else "trunc"
        return self._emit(f"{how} {source} {value} to {kind}")

    def _place(self) -> Affine | str:
        """Where a word is: a sum of counters, or wherever an integer says."""
        if self._random.randrange(3):
            return self._affine({})
        kind = self._pick("i8", "i32", "i64")
        number = self._cast(self._value(kind), kind, "i64")
        return self._emit(f"and i64 {number}, {WORDS - 1}")

    def _pointer(self, kind: str, memory: str) -> str:
        place = self._place()
        if isinstance(place, str):
            return self._emit(f"getelementptr {kind}, ptr %{memory}, i64 {place}")
        return self._at(kind, memory, place)

    def _word(self, kind: str) -> str:
        """A word from anywhere."""
        element = _WORDS_OF[kind]
        word = self._emit(f"load {element}, ptr {self._pointer(element, self._source(element))}")
        return self._cast(word, element, kind)

    def _keep(self, kind: str, value: str) -> None:
        """Store ``value`` anywhere."""
        element = _WORDS_OF[kind]
        word = self._cast(value, kind, element)
        self._add(f"store {element} {word}, ptr {self._pointer(element, self._target(element))}")

    def _changed(self, kind: str, value: str) -> str:
        """Something made of ``value`` and others."""
        other = self._pick(self._value, self._word)(kind)
        how = self._pick("operation", "operation", "operation", "select", "convert")
        if how == "select":
            return self._emit(f"select i1 {self._test(kind, value, other)}, {kind} {value}, {kind} {other}")
        if how == "convert" and kind == "float":
            source = self._pick("i8", "i32")
            return self._emit(f"fadd float {value}, {self._emit(f'sitofp {source} {self._value(source)} to float')}")
        if how == "convert":
            source = self._pick("i8", "i32", "i64")
            return self._emit(f"add {kind} {value}, {self._cast(self._value(source), source, kind)}")
        operation = self._pick(*_OPERATIONS["float" if kind == "float" else "integer"])
        return self._emit(f"{operation} {kind} {value}, {other}")

    def _test(self, kind: str, value: str, other: str) -> str:
        """A comparison of two values of ``kind``, or of one of any kind."""
        if self._random.randrange(2):
            kind = self._pick(*_CONSTANTS)
            value, other = self._value(kind), self._constant(kind)
        return self._emit(f"{'fcmp olt' if kind == 'float' else 'icmp slt'} {kind} {value}, {other}")

    # --- loops --------------------------------------------------------------------------------------------------------

    @contextmanager
    def _loop(self, extent: int, kinds: list[str], results: list[str]) -> Generator[Loop]:
        """A loop; ``results``: filled inside, what its carried values go on with."""
        loop = self._open(extent, *((kind, self._first(kind)) for kind in kinds))
        self._running.append(loop)
        for kind, phi in zip(kinds, loop.phis, strict=True):
            self._known(kind, phi)
        yield loop
        self._running.pop()
        self._close(loop, *results)

    def _extent(self, most: int) -> int:
        """How often one more loop may run; less than 2 if there is no room for one."""
        room = _MOST // prod(self._counters.values())
        return 2 + self._random.randrange(min(room, most) - 1) if room > 1 else 0

    def _around(self) -> None:
        """A loop around others: each of its values goes on as something made in it, or as another one was."""
        extent = self._extent(5)
        if not extent:
            return
        kinds = [self._pick(*_KINDS) for _ in range(1 + self._random.randrange(3))]
        kinds += [kind for kind in kinds if self._random.randrange(2)]
        results: list[str] = []
        with self._loop(extent, kinds, results) as loop:
            inside = [self._accumulation, self._accumulation, self._stores, self._code]
            if len(self._running) < _DEEP:
                inside += [self._around, super()._nest]
            for _ in range(1 + self._random.randrange(5)):
                self._pick(*inside)()
            results += (
                self._rotated(loop) if self._random.randrange(3) == 0 else [self._goes_on(kind) for kind in kinds]
            )
        for kind, result in zip(kinds, results, strict=True):
            self._known(kind, result)
        for _ in range(1 + self._random.randrange(2)):
            kind = self._pick(*kinds)
            self._keep(kind, self._value(kind))

    def _goes_on(self, kind: str) -> str:
        value = self._value(kind)
        return self._known(kind, self._changed(kind, value)) if self._random.randrange(3) == 0 else value

    def _rotated(self, loop: Loop) -> list[str]:
        """Each value goes on as the next one of its kind was, the last as something new."""
        results: list[str] = []
        for place, (kind, _) in enumerate(loop.carried):
            following = zip(loop.phis[place + 1 :], loop.carried[place + 1 :], strict=True)
            others = [phi for phi, (other, _) in following if other == kind]
            results.append(others[0] if others else self._changed(kind, self._value(kind)))
        return results

    def _accumulation(self) -> None:
        """An inner loop that starts from what is carried, if it likes, and leaves what it has made."""
        extent = self._extent(8)
        if not extent:
            return
        kinds = [self._pick(*_KINDS) for _ in range(1 + self._random.randrange(2))]
        results: list[str] = []
        with self._loop(extent, kinds, results) as loop:
            if self._random.randrange(4) == 0:
                self._stores()
            results += [self._changed(kind, phi) for kind, phi in zip(kinds, loop.phis, strict=True)]
            if self._random.randrange(4) == 0:
                self._keep(kinds[0], results[0])
        for kind, result in zip(kinds, results, strict=True):
            self._known(kind, result)

    def _stores(self) -> None:
        """An inner loop, or two, that leaves words in a memory and no values."""
        first = self._extent(8)
        if not first:
            return
        with self._loop(first, [], []):
            second = self._extent(5) if self._random.randrange(3) == 0 else 0
            if second:
                with self._loop(second, [], []):
                    self._stored()
            else:
                self._stored()

    def _stored(self) -> None:
        """A word of its own for each iteration of the inner loops, or any, made of what is carried."""
        kind = self._pick("float", "i32")
        value = self._changed(kind, self._value(kind))
        if self._random.randrange(2):
            self._keep(kind, value)
        else:
            inner = {loop.counter: loop.extent for loop in self._running if not loop.phis}
            self._store(kind, self._target(kind), self._distinct(inner), value)

    def _code(self) -> None:
        """Something that stands beside loops: a new value, a word kept."""
        kind = self._pick(*_KINDS)
        value = self._known(kind, self._changed(kind, self._value(kind)))
        if self._random.randrange(2):
            self._keep(kind, value)


def random_carrying(random: Random, name: str, nests: int = 3) -> Program:
    """A kernel of ``nests`` nests or loops around some."""
    return CarryingGenerator(random, nests).program(name)
