"""``asnet synth --compare exact``: what it prints, and the table on the report page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from asnet.errors import ToolMissingError
from asnet.flow import synthesising
from asnet.hls import Estimate, RtlDesign
from asnet.tools import cxx, verilator
from tests.cli.conftest import DATA, NETWORK, Cli


@pytest.fixture
def estimates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for yosys and nextpnr: an exact design is 2000 LUTs at 80 MHz, another 1500 at 100."""
    try:
        verilator.find(), cxx.find()
    except ToolMissingError as error:
        pytest.skip(f"designs are simulated by Verilator and a C++ compiler: {error}")

    def estimate(design: RtlDesign, **how: object) -> Estimate:
        exact = set(design.configuration.values()) == {"exact"}
        luts, clock = (2000, 80.0) if exact else (1500, 100.0)
        return Estimate(luts, 900, 0, 4, clock, (clock,), ("a", "b"), False, "stand-in")

    monkeypatch.setattr(synthesising, "estimate", estimate)


@pytest.mark.usefixtures("estimates")
def test_both_designs_are_shown(cli: Cli, tmp_path: Path) -> None:
    rules = [{"match": {"op": "fmul"}, "unit": "fmul_trunc(p=20)"}]
    Path("mine.json").write_text(json.dumps({"version": 1, "network": {"path": str(NETWORK)}, "rules": rules}))
    command = ("synth", "--config", "mine.json", "--data", DATA, "--images", 1, "--out", "rtl", "--compare", "exact")
    ran = cli(*command)
    assert ran.status == 0
    assert (
        "exact → this: LUT4 2,000 → 1,500 (-25.0 %), FF 900 → 900 (+0.0 %), DSP 0 → 0, Fmax 80.0 → 100.0 (+25.0 %)"
        in ran.out
    )
    page = Path("rtl/report.html").read_text(encoding="utf-8")
    assert '<td>LUT4</td><td class="n">2,000</td><td class="n">1,500</td><td class="n">-25.0 %</td>' in page
    made: Any = cli(*command, "--json").json
    recorded = f"asnet synth --config mine.json --data {DATA} --images 1 --compare exact --json"
    assert json.loads(Path("rtl/manifest.json").read_text())["command"] == recorded
    assert f"Made by `{recorded}`." in Path("rtl/README.md").read_text()
    assert made["exact"]["luts"] == 2000 and made["estimate"]["fmax_mhz"] == 100.0
