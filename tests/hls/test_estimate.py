"""Area and clock of a small design by yosys and nextpnr."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from asnet import hls
from asnet.cache import Cache
from asnet.errors import ToolMissingError
from asnet.tools import nextpnr, yosys
from asnet.types import FloatMode
from tests.hls.kernels import module_of
from tests.hls.programs import element_wise, lines

MULTIPLY = element_wise("multiply", "i32", lines("%m = mul i32 %a, %b", "%r = ashr i32 %m, 3"), size=600)


@pytest.fixture(scope="module")
def tools() -> None:
    try:
        yosys.find(), nextpnr.find()
    except ToolMissingError as error:
        pytest.skip(f"estimates are made by yosys and nextpnr: {error}")


@pytest.mark.usefixtures("tools")
def test_area_and_clock(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(tmp_path_factory.mktemp("cache"))
    options = hls.HlsOptions(style=hls.Style.SEQUENTIAL)
    design = hls.synthesise(module_of([MULTIPLY], FloatMode.FTZ), options=options)
    found = hls.estimate(design, cache=cache)
    assert 50 < found.luts < 1000 and 20 < found.ffs < 500
    assert found.dsps == 3  # the lower half of 32 x 32 from 18 x 18: high x high is not needed
    assert found.brams == 6  # three memories of 600 words: 18 kbit hold 512 of them
    assert found.fmax_by_seed == (found.fmax_mhz,) and 20 < found.fmax_mhz < 500
    assert found.microseconds(1000) == pytest.approx(1000 / found.fmax_mhz)
    assert found.with_dsps and all(found.critical) and "nextpnr" in found.tools
    monkeypatch.setattr(type(yosys.find()), "run_script", None)  # would fail if it ran again
    assert hls.estimate(design, cache=cache) == found


@pytest.mark.usefixtures("tools")
def test_a_placement_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    design, cache, seeds = hls.synthesise(module_of([MULTIPLY], FloatMode.FTZ)), Cache(tmp_path), list[str]()
    run = type(nextpnr.find()).run

    def counting(self: nextpnr.Nextpnr, args: Sequence[str], cwd: Path) -> str:
        seeds.append(args[args.index("--seed") + 1])
        return run(self, args, cwd)

    monkeypatch.setattr(nextpnr.Nextpnr, "run", counting)
    first, both = hls.estimate(design, cache=cache), hls.estimate(design, seeds=2, cache=cache)
    assert seeds == ["1", "2"]
    assert both.fmax_by_seed[0] == first.fmax_mhz and len(both.fmax_by_seed) == 2
    assert both.fmax_mhz == pytest.approx(sum(both.fmax_by_seed) / 2, abs=0.01)


@pytest.mark.usefixtures("tools")
def test_a_dataflow_design(tmp_path: Path) -> None:
    """Its top has no parameter DEBUG to set."""
    options = hls.HlsOptions(style=hls.Style.DATAFLOW)
    found = hls.estimate(hls.synthesise(module_of([MULTIPLY], FloatMode.FTZ), options=options), cache=Cache(tmp_path))
    assert found.dsps == 3 and 100 < found.luts < 1000


def test_a_missing_tool_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> yosys.Yosys:
        raise ToolMissingError(f"yosys was not found; install it: {yosys.INSTALL}")

    monkeypatch.setattr(yosys, "find", missing)
    with pytest.raises(ToolMissingError, match=r"pip install 'asnet\[synth\]'"):
        hls.estimate(hls.synthesise(module_of([MULTIPLY], FloatMode.FTZ)))
