"""The facts of a design: what follows from what engines state, and the files that show it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from asnet.hls.reporting import DesignReport, LayerReport, LoopReport, MemoryReport, UnitReport, report_files

MAIN = LoopReport("loop0", {"r": 64, "o": 32}, 2048, 1, 20, "no limit", start=3)
DENSE = LayerReport(
    *("dense", "Gemm", "layer_dense", 0, 90, 2070, True, {"fmul": 4}),
    (MAIN,),
    interval=2060,
    lanes=4,
    work=8192,
    units={"fmul": 4},
    engine="pipelined",
)


@pytest.mark.parametrize(
    "loop, cycles",
    [
        (MAIN, 2048 + 19),
        (LoopReport("twice", {"i": 5}, 10, 2, 7, runs=2), 2 * (5 * 2 + 5)),
        (LoopReport("block", {}, 10, 0, 7), 70),
        (LoopReport("unknown", {}, None, 0, 7), None),
    ],
)
def test_cycles_of_a_loop(loop: LoopReport, cycles: int | None) -> None:
    assert loop.cycles == cycles


def test_busy_lanes() -> None:
    assert DENSE.busy == pytest.approx(8192 / (4 * 2060))
    assert LayerReport("relu", "Relu", "layer_relu", 5, 8, 130, True, {}, ()).busy is None


def test_operators_of_one_unit_have_its_name() -> None:
    shared = UnitReport("fmul_trunc(p=20)", "fmul_trunc_p_20", "fmul", "ab", 4, {}, 1, 7, "chosen, in registers")
    single = UnitReport("fmul_trunc(p=20)", "fmul_trunc_p_20_alone", "fmul", "ab", 3, {}, 2, 2, "of one operation")
    layer = replace(DENSE, operations={"fmul_trunc_p_20": 7, "fmul_trunc_p_20_alone": 2, "fadd": 1})
    report = DesignReport(
        *("net", "net", "ftz", "dataflow", 100.0, 2070, True, 2060, (layer,), (shared, single), ()),
        configuration={},
        identity={},
    )
    assert report.by_unit(layer.operations) == {"fadd": 1, "fmul_trunc(p=20)": 9}
    text = report_files(report)["report.txt"]
    assert "bits  1 fadd, 9 fmul_trunc(p=20)" in text and "alone" not in text
    assert "1 x latency  4     7 instructions  chosen, in registers" in text
    assert "2 x latency  3     2 instructions  of one operation" in text


def test_files() -> None:
    memory = MemoryReport("weights", "constant", 2048, 32, copies=2, layer="dense", note="4 lanes a word")
    report = DesignReport(
        *("net", "net", "ftz", "dataflow", 100.0, 2070, True, 2060, (DENSE,), (), (memory,)),
        configuration={"dense.fmul": "exact"},
        identity={"IR": "abc"},
    )
    files = report_files(report)
    data = json.loads(files["report.json"])
    assert data["layers"][0]["busy"] == 0.9942 and data["layers"][0]["loops"][0]["counters"] == {"r": 64, "o": 32}
    assert data["cycles between images"] == 2060 and data["configuration"] == {"dense.fmul": "exact"}
    text = files["report.txt"]
    assert "loop0                 2048 iterations, interval 1, depth 20  no limit" in text
    assert "4 lanes busy 99.4 %" in text and "an image every 2060 cycles" in text
    assert "2048 x 32 x 2  4 lanes a word" in text and "Memories (131072 bits)" in text
