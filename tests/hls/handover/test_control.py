"""Control interfaces: registers under random traffic, the handshake, the C header."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from asnet import hls
from asnet.cache import default_cache
from asnet.errors import SynthesisError
from asnet.hls.handover import with_control
from asnet.ir import Module
from asnet.tools import cxx, verilator
from asnet.units.compiled import CXX_FLAGS, prelude, runtime

STYLES = [hls.Style.SEQUENTIAL, hls.Style.DATAFLOW]


def controlled(module: Module, samples: hls.Samples, style: hls.Style) -> hls.RtlDesign:
    options = hls.HlsOptions(style=style, control=hls.Control.AXI_LITE)
    return hls.hand_over(hls.synthesise(module, name="small net", options=options), samples)


@pytest.fixture(scope="module", params=STYLES, ids=[style.value for style in STYLES])
def axi(request: pytest.FixtureRequest, module: Module, samples: hls.Samples) -> hls.RtlDesign:
    return controlled(module, samples, request.param)


@pytest.mark.usefixtures("simulator")
def test_random_traffic(axi: hls.RtlDesign, tmp_path: Path) -> None:
    folder = tmp_path / "design"
    axi.write(folder)
    tool, cache = verilator.find(), default_cache()
    sources = ["-Iunits", "--top-module", "small_net_axi", "sim/units.vlt", *axi.sources]
    good, log = tool.attempt(["--lint-only", "-Wall", *sources], folder)
    assert good, log
    tool.run(["--cc", "-O3", "--no-timing", "-Wno-fatal", *sources, "--prefix", "Vdesign", "-Mdir", "model"], folder)
    parts = [f'#include "model/{part.name}"\n' for part in sorted((folder / "model").glob("*.cpp"))]
    bench = Path(__file__).with_name("axi_bench.cpp")
    (folder / "all.cpp").write_text("".join([*parts, f'#include "{bench}"\n']))
    includes = ["-include", prelude(cache), f"-I{tool.include}", f"-I{tool.include / 'vltstd'}", "-I.", "-Imodel"]
    cxx.find().compile([*CXX_FLAGS, *includes, "all.cpp", *runtime(cache), "-o", "bench", "-latomic"], folder)
    for seed in range(1, 9):
        command = ["./bench", "sim/images.hex", "sim/expected.hex", str(seed)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "PASS: 13 images\n"), f"seed {seed}: {done.stdout}"


def test_header_and_readme_name_the_same_registers(axi: hls.RtlDesign) -> None:
    header, readme = axi.files["sw/small_net.h"], axi.files["README.md"]
    offsets = dict(re.findall(r"#define SMALL_NET_([A-Z_]+) 0x(\w\w)u", header))
    assert offsets["CONTROL"] == "00" and offsets["OUTPUT_WORDS"] == "28" and len(offsets) == 11
    assert dict(re.findall(r"\| 0x(\w\w) \| ([A-Z_]+) \|", readme)) == {v: k for k, v in offsets.items()}
    value = re.search(r"SMALL_NET_DIGEST_VALUE (0x\w{8})u", header)
    assert value is not None and f"DIGEST | tells this design from others ({value[1]})" in readme
    assert "| 7 | RESTART |" in readme and "#define SMALL_NET_RESTART (1u << 7)" in header


def test_header_compiles(axi: hls.RtlDesign, tmp_path: Path) -> None:
    (tmp_path / "small_net.h").write_text(axi.files["sw/small_net.h"])
    (tmp_path / "use.cpp").write_text(
        '#include "small_net.h"\nint run(volatile uint32_t *at) {\n'
        "    if (!small_net_is_here(at)) return -1;\n    small_net_start(at, 0);\n"
        "    while (!small_net_done(at)) {}\n    return 0;\n}\n"
    )
    cxx.find().compile(["-Wall", "-Wextra", "-Werror", "-pedantic", "-c", "use.cpp", "-o", "use.o"], tmp_path)


def test_the_handshake_alone(module: Module) -> None:
    design = hls.hand_over(
        hls.synthesise(module, name="small net", options=hls.HlsOptions(control=hls.Control.AP_CTRL))
    )
    assert "rtl/small_net_ap.v" in design.files and "rtl/small_net_axi.v" not in design.files
    assert "small_net_ap" in design.files["README.md"] and "CONTROL" not in design.files["README.md"]
    assert "toplevel: small_net_ap" in design.files["small_net.core"]


def test_ports_of_external_constants_go_through(design: hls.RtlDesign) -> None:
    path = "rtl/small_net.v"
    ports = "    input [63:0] m_axi_rdata,\n    output m_axi_rready,\n    output frame_error,"
    external = replace(
        design, files={**design.files, path: design.files[path].replace("    output frame_error,", ports)}
    )
    files = with_control(external, hls.Control.AXI_LITE).files
    for wrapper in ("rtl/small_net_ap.v", "rtl/small_net_axi.v"):
        assert "input [63:0] m_axi_rdata," in files[wrapper] and "output m_axi_rready," in files[wrapper]
        assert ".m_axi_rdata(m_axi_rdata)," in files[wrapper] and ".m_axi_rready(m_axi_rready)," in files[wrapper]


def test_a_name_that_is_taken(design: hls.RtlDesign) -> None:
    taken = replace(design, files={**design.files, "rtl/small_net_ap.v": ""})
    with pytest.raises(SynthesisError, match=r"needs a file 'rtl/small_net_ap\.v', which a layer has"):
        with_control(taken, hls.Control.AP_CTRL)
