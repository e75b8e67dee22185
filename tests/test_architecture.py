"""The structure that docs/design.md promises: imports run in one direction, no file outgrows its room."""

from __future__ import annotations

import ast
from collections.abc import Set
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "asnet"

WORDS = {"errors", "types", "bits", "resources", "cache", "host", "jsonfile", "npz", "tools", "version"}

MAY_IMPORT: dict[str, set[str]] = {
    **dict.fromkeys(WORDS, WORDS),
    "network": WORDS,
    "ir": WORDS,
    "lower": WORDS | {"network", "ir"},
    "quantizing": WORDS | {"network"},
    "backend": WORDS | {"network", "ir", "lower"},
    "conformance": WORDS | {"network", "backend"},
    "passes": WORDS | {"ir"},
    "units": WORDS,
    "emulate": WORDS | {"ir", "units"},
    "testbed": WORDS | {"network", "ir", "lower", "passes", "units", "emulate"},
    "exploration": WORDS | {"ir", "units", "testbed"},
    "hls": WORDS | {"ir", "units"},
    "flow": WORDS | {"network", "ir", "lower", "passes", "units", "emulate", "testbed", "exploration", "hls"},
}
"""Room → rooms it may import. ``cli`` and the package's ``__init__`` may import everything and are imported by none."""


def imported_rooms(path: Path) -> set[str]:
    """The rooms of ASNet that the file imports, at any depth of its code."""
    rooms: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            names = [f"asnet.{alias.name}" for alias in node.names] if module == "asnet" else [module]
        rooms |= {name.split(".")[1] for name in names if name.startswith("asnet.")}
    return rooms


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(path: Path, known: Set[str]) -> set[str]:
    """The modules of ASNet that the file names in imports, at any depth of its code."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            modules |= names & known if names & known else {node.module or ""}
    return (modules & known) - {module_of(path)}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if "_data" not in path.parts)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_in_one_direction(path: Path) -> None:
    room = room_of(path)
    imported = imported_rooms(path) - {room}
    if room in {"cli", "__init__", "__main__"}:
        assert "cli" not in imported or room == "__main__"
        return
    assert room in MAY_IMPORT, f"room {room!r} is not in docs/design.md"
    assert imported <= MAY_IMPORT[room], f"{room} may not import {sorted(imported - MAY_IMPORT[room])}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_small(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= 600, f"{path.relative_to(ROOT)} has {lines} lines; split it"


def test_modules_import_in_no_circle() -> None:
    """Neither at the top of a file, nor in a function, nor for types only."""
    known = {module_of(path) for path in SOURCES}
    graph = {module_of(path): imported_modules(path, known) for path in SOURCES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"imports in a circle: {' <- '.join(error.args[1])}")


def test_no_unit_is_known_by_name() -> None:
    """Facts about a unit are data beside its Verilog: no code of ours tests the name of an approximate unit."""
    names = {path.stem for path in (ROOT / "verilog").glob("*_*.json")} - {"characterisation", "timing"}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare):
                constants = {
                    n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)
                }
                assert not constants & names, f"{path.relative_to(ROOT)}:{node.lineno} tests a unit's name"
