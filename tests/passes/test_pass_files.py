"""Passes named by their place: found, refused in clear words, and bound to the content of their file."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from asnet.errors import PassError
from asnet.ir import Module
from asnet.passes import parse_pass, run_passes

GOOD = '''
"""Passes of a user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from asnet import passes
from asnet.ir import Module


@dataclass(frozen=True)
class Exact(passes.Pass):
    """Keep the multiplications of one kind of layer exact."""

    name: ClassVar[str] = "exact-layers"
    op_type: str = "Softmax"
    strict: bool = False

    def apply(self, module: Module) -> Module:
        def rule(site, builder):
            if site.op != "fmul" or site.op_type != self.op_type:
                return None
            return builder.fmul(*site.instruction.operands, name="exact")

        return passes.rewrite(module, rule)


@dataclass(frozen=True)
class Broken(passes.Pass):
    name: ClassVar[str] = "broken"

    def apply(self, module):
        return module.nothing + 1


@dataclass(frozen=True)
class Forgetful(passes.Pass):
    name: ClassVar[str] = "forgetful"

    def apply(self, module):
        return None


@dataclass(frozen=True)
class Demanding(passes.Pass):
    name: ClassVar[str] = "demanding"
    level: int

    def apply(self, module):
        return module


class Plain(passes.Pass):
    name = "plain"

    def apply(self, module):
        return module


@dataclass(frozen=True)
class Nameless(passes.Pass):
    def apply(self, module):
        return module


class Something:
    pass
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my passes.py"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_a_class_in_a_file(file: Path, module: Module) -> None:
    step = parse_pass(f" {file}:Exact{{op_type=Gemm, strict=true}} ")
    assert str(step) == f"{file}:Exact{{op_type=Gemm,strict=true}}"
    assert len(step.digest) == 64
    before = [site.op_type for site in module.sites() if site.op == "fmul"]
    assert "Gemm" in before
    after = run_passes(module, [step])
    assert [site.op_type for site in after.sites() if site.op == "fmul"] == [kind for kind in before if kind != "Gemm"]


def test_it_is_found_from_other_folders(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    step = parse_pass("my passes.py:Exact")
    assert str(step).startswith(f"{file}:Exact{{")
    assert parse_pass(str(step), step.digest) == step


def test_it_crosses_to_other_processes(file: Path) -> None:
    step = parse_pass(f"{file}:Exact{{op_type=Gemm}}")
    assert pickle.loads(pickle.dumps(step)) == step
    code = f"import pickle; print(pickle.loads({pickle.dumps(step)!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(step)


def test_a_class_in_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "users_passes.py").write_text(GOOD, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    step = parse_pass("users_passes:Exact")
    assert str(step) == "users_passes:Exact{op_type=Softmax,strict=false}"
    assert parse_pass(str(step), step.digest) == step


def test_a_file_that_has_changed_is_refused_before_it_runs(file: Path, tmp_path: Path) -> None:
    step = parse_pass(f"{file}:Exact")
    file.write_text(f"{GOOD}\n\nopen({str(tmp_path / 'ran')!r}, 'w').close()\n", encoding="utf-8")
    with pytest.raises(PassError) as caught:
        parse_pass(str(step), step.digest)
    message = str(caught.value)
    assert message.startswith(f"pass '{file}:Exact': the file {str(file)!r} has changed (digest ")
    assert message.endswith(f"…, then {step.digest[:12]}…); explore again, or bring back what it was")
    assert not (tmp_path / "ran").exists()
    assert parse_pass(f"{file}:Exact").digest != step.digest  # without a digest the new content is taken
    assert (tmp_path / "ran").exists()


WRONG = [
    ("nowhere.py:Exact", "pass 'nowhere.py:Exact': no file 'nowhere.py'; write path/to/file.py:Class"),
    ("nowhere:Exact", "pass 'nowhere:Exact': no module 'nowhere' is installed; for a file write path/to/file.py:Exact"),
    ("nowhere.at.all:Exact", "pass 'nowhere.at.all:Exact': no module 'nowhere.at.all' is installed; for a file"),
    ("FILE:Exakt", "pass 'FILE:Exakt': no class 'Exakt' there; did you mean 'Exact'?"),
    ("FILE:Something", "pass 'FILE:Something' is no pass; make it a subclass of asnet.passes.Pass"),
    ("FILE:Plain", "pass 'FILE:Plain' must be a frozen dataclass with a name: ClassVar[str] = \"…\""),
    ("FILE:Nameless", "pass 'FILE:Nameless' must be a frozen dataclass with a name"),
    ("FILE:Demanding", "pass 'FILE:Demanding' cannot be made: "),
    ("FILE:Exact{optype=Gemm}", "pass 'FILE:Exact': unknown option 'optype'; did you mean 'op_type'?"),
    ("FILE:Exact{strict=1}", "pass 'FILE:Exact': strict='1' is not true or false"),
    ("FILE:", "cannot read pass 'FILE:'; write name or name{option=value,option=value}, where name is a known pass, "),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[text for text, _ in WRONG])
def test_wrong_places(file: Path, text: str, message: str) -> None:
    with pytest.raises(PassError) as caught:
        parse_pass(text.replace("FILE", str(file)))
    assert str(caught.value).startswith(message.replace("FILE", str(file)))


CONTENTS = {
    "x = (\n": ":1: '(' was never closed",
    "import no_such_module\n": "importing it fails: ModuleNotFoundError: No module named 'no_such_module' (PATH:1)",
    "\n\n1 / 0\n": "importing it fails: ZeroDivisionError: division by zero (PATH:3)",
    "raise SystemError('a\\nb')\n": "importing it fails: SystemError: a b (PATH:1)",
}


@pytest.mark.parametrize("content", CONTENTS)
def test_files_that_cannot_be_imported(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bad.py"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(PassError) as caught:
        parse_pass(f"{path}:Exact")
    assert str(caught.value).startswith(f"pass '{path}:Exact': ")
    assert str(caught.value).endswith(CONTENTS[content].replace("PATH", str(path)))


def test_faults_while_it_runs(file: Path, module: Module) -> None:
    line = GOOD.splitlines().index("        return module.nothing + 1") + 1
    with pytest.raises(PassError) as caught:
        run_passes(module, [parse_pass(f"{file}:Broken")])
    assert str(caught.value) == (
        f"pass 'broken' failed: AttributeError: 'Module' object has no attribute 'nothing' ({file}:{line})"
    )
    with pytest.raises(PassError, match=r"^pass 'forgetful' returned None; return the module$"):
        run_passes(module, [parse_pass(f"{file}:Forgetful")])
