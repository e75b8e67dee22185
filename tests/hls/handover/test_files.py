"""Files that other tools read: what they state, and that those tools take them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asnet import hls
from asnet.errors import SynthesisError, ToolMissingError
from asnet.hls.handover.ports import Port, ports_of
from asnet.ir import Module
from asnet.tools import yosys


def test_ports_are_those_of_the_header(design: hls.RtlDesign) -> None:
    ports = {port.name: port for port in ports_of(design.files["rtl/small_net.v"], "small_net")}
    assert ports["s_axis_tdata"] == Port(
        "s_axis_tdata",
        True,
        32,
        "",
        "images in, row-major order, one input after the other; tlast with the last word",
    )
    assert not ports["m_axis_tlast"].is_input and ports["reset"].text == "synchronous"
    with pytest.raises(SynthesisError, match="module 'other' has no header"):
        ports_of(design.files["rtl/small_net.v"], "other")


def test_frames(design: hls.RtlDesign, samples: hls.Samples) -> None:
    images = design.files["sim/images.hex"].split()
    assert len(images) == 3 * (6 + 5 + 5) and images[0] == "7fc00000"
    words = [int(word, 16) for word in images[16:22]]
    assert words == samples.inputs["scaled.x"][1].view(np.uint32).tolist()
    odd = np.asarray(samples.outputs["odd.z"])[0].view(np.uint16)
    assert design.files["sim/expected.hex"].split()[6:11] == [f"{int(word):04x}" for word in odd]


def test_without_images_nothing_names_them(module: Module) -> None:
    plain = hls.hand_over(hls.synthesise(module))
    assert "images.hex" not in plain.files["kernels.core"] and "sim/images.hex" not in plain.files


def test_lists_name_files_that_exist(design: hls.RtlDesign, folder: Path) -> None:
    listed = (folder / "files.f").read_text().split()
    assert listed[0] == "+incdir+units" and listed[-1] == "rtl/small_net.v"
    assert set(listed[1:]) == {path for path in design.files if path.endswith(".v")}
    core = (folder / "small_net.core").read_text()
    assert core.startswith("CAPI=2:\n")
    for path in re.findall(r"^ +- ([\w./]+)", core, re.MULTILINE):
        assert (folder / path).is_file(), path


def test_external_constants_are_where_fusesoc_runs(design: hls.RtlDesign) -> None:
    external = hls.hand_over(replace(design, files={**design.files, "weights.hex": "00000000\n"}))
    assert "- weights.hex: {copyto: weights.hex}" in external.files["small_net.core"]


def test_fusesoc_core_is_yaml(folder: Path) -> None:
    yaml = pytest.importorskip("yaml", reason="the core file is read by PyYAML")
    core = yaml.safe_load((folder / "small_net.core").read_text().removeprefix("CAPI=2:\n"))
    assert set(core["targets"]) == {"default", "lint", "sim", "synth"}
    for target in core["targets"].values():
        assert set(target["filesets"]) <= set(core["filesets"])


def test_clock(folder: Path) -> None:
    assert 'FREQUENCY PORT "clk" 100 MHz;' in (folder / "constraints" / "small_net.lpf").read_text()
    assert "-period 10.000 [get_ports clk]" in (folder / "constraints" / "small_net.sdc").read_text()


def test_icarus_takes_the_design_without_a_warning(folder: Path) -> None:
    if shutil.which("iverilog") is None:
        pytest.skip("Icarus Verilog is not installed")
    command = ["iverilog", "-g2005", "-Wall", "-f", "files.f", "-s", "small_net", "-o", "design.vvp"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""


def test_yosys_takes_the_design_without_a_warning(folder: Path) -> None:
    try:
        tool = yosys.find()
    except ToolMissingError as error:
        pytest.skip(f"the design is read by yosys: {error}")
    sources = (folder / "files.f").read_text().split()[1:]
    lines = [f"read_verilog -Iunits {path}" for path in sources]
    log = tool.run_script("\n".join([*lines, "hierarchy -check -top small_net", "proc", "check -assert"]), folder)
    assert "Warning" not in log and "small_net" in log


def test_test_bench_with_pauses(model: Path) -> None:
    done = subprocess.run(
        ["obj_run/Vsmall_net", "--stalls", "5"], cwd=model, capture_output=True, text=True, check=True
    )
    assert "PASS: 3 images, 33 words, 0 differing" in done.stdout


def test_test_bench_finds_a_wrong_word(model: Path) -> None:
    words = (model / "expected.hex").read_text().split()
    words[11] = "0000abcd"
    (model / "wrong.hex").write_text("\n".join(words))
    command = ["obj_run/Vsmall_net", "--expected", "wrong.hex"]
    done = subprocess.run(command, cwd=model, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "FAIL: 3 images, 33 words, 1 differing" in done.stdout
    assert "image 1, scaled.z[0]: " in done.stdout and "0xabcd was expected" in done.stdout


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--stall", "1"], "usage: "),
        (["--images", "none.hex"], "cannot read none.hex"),
        (["--images", "expected.hex"], "an image has 16 words and its results 11; the files have 33 and 33"),
        (["--trace", "x.vcd"], "built without waveforms"),
    ],
)
def test_test_bench_refuses_nonsense(model: Path, arguments: list[str], message: str) -> None:
    command = ["obj_run/Vsmall_net", *arguments]
    done = subprocess.run(command, cwd=model, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and message in done.stderr


def test_cocotb(folder: Path) -> None:
    pytest.importorskip("cocotb", minversion="2.0", reason="the test in Python needs cocotb 2")
    if shutil.which("iverilog") is None or shutil.which("make") is None:
        pytest.skip("the test in Python runs with Icarus Verilog and make")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["make", "cocotb"],
        cwd=folder / "sim",
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": path},
    )
    assert done.returncode == 0 and "PASS=2 FAIL=0" in done.stdout, done.stdout + done.stderr
