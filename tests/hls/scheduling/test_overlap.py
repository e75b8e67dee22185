"""Two loops overlap as early as nothing goes wrong, and nothing goes wrong from there on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from asnet.hls.scheduling import Access, Strand, Tick, Timeline, Use, least_offset

ROOM = {"p": 1, "q": 2}


@st.composite
def strands(draw: st.DrawFn) -> Strand:
    extents = draw(st.lists(st.integers(1, 3), max_size=3))
    ticks: list[Tick] = []
    cycles = draw(st.integers(1, 3))
    for number, extent in reversed(list(enumerate(extents))):
        ticks.insert(0, Tick(f"c{number}", extent, cycles))
        cycles = cycles * extent + draw(st.sampled_from((0, 0, 2)))
    names = [tick.name for tick in ticks]
    bound = st.tuples(st.integers(0, 2), st.integers(0, 3))
    access = st.builds(
        Access,
        memory=st.sampled_from(("x", "y")),
        write=st.booleans(),
        cycle=st.integers(0, 8),
        strides=st.one_of(st.none(), *[st.fixed_dictionaries({n: st.integers(-3, 5) for n in names})] * 4),
        offset=st.integers(0, 6),
        bounds=st.dictionaries(st.sampled_from(names), bound, max_size=1) if names else st.just({}),
    )
    use = st.builds(Use, resource=st.sampled_from(("p", "q")), cycle=st.integers(0, 6))
    return Strand(
        tuple(ticks),
        tuple(draw(st.lists(access, max_size=3))),
        tuple(draw(st.lists(use, max_size=2))),
        draw(st.integers(0, 3)),
    )


def iterations(strand: Strand) -> Iterator[tuple[int, dict[str, int]]]:
    for values in product(*(range(tick.extent) for tick in strand.ticks)):
        cycle = strand.start + sum(tick.cycles * value for tick, value in zip(strand.ticks, values, strict=True))
        yield cycle, {tick.name: value for tick, value in zip(strand.ticks, values, strict=True)}


def accesses(timeline: Timeline) -> list[tuple[str, bool, int, int | None]]:
    """Memory, whether it is written, cycle, word."""
    found: list[tuple[str, bool, int, int | None]] = []
    for strand in timeline.strands:
        for begin, values in iterations(strand):
            for access in strand.accesses:
                if all(low <= values[name] <= high for name, (low, high) in access.bounds.items()):
                    word = None
                    if access.strides is not None:
                        word = access.offset + sum(values[name] * stride for name, stride in access.strides.items())
                    found.append((access.memory, access.write, begin + access.cycle, word))
    return found


def used(timeline: Timeline) -> Counter[tuple[str, int]]:
    cycles = ((begin, strand) for strand in timeline.strands for begin, _ in iterations(strand))
    return Counter((use.resource, begin + use.cycle) for begin, strand in cycles for use in strand.uses)


def in_order(first: Timeline, second: Timeline, offset: int) -> bool:
    others = accesses(second)
    return all(
        cycle < later + offset
        for memory, write, cycle, word in accesses(first)
        for other, writes, later, same in others
        if memory == other and (write or writes) and (word is None or same is None or word == same)
    )


def has_room(first: Timeline, second: Timeline, offset: int) -> bool:
    """Whether no cycle of both holds too much; what one of them does alone is its own schedule's matter."""
    one, two = used(first), used(second)
    later = Counter({(resource, cycle + offset): count for (resource, cycle), count in two.items()})
    return all(one[use] + later[use] <= ROOM[use[0]] for use in one.keys() & later.keys())


@settings(max_examples=80, deadline=None)
@given(
    st.lists(strands(), min_size=1, max_size=2).map(tuple).map(Timeline),
    st.lists(strands(), min_size=1, max_size=2).map(tuple).map(Timeline),
    st.one_of(st.none(), st.integers(0, 10)),
)
def test_the_offset_is_the_least(first: Timeline, second: Timeline, least: int | None) -> None:
    offset = least_offset(first, second, ROOM, least)
    low = first.last_start + 1 if least is None else least
    assert offset >= low
    assert in_order(first, second, offset)
    assert has_room(first, second, offset)
    for earlier in range(low, offset):
        assert not (has_room(first, second, earlier) and in_order(first, second, earlier))


def test_results_are_waited_for() -> None:
    first = Timeline((Strand((Tick("i", 4, 1),)),), results={"sum": 12, "other": 90})
    second = Timeline((Strand((Tick("i", 4, 1),)),), needs={"sum": 2, "unknown": 0})
    assert least_offset(first, second) == 10


def rows(extent: int, *accesses: Access) -> Timeline:
    """A square of iterations, one a cycle."""
    return Timeline((Strand((Tick("i", extent, extent), Tick("j", extent, 1)), accesses),))


def test_long_loops_are_decided_by_their_ends() -> None:
    """Four million words are written; whether they are read in the same order or backwards makes the difference."""
    writes = rows(2000, Access("x", True, 20, {"i": 2000, "j": 1}))
    reads = rows(2000, Access("x", False, 1, {"i": 2000, "j": 1}))
    backwards = rows(2000, Access("x", False, 1, {"i": -2000, "j": -1}, 3_999_999))
    assert least_offset(writes, reads) == 4_000_000
    assert least_offset(writes, backwards) == 3_999_999 + 20
    assert least_offset(writes, reads, least=0) == 3_999_999 + 20  # too many to look at: after all of them


def test_overlapping_loops_follow_the_writes() -> None:
    writes = rows(100, Access("x", True, 20, {"i": 100, "j": 1}))
    reads = rows(100, Access("x", False, 1, {"i": 100, "j": 1}))
    assert least_offset(writes, reads, least=0) == 20


def test_a_shared_unit_is_free_behind_the_last_use() -> None:
    strand = Strand((Tick("i", 50, 1),), uses=(Use("mul", 4),))
    every_other = Strand((Tick("i", 50, 2),), uses=(Use("mul", 4),))
    assert least_offset(Timeline((strand,)), Timeline((strand,)), least=0) == 50
    assert least_offset(Timeline((every_other,)), Timeline((every_other,)), least=0) == 1
    assert least_offset(Timeline((strand,)), Timeline((strand,)), {"mul": 2}, least=0) == 0


def test_units_that_are_free_again_at_different_times() -> None:
    first = Timeline((Strand((Tick("i", 9, 1),), uses=(Use("mul", 0), Use("add", 9))),))
    second = Timeline((Strand((Tick("i", 9, 1),), uses=(Use("mul", 0), Use("add", 3))),))
    assert least_offset(first, second) == 15
