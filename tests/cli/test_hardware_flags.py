"""The flags of ``asnet synth`` about the hardware: what they make of a small network, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from asnet.errors import ToolMissingError
from asnet.tools import cxx, verilator
from tests.cli.conftest import Cli
from tests.lower.conftest import build, helper, weights


@pytest.fixture
def network(cli: Cli) -> tuple[str, ...]:
    """A network in the test's folder, and the words of a command that makes hardware of it.

    ``cli`` goes to that folder first.
    """
    case = build(
        "maps",
        [
            helper.make_node("Conv", ["x", "w"], ["a"], name="conv", kernel_shape=[2, 2]),
            helper.make_node("Relu", ["a"], ["b"], name="relu"),
            helper.make_node("MaxPool", ["b"], ["c"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
            helper.make_node("Flatten", ["c"], ["d"]),
            helper.make_node("Gemm", ["d", "v"], ["y"], name="dense"),
        ],
        {"x": (1, 1, 5, 5)},
        {"w": weights(4, 1, 2, 2), "v": weights(16, 3)},
    )
    onnx.save(case.model, "maps.onnx")
    images = np.random.default_rng(1).standard_normal((3, 1, 5, 5), np.float32)
    np.savez("data.npz", x=images, y=np.zeros(3, np.int64))
    return "synth", "maps.onnx", "--config", "exact", "--data", "data.npz", "--out", "rtl"


@pytest.fixture
def simulator() -> None:
    try:
        verilator.find(), cxx.find()
    except ToolMissingError as error:
        pytest.skip(f"designs are simulated by Verilator and a C++ compiler: {error}")


def _layers() -> dict[str, Any]:
    return {layer["layer"]: layer for layer in json.loads(Path("rtl/report.json").read_text())["layers"]}


@pytest.mark.usefixtures("simulator")
def test_lanes_and_windows_of_layers_that_work_at_the_same_time(cli: Cli, network: tuple[str, ...]) -> None:
    words = ("--parallel", "conv=2", "--parallel", "de*=3", "--unroll", "pool=2", "--fuse", "--control", "ap-ctrl")
    made: Any = cli(*network, *words, "--json", "--stalls").json
    assert made["cosimulation"]["differing"] == 0 and Path("rtl/rtl/maps_ap.v").is_file()
    assert json.loads(Path("rtl/manifest.json").read_text())["options"]["style"] == "dataflow"
    layers = _layers()
    assert {name: layer["lanes"] for name, layer in layers.items()} == {"conv": 2, "pool": 1, "dense": 3}
    assert layers["conv"]["op_type"] == "Conv + Relu"
    assert layers["pool"]["loops"][0]["counters"]


@pytest.mark.usefixtures("simulator")
def test_lanes_for_a_goal_and_images_in_turn(cli: Cli, network: tuple[str, ...]) -> None:
    ran = cli(*network, "--target-cycles", 150, "--interleave", "dense=2", "--fit", "ecp5-25k", "--resources", "fmul=4")
    assert ran.status == 0
    assert "lanes: " in ran.out and "are no more than the 150 wanted" in ran.out
    interval = next(line for line in ran.out.splitlines() if line.startswith("cycles between images: "))
    assert int(interval.split()[-1]) <= 150
    assert Path("rtl/rtl/maps.v").read_text().count("layer_dense dense_layer") == 2


@pytest.mark.usefixtures("simulator")
def test_one_layer_after_the_other(cli: Cli, network: tuple[str, ...]) -> None:
    words = ("--style", "sequential", "--reuse-memories", "--control", "axi-lite", "--clock", 60, "--stages", "fadd=8")
    ran = cli(*network, *words)
    assert ran.status == 0 and "0 differing bits" in ran.out
    assert Path("rtl/rtl/maps_axi.v").is_file()
    report = json.loads(Path("rtl/report.json").read_text())
    assert (report["style"], report["clock (MHz)"]) == ("sequential", 60.0)
    assert {unit["op"]: unit["parameters"]["STAGES"] for unit in report["units"]}["fadd"] == 8
    assert "--stages fadd=8" in Path("rtl/rtl/maps.v").read_text()


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--parallel", "cunv=2"], 2, "no layer is called like 'cunv'; did you mean 'conv'?"),
        (["--interleave", "dens=2"], 2, "no layer is called like 'dens'; did you mean 'dense'?"),
        (
            ["--parallel", "conv"],
            2,
            "argument --parallel: 'conv' is not of the form NAME=NUMBER with a number of at least 1",
        ),
        (["--unroll", "conv=0"], 2, "argument --unroll: 'conv=0' is not of the form NAME=NUMBER"),
        (["--resources", "fmul=many"], 2, "argument --resources: 'fmul=many' is not of the form NAME=NUMBER"),
        (["--stages", "fmul=0"], 2, "argument --stages: 'fmul=0' is not of the form NAME=NUMBER"),
        (["--stages", "fdiv=3"], 2, "--stages fdiv=3: no operation needs a unit for 'fdiv'"),
        (["--stages", "fadd=9"], 2, "unit fadd: no form with 9 pipeline stages; it has 1 to 8"),
        (["--target-cycles", "0"], 2, "argument --target-cycles: "),
        (["--fit", "ecp5-12k"], 2, "argument --fit: invalid choice: 'ecp5-12k' (choose from "),
        (["--control", "axi"], 2, "argument --control: invalid choice: 'axi' (choose from "),
        (["--style", "parallel"], 2, "argument --style: invalid choice: 'parallel' (choose from "),
        (["--clock", "fast"], 2, "argument --clock: 'fast' is no clock between 1 and 1000 MHz"),
        (["--target-cycles", "5"], 1, "5 cycles per image are out of reach: the best is "),
        (["--style", "sequential", "--target-cycles", "9"], 1, "9 cycles per image are out of reach: the best is "),
        (["--style", "sequential", "--interleave", "dense=2"], 2, "choose --style dataflow, or leave out --interleave"),
        (["--style", "sequential", "--fit", "ecp5-85k"], 2, "choose --style dataflow, or --target-cycles"),
        (["--reuse-memories"], 2, "choose --style sequential, or leave out --reuse-memories"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_is_told(
    cli: Cli, network: tuple[str, ...], words: list[str], status: int, message: str
) -> None:
    ran = cli(*network, *words)
    assert ran.status == status
    assert message in ran.err
    assert not Path("rtl").exists()
