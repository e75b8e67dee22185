"""Packed constants hold, word for word, what the loads that they stand for would have read."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asnet.hls.kernel import Constant, Operand, Operation
from asnet.hls.memories import DesignMemory, rom_files
from asnet.hls.nest import (
    Affine,
    Arrangement,
    Condition,
    Counter,
    Pipeline,
    Program,
    Repeat,
    arrange,
    longest_recurrence,
    run,
    structure,
)
from asnet.hls.storage import pack
from asnet.ir import Memory, MemoryKind
from asnet.lower import lower
from asnet.network import load as load_network
from asnet.passes import approximate
from asnet.types import Array
from tests.hls.nest.golden import exact, kernels_of
from tests.hls.nest.golden import words as words_of

NETWORKS = Path(__file__).resolve().parents[3] / "examples" / "networks"
WEIGHTS = Memory("w", MemoryKind.CONSTANT, "float32", (60,), 0)
DATA = Memory("x", MemoryKind.ACTIVATION, "float32", (60,), 0)


def load(name: str, index: Operand, memory: str = "w", width: int = 32) -> Operation:
    return Operation(name, "load", (index,), width, (64,), f"%{name} = load", memory)


def pipeline(addresses: Mapping[str, Affine], counters: Mapping[str, int], **more: object) -> Pipeline:
    loads = tuple(load(f"v{name}", name) for name in addresses)
    ends = tuple(f"v{name}" for name in addresses)
    sizes = tuple(Counter(name, extent) for name, extent in counters.items())
    return Pipeline("loop", sizes, loads, affine=dict(addresses), results=ends, **more)  # type: ignore[arg-type]


def words(memory: Memory, constants: Mapping[str, Array]) -> list[int]:
    """The words of a memory, as its hex file has them."""
    files = rom_files(DesignMemory(memory, memory.name, -1, is_deep=False), constants)
    return [int(line, 16) for line in files[f"rom/{memory.name}.hex"].split()]


def values(loop: Pipeline, program: Program, constants: Mapping[str, Array], at: Mapping[str, int]) -> dict[str, int]:
    """What loads, shifts and slices of one iteration give; loads beside a memory give 0."""
    found: dict[str, int] = dict(at)
    for name, affine in loop.affine.items():
        found[name] = affine.offset + sum(stride * at[counter] for counter, stride in affine.strides.items())
    for operation in loop.operations:
        operands = [o.bits if isinstance(o, Constant) else found[o] for o in operation.operands]
        if operation.op == "load":
            stored = words(program.memory[operation.detail], constants)
            found[operation.name] = stored[operands[0]] if 0 <= operands[0] < len(stored) else 0
        elif operation.op == "lshr":
            found[operation.name] = operands[0] >> operands[1]
        elif operation.op == "or":
            found[operation.name] = operands[0] | operands[1]
        else:
            assert operation.op == "trunc"
            found[operation.name] = operands[0] & ((1 << operation.width) - 1)
    return found


def check(program: Program, constants: dict[str, Array], least: int = 2) -> Program:
    """Pack ``program``, and compare every value of its loops in every iteration."""
    packing = pack(program, constants, least=least)
    every = constants | {made.memory.name: made.contents for made in packing.constants}
    for made in packing.constants:
        assert list(made.words) == words(made.memory, every)
    around = {node.counter.name: node.counter.extent for node in program.body if isinstance(node, Repeat)}
    for before, after in zip(program.pipelines, packing.program.pipelines, strict=True):
        extents = around | {counter.name: counter.extent for counter in before.counters}
        for steps in itertools.product(*map(range, extents.values())):
            at = dict(zip(extents, steps, strict=True))
            expected, actual = values(before, program, constants, at), values(after, packing.program, every, at)
            assert {name: actual[name] for name in before.operation} == {
                name: expected[name] for name in before.operation
            }
            for operation in after.operations:
                if operation.detail.startswith("w.x"):
                    (index,) = operation.operands
                    assert isinstance(index, str)
                    assert 0 <= actual[index] < packing.program.memory[operation.detail].size
    return packing.program


def floats(count: int, seed: int = 1) -> Array:
    return np.random.default_rng(seed).integers(1, 1 << 32, count, dtype=np.uint32).view(np.float32)


def test_lanes_of_a_dense_layer_become_one_load() -> None:
    """Ten outputs by four lanes: twelve words a step, the last two lanes of the last group beside the memory."""
    lanes = {f"a{lane}": Affine({"o": 24, "r": 1}, 6 * lane) for lane in range(4)}
    program = Program("dense", (WEIGHTS,), (pipeline(lanes, {"o": 3, "r": 6, "t": 2}),))
    packed = check(program, {"w": floats(60)})
    (loop,) = packed.pipelines
    (wide,) = (operation for operation in loop.operations if operation.op == "load")
    assert (wide.width, packed.memory[wide.detail].shape) == (128, (18,))
    assert loop.affine == {wide.operands[0]: Affine({"o": 6, "r": 1})}
    assert [memory.name for memory in packed.memories] == ["w.x4"]


def test_windows_with_lanes_and_a_bias_are_packed_apart() -> None:
    taps = {f"a{tap}{lane}": Affine({"c": 3}, tap + 15 * lane) for lane in range(2) for tap in range(3)}
    bias = {f"b{lane}": Affine({}, 50 + lane) for lane in range(2)}
    program = Program("conv", (WEIGHTS,), (pipeline(taps | bias, {"c": 5}),))
    packed = check(program, {"w": floats(60)})
    assert sorted((memory.name, memory.shape) for memory in packed.memories) == [("w.x2", (1,)), ("w.x6", (5,))]


def test_loads_of_one_address_become_one() -> None:
    program = Program("same", (WEIGHTS,), (pipeline({"a": Affine({"i": 1}, 2), "b": Affine({"i": 1}, 2)}, {"i": 5}),))
    (memory,) = check(program, {"w": floats(60)}).memories
    assert (memory.shape, memory.element_bytes) == ((5,), 4)


def test_words_that_windows_share_are_not_stored_twice() -> None:
    """Places that overlap: the memory holds each address once, not each iteration's."""
    program = Program(
        "slide",
        (WEIGHTS,),
        (pipeline({"a": Affine({"i": 2, "k": 2}), "b": Affine({"i": 2, "k": 2}, 1)}, {"i": 8, "k": 8}),),
    )
    (memory,) = check(program, {"w": floats(60)}).memories
    assert memory.shape == (15,)


