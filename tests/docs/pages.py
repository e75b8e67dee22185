"""Pages of documentation as programs: their fenced blocks are run in order, in one folder a page.

* ``sh``: every line is a command (a backslash continues it). It must exit with 0, or with N if it ends in
  ``# exit status N``.
* ``text`` right after an ``sh`` or ``python`` block: what that block printed on stdout; ``…`` stands for anything, and
  numbers that stand alone may differ (area, cycles and times depend on tools and their versions; percentages do not).
* ``python``: executed; the blocks of a page share their names.
* ``json``: a constraints file, configuration or unit description is checked as such, anything else is parsed.
* ``<!-- file: NAME -->`` before a block: it is written to NAME first. ``<!-- not run: WHY -->``: it is left alone.

``python -m tests.docs.pages`` runs docs/*.md and writes what the commands print now into their ``text`` blocks.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import referencing

from asnet.exploration import load_configuration, load_constraints
from asnet.resources import constraints_dir
from asnet.tools import verilator
from asnet.units import ApproximateUnit

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

_FENCE = re.compile(r"^```(\w*)\s*$")
_REMARK = re.compile(r"^<!-- (file|not run): (.+?) -->$")
_STATUS = re.compile(r"\s+# exit status (\d+)$")
_NUMBER = re.compile(r"^[\d,]*\d(\.\d+)?(e[+-]\d+)?$")
_RULE = re.compile(r"^─+$")
_COMMANDS = ("asnet", "python", "verilator")
_ANYTHING = "…"


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, text, the line of its first text line, and the remarks before it."""

    language: str
    text: str
    line: int
    file: str | None
    not_run: str | None


class PageError(AssertionError):
    """A block does not do what the page says; names page and line."""


def blocks(page: str) -> Iterator[Block]:
    """The fenced blocks of the Markdown text ``page``."""
    lines = page.splitlines()
    remarks: dict[str, str] = {}
    number = 0
    while number < len(lines):
        line = lines[number].strip()
        number += 1
        fence = _FENCE.match(line)
        if fence is not None:
            start = number
            while lines[number].strip() != "```":
                number += 1
            text = "".join(f"{row}\n" for row in lines[start:number])
            yield Block(fence[1], text, start + 1, remarks.get("file"), remarks.get("not run"))
            number += 1
            remarks = {}
        elif remark := _REMARK.match(line):
            remarks[remark[1]] = remark[2]
        elif line:
            remarks = {}


def runnable(block: Block) -> bool:
    """Whether every command of an ``sh`` block is one that pages may run."""
    return all(shlex.split(command, comments=True)[:1][0] in _COMMANDS for command, _ in commands(block))


def commands(block: Block) -> Iterator[tuple[str, int]]:
    """The commands of an ``sh`` block and the exit status that each must have."""
    for line in block.text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.startswith("#"):
            status = _STATUS.search(line)
            yield _STATUS.sub("", line), int(status[1]) if status else 0


