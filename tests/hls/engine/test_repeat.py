"""Values that a repeat carries from one iteration to the next: what it starts with, goes on with, and leaves.

What a loop leaves is in its register a cycle after it is there. A repeat takes its values when what is before it ends,
so that this must not end with the cycle in which the last of them is made; and it takes none after its last iteration,
as what follows may look at those of that one. An address inside goes on with each counter around in its turn, also past
those on which it does not depend.
"""

from __future__ import annotations

import pytest

from asnet.hls import HlsOptions
from asnet.hls.nest import structure
from asnet.hls.options import Style
from asnet.ir import MemoryKind
from asnet.types import FloatMode
from tests.hls.kernels import Argument, Program, compare, module_of
from tests.hls.nest.golden import kernels_of, repeats

pytestmark = pytest.mark.usefixtures("simulator")


def stored(name: str, index: str, value: str) -> str:
    return f"  %{name} = getelementptr i32, ptr %y, i64 {index}\n  store i32 {value}, ptr %{name}\n"


def counted(name: str, before: str, values: str, body: str, extent: int = 4, last: str = "") -> str:
    """A loop with counter ``%<name>`` behind block ``before``; block ``last`` of it is its last."""
    return f"""  br label %{name}.head
{name}.head:
  %{name} = phi i64 [ 0, %{before} ], [ %{name}.next, %{last or f"{name}.head"} ]
{values}{body}  %{name}.next = add nuw nsw i64 %{name}, 1
  %{name}.again = icmp ult i64 %{name}.next, {extent}
  br i1 %{name}.again, label %{name}.head, label %{name}.end
{name}.end:
"""


def loaded(name: str) -> str:
    return f"""  %{name}.place = getelementptr i32, ptr %x, i64 %{name}
  %{name}.word = load i32, ptr %{name}.place
"""


def product(name: str, before: str, first: str) -> str:
    """A loop whose last operation makes ``%<name>.product``: ``first`` times all words of the input."""
    values = f"  %{name}.sofar = phi i32 [ {first}, %{before} ], [ %{name}.product, %{name}.head ]\n"
    body = f"{loaded(name)}  %{name}.product = mul i32 %{name}.sofar, %{name}.word\n"
    return counted(name, before, values, body)


def mixed(name: str, before: str, value: str, around: str = "0") -> str:
    """A loop that stores words made of the input and ``value``, 4 for each step of ``around``, and leaves nothing."""
    body = f"""{loaded(name)}  %{name}.mixed = xor i32 %{name}.word, {value}
  %{name}.row = mul nuw nsw i64 {around}, 4
  %{name}.index = add nuw nsw i64 %{name}.row, %{name}
"""
    return counted(name, before, "", body + stored(f"{name}.to", f"%{name}.index", f"%{name}.mixed"))


def carrying(name: str, before: str, first: str, inside: str = "", around: str = "0") -> str:
    """A repeat: two loops, of which the last makes what ``%<name>.v`` is in the next iteration; then ``inside``."""
    values = f"  %{name}.v = phi i32 [ {first}, %{before} ], [ %{name}.b.product, %{name}.b.end ]\n"
    body = mixed(f"{name}.a", f"{name}.head", f"%{name}.v", around) + product(
        f"{name}.b", f"{name}.a.end", f"%{name}.v"
    )
    return counted(name, before, values, body + inside, 3, f"{name}.b.end")


STARTING = product("m", "entry", "1")
"""Its product is made in its last cycle."""


def nested(around: str = "0") -> str:
    """A repeat in a repeat: each takes what is made last in what is before it, and in the innermost loop."""
    values = "  %o.v = phi i32 [ 3, %entry ], [ %i.b.product, %i.end ]\n"
    body = product("m", "o.head", "%o.v") + carrying("i", "m.end", "%m.product", around=around)
    return counted("o", "entry", values, body, 2, "i.end")


BODIES = {
    "goes_on": carrying("r", "entry", "1"),
    "starts": STARTING + carrying("r", "m.end", "%m.product", stored("late", "0", "%r.v")),
    "leaves": carrying("r", "entry", "1", stored("late", "0", "%r.v")) + stored("after", "1", "%r.v"),
    "in_a_row": carrying("r", "entry", "1") + carrying("s", "r.end", "%r.b.product"),
    "nested": nested() + stored("after", "1", "%i.v") + stored("then", "2", "%o.v"),
    "placed": nested("%o"),
}


def program(name: str, body: str) -> Program:
    words = 8 if name == "placed" else 4
    arguments = (Argument("x", MemoryKind.INPUT, "i32", 4), Argument("y", MemoryKind.OUTPUT, "i32", words))
    return Program(name, arguments, f"{body}  ret void")


PROGRAMS = tuple(program(name, body) for name, body in BODIES.items())


def test_the_kernels_have_repeats_that_carry_values() -> None:
    for kernel in kernels_of(module_of(PROGRAMS, FloatMode.FTZ)):
        found = list(repeats(structure(kernel).body))
        assert len(found) == (1 if kernel.layer in ("goes_on", "starts", "leaves") else 2), kernel.layer
        assert all(len(repeat.carried) == 1 for repeat in found)


@pytest.mark.parametrize("style", Style)
def test_a_repeat_takes_what_was_made_last(style: Style) -> None:
    compare(PROGRAMS, images=6, options=HlsOptions(style=style)).raise_if_different()
