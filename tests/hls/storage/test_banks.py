"""Banks in designs: windows whose words are read at once, bit for bit, and with fewer block RAMs than copies take."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from asnet import hls, lower
from asnet.cache import default_cache
from asnet.hls.area import estimate_area
from asnet.hls.options import HlsOptions, Style
from asnet.hls.storage import MemoryCost, Organisation, ReadPort, memory_parts, ports
from asnet.ir.jit import Engine
from asnet.network import Network
from asnet.passes import approximate
from asnet.types import FloatMode
from tests.hls.kernels import check_runs
from tests.lower.conftest import build, helper

ROWS, COLUMNS = 24, 26
WINDOWS = {"conv*": 9, "pool*": 4}


def network() -> Network:
    """A 3x3 convolution with padding, and a 2x2 maximum."""
    rng = np.random.default_rng(11)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("MaxPool", ["c"], ["y"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
    ]
    weights = {"w": rng.standard_normal((1, 1, 3, 3)).astype(np.float32)}
    return build("windows", nodes, {"x": (1, 1, ROWS, COLUMNS)}, weights).network()


def run(style: Style, *, stalls: bool) -> tuple[hls.RtlDesign, hls.CosimReport]:
    module = lower.lower(network(), FloatMode.FTZ)
    engine = Engine(module, cache=default_cache())
    images = {"x": np.random.default_rng(5).standard_normal((3, 1, 1, ROWS, COLUMNS)).astype(np.float32)}
    state = engine.state(3)
    engine.run(images, state=state)
    design = hls.synthesise(approximate(module), options=HlsOptions(style=style, unroll=WINDOWS))
    expected = {name: engine.memory(state, name).copy() for name in ("c", "y") if name in design.rams}
    return design, hls.cosimulate(design, images, expected, stalls=stalls, cache=default_cache())


def notes(design: hls.RtlDesign) -> Mapping[str, str]:
    return {memory.name: memory.note for memory in design.report.memories}


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize("style", list(Style))
def test_windows_are_read_from_banks(style: Style) -> None:
    design, report = run(style, stalls=False)
    hls.lint(design)
    report.raise_if_different()
    if design.flow is None:
        assert set(report.cycles) == {design.report.cycles}
    else:
        check_runs(design, report)
    assert " banks" in notes(design)["x"]
    _, stalled = run(style, stalls=True)
    stalled.raise_if_different()


@pytest.mark.usefixtures("simulator")
def test_a_wrong_proof_is_a_wrong_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words of one bank at once: the lower port's comes from both."""
    monkeypatch.setattr(ports, "_apart", lambda *_: True)
    _, report = run(Style.DATAFLOW, stalls=False)
    assert report.mismatch is not None


def test_banks_take_fewer_block_rams_than_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    module = approximate(lower.lower(network(), FloatMode.FTZ))
    options = HlsOptions(unroll=WINDOWS)
    banked = estimate_area(hls.synthesise(module, options=options), measure=False).total
    monkeypatch.setattr(ports, "_BANKS", ())
    copied = estimate_area(hls.synthesise(module, options=options), measure=False).total
    assert banked.brams < copied.brams and banked.luts < copied.luts * 1.3


def test_parts_of_a_memory() -> None:
    """A ROM has all its ports; a RAM's are copies in one module, or banks for each group that shares them."""
    reads = [ReadPort(f"m{number}", f"a{number}", f"d{number}") for number in range(3)]
    write = {"we": "w", "waddr": "wa", "wdata": "wd"}
    (rom,) = memory_parts((8, 100, 7), Organisation(1, ((0, 1, 2),), MemoryCost()), reads, file='"t"')
    assert (rom.module, dict(rom.parameters)["READS"], dict(rom.connections)["raddr"]) == (
        "asnet_rom",
        3,
        "{a2, a1, a0}",
    )
    (ram,) = memory_parts((8, 100, 7), Organisation(1, ((0,), (1,), (2,)), MemoryCost()), reads, write=write)
    assert (ram.module, dict(ram.parameters)["READS"]) == ("asnet_ram", 3)
    pair, one = memory_parts((8, 100, 7), Organisation(4, ((0, 2), (1,)), MemoryCost()), reads, write=write)
    assert (pair.module, dict(pair.parameters)["SELECT"], dict(pair.connections)["rdata"]) == (
        "asnet_banks",
        2,
        "{d2, d0}",
    )
    assert (one.module, one.name, dict(one.connections)["raddr"]) == ("asnet_ram", "m1", "a1")