def test_counters_of_a_repeat_count() -> None:
    loop = pipeline({"a": Affine({"n": 10, "i": 1}), "b": Affine({"n": 10, "i": 1}, 5)}, {"i": 5})
    program = Program("again", (WEIGHTS,), (Repeat(Counter("n", 6), (), (loop,)),))
    (memory,) = check(program, {"w": floats(60)}).memories
    assert memory.shape == (30,)


def test_what_cannot_be_packed_stays() -> None:
    """Loads of activations, single loads, loads whose addresses are computed."""
    operations = (load("p", "a", "x"), load("q", "b", "x"), load("s", "a"), load("t", Constant(3, 64)))
    loop = Pipeline("loop", (Counter("i", 9),), operations, affine={"a": Affine({"i": 1}), "b": Affine({"i": 1}, 1)})
    program = Program("stays", (WEIGHTS, DATA), (loop,))
    constants = {"w": floats(60)}
    assert pack(program, constants).program == program
    ordered = pack(program, constants, least=1)
    assert [constant.memory.name for constant in ordered.constants] == ["w.x1", "w.x1.2"]


def test_conditions_stay_where_all_loads_have_them() -> None:
    first = Condition({"i": (0, 0)})
    addresses = {"a": Affine({"i": 1}), "b": Affine({"i": 1}, 1)}
    both = pipeline(addresses, {"i": 3}, conditions={"va": first, "vb": first})
    one = pipeline(addresses, {"i": 3}, conditions={"va": first})
    program = Program("when", (WEIGHTS,), (both, one))
    packed = check(program, {"w": floats(60)})
    assert [loop.conditions for loop in packed.pipelines] == [{"va.wide": first}, {}]


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", "float32"])
def test_every_element_type_has_its_word(dtype: str) -> None:
    memory = Memory("w", MemoryKind.CONSTANT, dtype, (30,), 0)
    bits = memory.element_bytes * 8
    operations = tuple(load(f"v{lane}", f"a{lane}", width=bits) for lane in range(3))
    affine = {f"a{lane}": Affine({"i": 1}, 10 * lane) for lane in range(3)}
    loop = Pipeline("loop", (Counter("i", 10),), operations, affine=affine)
    raw = np.random.default_rng(3).integers(0, 256, memory.nbytes, dtype=np.uint8)
    packed = check(Program("types", (memory,), (loop,)), {"w": raw.view(dtype)})
    assert packed.memories[0].element == f"i{3 * bits}"


def constants_of(program: Program) -> list[Memory]:
    return [memory for memory in program.memories if memory.kind is MemoryKind.CONSTANT]


def random_words(memory: Memory, random: np.random.Generator) -> Array:
    """Words of small numbers, floats among them."""
    values = random.integers(0, 256, memory.size)
    return words_of((values / 16).astype(np.float32) if memory.dtype == "float32" else values.astype(memory.dtype))


@settings(deadline=None, max_examples=60)
@given(
    extents=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    strides=st.lists(st.lists(st.integers(-3, 12), min_size=3, max_size=3), min_size=1, max_size=2),
    offsets=st.lists(st.integers(-4, 70), min_size=1, max_size=5),
    least=st.integers(1, 2),
)
def test_random_loops_load_what_they_loaded(
    extents: list[int], strides: list[list[int]], offsets: list[int], least: int
) -> None:
    counters = {f"c{number}": extent for number, extent in enumerate(extents)}
    addresses = {
        f"a{number}": Affine(dict(zip(counters, strides[number % len(strides)], strict=False)), offset)
        for number, offset in enumerate(offsets)
    }
    check(Program("random", (WEIGHTS,), (pipeline(addresses, counters),)), {"w": floats(60)}, least)


@pytest.mark.parametrize(
    ("name", "lanes", "unroll"), [("digits_dense", 10, 1), ("digits_conv", 4, 1), ("digits_conv", 2, 9)]
)
def test_layers_with_lanes_and_windows_compute_the_same(name: str, lanes: int, unroll: int) -> None:
    """Every layer of a shipped network with packed constants, against the JIT."""
    module = approximate(lower(load_network(NETWORKS / f"{name}.onnx")))
    made = 0
    for kernel in kernels_of(module):
        wish = Arrangement(longest_recurrence(lambda operation: 4), lanes=lanes, unroll=unroll)
        plain = arrange(structure(kernel), wish).program
        packing = pack(plain, module.constants)
        random = np.random.default_rng(5)
        memories = {memory.name: random_words(memory, random) for memory in plain.memories}
        memories |= {memory.name: words_of(module.constants[memory.name]) for memory in constants_of(plain)}
        wide = {constant.memory.name: np.array(constant.words, object) for constant in packing.constants}
        results = [{name: values.copy() for name, values in (memories | wide).items()} for _ in range(2)]
        for program, result in zip((plain, packing.program), results, strict=True):
            run(program, result, module.mode, exact(module))
        for name in memories:
            np.testing.assert_array_equal(results[0][name], results[1][name])
        made += len(packing.constants)
    assert made >= 2