class Runner:
    """Runs the blocks of one page in ``folder``, where the repository's ``examples`` can be reached."""

    def __init__(self, page: Path, folder: Path) -> None:
        self.page = page
        self.folder = folder
        self.printed = ""
        self._module = types.ModuleType(f"page_{page.stem}")
        sys.modules[self._module.__name__] = self._module  # dataclasses look their module up
        (folder / "examples").symlink_to(ROOT / "examples")
        self._environment = _environment(folder / ".bin")

    def run(self, block: Block) -> None:
        """Run one block.

        Raises:
            PageError: it fails.
        """
        if block.not_run is not None:
            return
        if block.file is not None:
            (self.folder / block.file).write_text(block.text, encoding="utf-8")
        action = {"sh": self._sh, "python": self._python, "json": self._json}.get(block.language)
        if action is not None:
            action(block)

    def agrees(self, block: Block) -> bool:
        """Whether the ``text`` block shows what the block before it printed."""
        expected = ".*?".join(re.escape(part) for part in _normal(block.text).split(_ANYTHING))
        return re.fullmatch(expected, _normal(self.printed), re.DOTALL) is not None

    def _fail(self, block: Block, why: str) -> None:
        raise PageError(f"{self.page.name}:{block.line}: {why}")

    def _sh(self, block: Block) -> None:
        self.printed = ""
        for command, status in commands(block):
            done = subprocess.run(
                ["bash", "-c", command], cwd=self.folder, env=self._environment, capture_output=True, text=True
            )
            self.printed += done.stdout
            if done.returncode != status:
                self._fail(block, f"{command!r} exits with {done.returncode}, not {status}:\n{done.stderr[-2000:]}")

    def _python(self, block: Block) -> None:
        output = io.StringIO()
        source = "\n" * (block.line - 1) + block.text
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(output):
            exec(compile(source, str(self.page), "exec"), self._module.__dict__)
        self.printed = output.getvalue()

    def _json(self, block: Block) -> None:
        content = json.loads(block.text)
        kind = document_kind(content)
        if kind is None:
            return
        errors = list(_validator(kind).iter_errors(content))
        if errors:
            self._fail(block, f"not a {kind} by its schema: {errors[0].json_path}: {errors[0].message}")
        with tempfile.NamedTemporaryFile("w", suffix=".json", dir=self.folder) as file:
            file.write(block.text)
            file.flush()
            load = {
                "configuration": load_configuration,
                "constraints": load_constraints,
                "unit": ApproximateUnit.from_json,
            }[kind]
            load(Path(file.name))


def document_kind(content: Any) -> str | None:
    """Which of our files the JSON value ``content`` is as a whole; None if none of them."""
    if not isinstance(content, dict):
        return None
    if "version" in content:
        return "configuration" if any("unit" in rule for rule in content.get("rules", [])) else "constraints"
    return "unit" if {"name", "op", "verilog"} <= content.keys() else None


def _validator(kind: str) -> jsonschema.Draft202012Validator:
    schemas = {path.name: json.loads(path.read_text()) for path in constraints_dir().glob("*.schema.json")}
    registry = referencing.Registry().with_resources(
        (name, referencing.Resource.from_contents(schema)) for name, schema in schemas.items()
    )
    return jsonschema.Draft202012Validator(schemas[f"{kind}.schema.json"], registry=registry)


def _plain(text: str) -> str:
    """``text`` as a page shows it: no blanks at the ends of lines, no blank lines at its ends."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n") + "\n"


def _normal(text: str) -> str:
    """``text`` without what may differ: the widths of columns, and the digits of numbers that stand alone."""
    return " ".join(_NUMBER.sub("0", _RULE.sub("─", word)) for word in text.split())


def _environment(folder: Path) -> dict[str, str]:
    """The environment of a page's commands: ``asnet``, ``python`` and ``verilator`` mean the ones under test."""
    tool = verilator.find()
    folder.mkdir()
    for name, words in {
        "python": [sys.executable],
        "asnet": [sys.executable, "-m", "asnet"],
        "verilator": ["env", f"VERILATOR_ROOT={tool.root}", str(tool.binary)],
    }.items():
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        script.chmod(0o755)
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": paths}


def refreshed(page: Path, folder: Path) -> str:
    """The text of ``page`` with its ``text`` blocks replaced by what the blocks before them print now."""
    runner = Runner(page, folder)
    lines = page.read_text(encoding="utf-8").splitlines(keepends=True)
    before: Block | None = None
    changes: list[tuple[Block, str]] = []
    for block in blocks("".join(lines)):
        runner.run(block)
        ran = before is not None and before.not_run is None and before.language in ("sh", "python")
        if ran and block.language == "text" and _ANYTHING not in block.text:
            changes.append((block, _plain(runner.printed)))
        before = block
    for block, text in reversed(changes):
        lines[block.line - 1 : block.line - 1 + block.text.count("\n")] = [text]
    return "".join(lines)


def main() -> None:
    """Refresh the pages named as arguments, or all of docs/."""
    for page in [Path(name).resolve() for name in sys.argv[1:]] or PAGES[1:]:
        with tempfile.TemporaryDirectory() as folder:
            text = refreshed(page, Path(folder))
        if text != page.read_text(encoding="utf-8"):
            page.write_text(text, encoding="utf-8")
            print(f"refreshed {page.name}")


if __name__ == "__main__":
    main()
