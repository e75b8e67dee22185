"""Tools that hang, fail or are interrupted: bounded in time, killed with all that they started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from asnet.cache import Cache
from asnet.errors import ToolError, ToolTimeoutError, UsageError
from asnet.tools import ToolThreads, cxx, run_tool, try_tool, yosys
from asnet.tools.process import LIMIT_VARIABLE, time_limit
from asnet.types import FloatMode
from asnet.units import ApproximateUnit
from asnet.units.characterise import measure

HANG = "sleep 1000 & echo $! > grandchild; wait"
"""A shell script that starts a program of its own and waits for it."""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def assert_dies(file: Path) -> None:
    pid = int(file.read_text())
    deadline = time.monotonic() + 10
    while alive(pid):
        assert time.monotonic() < deadline, f"process {pid} still runs"
        time.sleep(0.02)


def wait_for(file: Path) -> None:
    deadline = time.monotonic() + 60
    while not file.exists() or not file.read_text().strip():
        assert time.monotonic() < deadline, f"{file} never came"
        time.sleep(0.02)


def test_a_tool_that_hangs_is_stopped_with_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIMIT_VARIABLE, "0.5")
    began = time.monotonic()
    with pytest.raises(ToolError) as caught:
        run_tool(["sh", "-c", HANG], cwd=tmp_path)
    assert str(caught.value) == (
        "sh did not finish within 0.5 s and was stopped; set ASNET_TOOL_SECONDS to the seconds it may take "
        "(0: no limit)"
    )
    assert time.monotonic() - began < 20
    assert_dies(tmp_path / "grandchild")


def test_a_tool_that_does_not_even_tell_its_version(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"^sh did not finish within 0.2 s and was stopped; install it again$"):
        try_tool(["sh", "-c", HANG], cwd=tmp_path, limit=0.2)
    assert_dies(tmp_path / "grandchild")


def test_a_caller_may_give_a_tool_less_time(tmp_path: Path) -> None:
    with pytest.raises(ToolTimeoutError, match=r"did not finish within 0.2 s"):
        run_tool(["sh", "-c", HANG], cwd=tmp_path, limit=0.2)
    slow = yosys.Yosys(("sh", "-c", "sleep 1000", "script"), "0", "a test")
    with pytest.raises(ToolTimeoutError, match=r"yosys did not finish within 0.2 s"):
        slow.run_script("", tmp_path, limit=0.2)


@pytest.mark.parametrize(("text", "seconds"), [("", 7200.0), ("90", 90.0), ("0.5", 0.5), ("0", None)])
def test_the_limit_can_be_set(text: str, seconds: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIMIT_VARIABLE, text)
    assert time_limit() == seconds


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf"])
def test_a_wrong_limit_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIMIT_VARIABLE, text)
    with pytest.raises(UsageError) as caught:
        run_tool(["true"])
    assert str(caught.value) == f"ASNET_TOOL_SECONDS={text!r} is not a number of seconds; set one, or 0 for no limit"


def test_standard_input_reaches_the_tool() -> None:
    assert run_tool(["cat"], stdin="words\n") == "words\n"
    assert run_tool(["cat"]) == ""


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_kills_the_tools_of_other_threads(tmp_path: Path, stop: type[BaseException]) -> None:
    with pytest.raises(stop), ToolThreads(1) as threads:
        first = threads.submit(lambda script: run_tool(["sh", "-c", script], cwd=tmp_path), HANG)
        later = threads.submit(lambda script: run_tool(["sh", "-c", script], cwd=tmp_path), "touch late")
        wait_for(tmp_path / "grandchild")
        raise stop
    assert_dies(tmp_path / "grandchild")
    assert isinstance(first.exception(), ToolError)
    assert later.cancelled() and not (tmp_path / "late").exists()


def test_an_ordinary_error_lets_running_tools_finish(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="wrong"), ToolThreads(1) as threads:
        running = threads.submit(lambda script: run_tool(["sh", "-c", script], cwd=tmp_path), "touch on; sleep 0.2")
        while not (tmp_path / "on").exists():
            time.sleep(0.01)
        raise ValueError("wrong")
    assert running.result() == ""


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_a_yosys_that_hangs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = script(tmp_path / "yosys", 'test "$1" = -V && { echo Yosys 0.99; exit; }\nexec sleep 1000')
    monkeypatch.setenv("ASNET_YOSYS", fake)
    monkeypatch.setenv(LIMIT_VARIABLE, "0.3")
    yosys.find.cache_clear()
    try:
        with pytest.raises(ToolError, match=r"^yosys did not finish within 0.3 s and was stopped; set ASNET_TOOL_SEC"):
            measure(ApproximateUnit.shipped("mul8u_drum").instance(k=4), FloatMode.FTZ, Cache(tmp_path / "cache"))
    finally:
        yosys.find.cache_clear()
    assert not list((tmp_path / "cache").rglob("figures.json"))


def test_a_compiler_that_hangs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = script(tmp_path / "g++", 'test "$1" = --version && { echo fake 1; exit; }\nexec sleep 1000')
    monkeypatch.setenv("CXX", fake)
    monkeypatch.setenv(LIMIT_VARIABLE, "0.3")
    cxx.find.cache_clear()
    try:
        with pytest.raises(ToolError, match=r"^the C\+\+ compiler did not finish within 0.3 s and was stopped"):
            cxx.find().compile(["-c", "a.cpp"], tmp_path)
    finally:
        cxx.find.cache_clear()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_stopped_command_leaves_no_tool_behind(tmp_path: Path, number: int, status: int) -> None:
    root = Path(__file__).resolve().parents[2]
    fake = script(tmp_path / "g++", f'test "$1" = --version && {{ echo fake 1; exit; }}\ncd "{tmp_path}"\n{HANG}')
    environment = {**os.environ, "CXX": fake, "ASNET_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "asnet", "units", "mul8u_drum(k=4)", "--errors"]
    with subprocess.Popen(
        command, cwd=tmp_path, env={**environment, "PYTHONPATH": str(root)}, stderr=subprocess.PIPE, text=True
    ) as child:
        wait_for(tmp_path / "grandchild")
        child.send_signal(number)
        _, talk = child.communicate(timeout=60)
    assert child.returncode == status
    assert "the same command goes on where it stopped" in talk
    assert "Traceback" not in talk
    assert_dies(tmp_path / "grandchild")
