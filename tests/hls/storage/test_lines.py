"""Deep constants are read in lines of several words where the clock asks for it; what is read stays the same."""

from __future__ import annotations

import numpy as np
import pytest

from asnet import hls
from asnet.hls.memories import DesignMemory, hex_text
from asnet.hls.storage import line_bits
from asnet.ir import Memory, MemoryKind
from benchmarks.hls.networks import dense_network, load_model
from benchmarks.hls.proven import prove


def constant(words: int, kind: MemoryKind = MemoryKind.CONSTANT) -> Memory:
    return Memory("w", kind, "int16", (words,), 0)


def test_lines_are_wide_enough_that_no_block_ram_stands_below_another() -> None:
    sizes = (100, 2048, 2049, 4096, 7840, 20_000, 1 << 20)
    assert [line_bits(constant(size), 130) for size in sizes] == [0, 0, 1, 1, 2, 3, 3]


def test_words_come_a_cycle_after_their_address_where_the_clock_leaves_time_or_they_are_written() -> None:
    assert [line_bits(constant(7840), clock) for clock in (None, 50, 100)] == [0, 0, 0]
    assert line_bits(constant(7840, MemoryKind.ACTIVATION), 200) == 0


def test_the_first_word_of_a_line_is_lowest_and_the_last_line_is_filled_up() -> None:
    contents = {"w": np.array([1, 2, 3, 4, 5], np.int16)}
    assert hex_text(DesignMemory(constant(5), "w", -1, 1), contents).split() == ["00020001", "00040003", "00000005"]


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize(("style", "lanes"), [("dataflow", 1), ("sequential", 1), ("dataflow", 2)])
def test_every_bit_and_every_cycle(style: str, lanes: int) -> None:
    options = hls.HlsOptions(style=hls.Style(style), clock=150, parallel={"*": lanes})
    made = prove(load_model(dense_network((96, 60, 4))), options, images=2)
    assert {memory.line_bits for memory in made.design.memories if memory.is_rom} == {0, 2 if lanes == 1 else 1}
    assert made.report.cycles_max == made.design.cycles
