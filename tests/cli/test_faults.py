"""Every fault of the user's is one message that says what, where and what to do; nothing is left half-written."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from asnet.exploration.filelock import FileLock
from tests.cli.conftest import DATA, NETWORK, Cli

Constraints = Callable[..., Path]


def refused(cli: Cli, *words: object, status: int = 2) -> str:
    """Run a command that must fail with one line of message and leave no file behind; the message."""
    before = sorted(path.name for path in Path().iterdir())
    ran = cli(*words)
    assert ran.status == status, ran.err
    assert ran.out == ""
    assert "Traceback" not in ran.err
    assert sorted(path.name for path in Path().iterdir()) == before
    lines = [line for line in ran.err.splitlines() if line.startswith("asnet: error: ")]
    assert len(lines) == 1
    return ran.err[ran.err.index("asnet: error: ") + len("asnet: error: ") :].strip()


def test_missing_network(cli: Cli, constraints: Constraints) -> None:
    message = refused(cli, "explore", "nothing.onnx", constraints())
    assert message.startswith("nothing.onnx: ")


def test_corrupt_network(cli: Cli, constraints: Constraints, tmp_path: Path) -> None:
    whole = NETWORK.read_bytes()
    (tmp_path / "half.onnx").write_bytes(whole[: len(whole) // 2])
    assert "half.onnx" in refused(cli, "explore", "half.onnx", constraints())


def test_unsupported_operator_names_the_node(cli: Cli, constraints: Constraints, tmp_path: Path) -> None:
    make = onnx.helper
    graph = make.make_graph(
        [make.make_node("RandomNormalLike", ["x"], ["y"], name="noise")],
        "g",
        [make.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 1, 8, 8])],
        [make.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 1, 8, 8])],
    )
    onnx.save(make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=8), tmp_path / "noise.onnx")
    message = refused(cli, "explore", "noise.onnx", constraints(), "--data", DATA)
    assert "node 'noise' (RandomNormalLike)" in message
    assert "supported operators" in message


def test_malformed_json_tells_line_and_column(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text('{"version": 1,\n "units": }\n', encoding="utf-8")
    message = refused(cli, "explore", NETWORK, "bad.json")
    assert message == "bad.json: line 2, column 11: malformed JSON: Expecting value"


def test_unknown_key(cli: Cli, constraints: Constraints) -> None:
    message = refused(cli, "explore", NETWORK, constraints(granularty="layer"))
    assert message.endswith("constraints.json: $: unknown key 'granularty'; did you mean 'granularity'?")


def test_reversed_range(cli: Cli, constraints: Constraints) -> None:
    units = {"fmul_trunc": {"op": "fmul", "params": {"p": {"ParamLow": 9, "ParamHigh": 3}}}}
    message = refused(cli, "explore", NETWORK, constraints(units=units))
    assert "constraints.json: $.units.fmul_trunc.params.p: ParamLow 9 > ParamHigh 3" in message


def test_verilog_that_does_not_compile_names_its_line(cli: Cli, constraints: Constraints, tmp_path: Path) -> None:
    (tmp_path / "mine.v").write_text(
        "module mine(input [31:0] a, input [31:0] b, output [31:0] y);\n  assign y = a +* b;\nendmodule\n"
    )
    units = {"mine": {"op": "fmul", "verilog": "mine.v"}}
    message = refused(cli, "explore", NETWORK, constraints(units=units))
    assert "mine.v:2" in message


def test_wrong_ports_are_listed(cli: Cli, constraints: Constraints, tmp_path: Path) -> None:
    (tmp_path / "mine.v").write_text(
        "module mine(input [15:0] a, input [31:0] b, output [31:0] y);\n  assign y = {a, b[15:0]};\nendmodule\n"
    )
    units = {"mine": {"op": "fmul", "verilog": "mine.v"}}
    message = refused(cli, "explore", NETWORK, constraints(units=units))
    assert "mine" in message
    assert "16" in message
    assert "32" in message


@pytest.mark.parametrize(
    "statement",
    ['initial $system("true");', 'integer f; initial f = $fopen("x");', 'import "DPI-C" function int g();'],
)
def test_verilog_that_reaches_out_is_refused(
    cli: Cli, constraints: Constraints, tmp_path: Path, statement: str
) -> None:
    (tmp_path / "mine.v").write_text(
        f"module mine(input [31:0] a, input [31:0] b, output [31:0] y);\n{statement}\nassign y = a ^ b;\nendmodule\n"
    )
    units = {"mine": {"op": "fmul", "verilog": "mine.v"}}
    message = refused(cli, "explore", NETWORK, constraints(units=units))
    assert "mine.v:2" in message
    assert "--trust-verilog" in message


def test_rule_that_matches_nothing(cli: Cli, constraints: Constraints) -> None:
    rules = [{"match": {"layer": "conv9"}, "units": ["exact"]}]
    message = refused(cli, "explore", NETWORK, constraints(rules=rules))
    assert "$.rules[0]" in message
    assert "dense1" in message


def test_unknown_unit(cli: Cli, constraints: Constraints) -> None:
    message = refused(cli, "explore", NETWORK, constraints(units={"fmul_trunk": {"op": "fmul"}}))
    assert "no shipped unit 'fmul_trunk'; did you mean 'fmul_trunc'?" in message


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": np.zeros((0, 64), np.float32), "y": np.zeros(0, np.int64)}, "empty"),
        ({"x": np.zeros((3, 63), np.float32), "y": np.zeros(3, np.int64)}, "63"),
        ({"x": np.zeros((3, 64), np.float32), "y": np.zeros(2, np.int64)}, "3 images"),
        ({"images": np.zeros((3, 64), np.float32)}, "no array 'y' (found: images)"),
    ],
)
def test_unfit_test_sets(
    cli: Cli, constraints: Constraints, tmp_path: Path, arrays: dict[str, np.ndarray], words: str
) -> None:
    np.savez(tmp_path / "data.npz", **arrays)
    message = refused(cli, "explore", NETWORK, constraints(data="data.npz"))
    assert "data.npz" in message
    assert words in message


def test_a_file_that_is_no_archive_is_not_taken_for_pickled_objects(
    cli: Cli, constraints: Constraints, tmp_path: Path
) -> None:
    (tmp_path / "data.npz").write_text("hello")
    message = refused(cli, "explore", NETWORK, constraints(), "--data", "data.npz")
    assert message == (
        "test set 'data.npz' is not an .npz archive (it does not begin like one); save it with "
        "numpy.savez(path, x=images, y=classes)"
    )


def test_paths_may_hold_spaces_and_any_letters(cli: Cli, constraints: Constraints, tmp_path: Path) -> None:
    folder = tmp_path / "ein Ordner ü" / "π"
    folder.mkdir(parents=True)
    shutil.copy(NETWORK, folder / "netz werk π.onnx")
    shutil.copy(DATA, folder / "daten ä.npz")
    content = json.loads(constraints().read_text()) | {"data": "daten ä.npz"}
    (folder / "wahl ß.json").write_text(json.dumps(content), encoding="utf-8")
    os.chdir(folder)
    ran = cli("explore", "netz werk π.onnx", "wahl ß.json", "-j", 1, "--save-best", "neu ü/beste π.json")
    assert ran.status == 0 and Path("netz werk π.study").is_file(), ran.err
    assert cli("eval", "--config", "neu ü/beste π.json").status == 0
    ran = cli("synth", "--config", "best", "--images", 1, "--out", "neu ü/design π")
    assert ran.status == 0 and Path("neu ü/design π/manifest.json").is_file(), ran.err


def test_two_explorations_of_one_study(cli: Cli, constraints: Constraints, tmp_path: Path) -> None:
    """The second one is refused while the first one writes, and takes what it left afterwards."""
    file = constraints()
    assert cli("explore", NETWORK, file, "-j", 1).status == 0
    lock = FileLock.acquire(tmp_path / "digits_dense.study-lock", "study")
    try:
        message = refused(cli, "explore", NETWORK, file, "-j", 1)
        assert message == (
            f"study 'digits_dense.study' is in use by another process (pid {os.getpid()}); wait until it has finished, "
            "or write another study with --study FILE"
        )
        assert cli("eval").status == 0  # reading needs no lock
    finally:
        lock.release()
    assert cli("explore", NETWORK, file, "-j", 1).status == 0


def test_an_interrupt_while_asnet_is_imported_is_no_traceback(tmp_path: Path) -> None:
    code = (
        "import runpy, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'asnet.cli': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Finder())\n"
        "runpy.run_module('asnet', run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "asnet: interrupted\n")


def test_no_test_set(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(json.dumps({"version": 1, "units": {"fmul_trunc": {"op": "fmul"}}}))
    assert refused(cli, "explore", NETWORK, "c.json").startswith("no test set: 'c.json' has no \"data\"; give one with")


def test_missing_tool_is_status_3(
    cli: Cli, constraints: Constraints, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from asnet.tools import verilator

    monkeypatch.setenv("ASNET_VERILATOR", "/nowhere/verilator")
    monkeypatch.setenv("ASNET_CACHE", str(tmp_path.parent / "empty-cache"))
    verilator.find.cache_clear()
    try:
        ran = cli("explore", NETWORK, constraints())
        assert ran.status == 3
        assert "ASNET_VERILATOR='/nowhere/verilator' is not a Verilator >= 5.006" in ran.err
    finally:
        verilator.find.cache_clear()


def test_output_that_is_a_folder(cli: Cli, constraints: Constraints, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    message = refused(cli, "explore", NETWORK, constraints(), "--study", "results")
    assert message == "cannot write the study 'results': it is a folder; name a file with --study FILE"


def test_output_below_a_file(cli: Cli, constraints: Constraints) -> None:
    message = refused(cli, "explore", NETWORK, constraints(), "--study", "constraints.json/s.study")
    assert message.startswith("cannot write 'constraints.json/s.study")
    assert message.endswith("choose another folder with --study FILE")


def test_a_place_that_cannot_be_written_is_told_before_the_work(
    cli: Cli, constraints: Constraints, tmp_path: Path
) -> None:
    file = constraints()
    occupied = str(tmp_path / "constraints.json")
    message = refused(cli, "explore", NETWORK, file, "--save-best", "constraints.json/best.json")
    assert message == (f"cannot write 'constraints.json/best.json': {occupied!r} is no folder; choose another place")
    message = refused(cli, "explore", NETWORK, file, "--save-best", ".")
    assert message == "cannot write '.': it is a folder; name a file"
    config = ("--config", "exact", "--data", DATA)
    message = refused(cli, "synth", NETWORK, *config, "--out", "constraints.json/rtl")
    assert message == f"cannot write 'constraints.json/rtl': {occupied!r} is no folder; choose another place"
    assert refused(cli, "synth", NETWORK, *config, "--out", "constraints.json") == (
        "cannot write 'constraints.json': it is a file; choose another folder"
    )
    (tmp_path / "diary").mkdir()
    (tmp_path / "diary" / "today.txt").write_text("dear diary")
    message = refused(cli, "synth", NETWORK, *config, "--out", "diary")
    assert message == "'diary' is not empty and holds no ASNet design; choose another folder or empty it"
    message = refused(cli, "quantize", NETWORK, "--data", DATA, "-o", "constraints.json/q.onnx")
    assert message == f"cannot write 'constraints.json/q.onnx': {occupied!r} is no folder; choose another place"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only(cli: Cli, constraints: Constraints, tmp_path: Path) -> None:
    file = constraints()
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    message = refused(cli, "explore", NETWORK, file, "--save-best", "closed/best.json")
    assert message == f"cannot write 'closed/best.json': no permission in {str(closed)!r}; choose another place"


def test_full_disk_is_told_and_loses_nothing(cli: Cli, constraints: Constraints, tmp_path: Path) -> None:
    """A file size limit stands for a full disk: every write beyond it fails."""
    file = constraints()
    assert cli("explore", NETWORK, file, "-j", 1).status == 0
    stored = (tmp_path / "digits_dense.study").read_bytes()
    wider = constraints(units={"fmul_trunc": {"op": "fmul", "params": {"p": {"ParamLow": 0, "ParamHigh": 22}}}})
    command = [sys.executable, "-m", "asnet", "explore", str(NETWORK), str(wider), "-j", "1", "--study", "new.study"]
    limit = (8 << 10, 8 << 10)
    ran = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
        check=False,
    )
    assert ran.returncode in {2, 3}
    assert "Traceback" not in ran.stderr
    assert "asnet: error: " in ran.stderr
    assert (tmp_path / "digits_dense.study").read_bytes() == stored


def test_no_study_for_best(cli: Cli) -> None:
    message = refused(cli, "eval", "--config", "best")
    assert message == "no *.study in '.'; make one with `asnet explore`, or name it with --study FILE"


def test_another_file_as_study(cli: Cli, constraints: Constraints, tmp_path: Path) -> None:
    (tmp_path / "diary.study").write_text("dear diary")
    message = refused(cli, "explore", NETWORK, constraints(), "--study", "diary.study")
    assert "is not a study of ASNet" in message
    assert (tmp_path / "diary.study").read_text() == "dear diary"


def test_missing_configuration_file(cli: Cli) -> None:
    assert refused(cli, "eval", NETWORK, "--config", "none.json", "--data", DATA).startswith("none.json")


def test_arguments_are_checked(cli: Cli, constraints: Constraints) -> None:
    ran = cli("explore", NETWORK, constraints(), "--images", "0")
    assert ran.status == 2
    assert "argument --images: 0 is below 1" in ran.err


@pytest.mark.parametrize(("search", "option"), [("random", "limit"), ("exhaustive", "samples"), ("exhaustive", "seed")])
def test_an_option_of_another_search_is_not_ignored(
    cli: Cli, constraints: Constraints, search: str, option: str
) -> None:
    message = refused(cli, "explore", NETWORK, constraints(), "--search", search, f"--{option}", "3")
    assert message == f"--{option} has no meaning with --search {search}; remove one of them"


def test_unknown_pass(cli: Cli, constraints: Constraints) -> None:
    message = refused(cli, "explore", NETWORK, constraints(), "--pass", "approximat")
    assert message == "unknown pass 'approximat'; did you mean 'approximate'?"


def test_debug_shows_the_traceback(cli: Cli, constraints: Constraints) -> None:
    from asnet.errors import NetworkError

    with pytest.raises(NetworkError):
        cli("explore", "nothing.onnx", constraints(), "--debug")
