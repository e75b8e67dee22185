"""What the documentation shows works: every block runs, every output is the real one, every link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("jsonschema", reason="the JSON blocks are checked with jsonschema")

from asnet.errors import ToolMissingError
from asnet.lower import LOWERINGS
from asnet.tools import yosys
from tests.docs.pages import PAGES, ROOT, Block, PageError, Runner, blocks, runnable

NEEDS_YOSYS = {"units.md"}  # shows the area of units that are not shipped
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_does_what_the_page_says(page: Path, tmp_path: Path) -> None:
    if page.name in NEEDS_YOSYS:
        _skip_without_yosys()
    strict = page.parent.name == "docs"  # README also shows how to install, which is not for tests
    runner = Runner(page, tmp_path)
    before: Block | None = None
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.language == "sh" and block.not_run is None and not runnable(block):
            assert not strict, f"{page.name}:{block.line}: say <!-- not run: why --> before this block"
            continue
        runner.run(block)
        if strict and block.language == "text" and before is not None and before.not_run is None:
            assert runner.agrees(block), f"{page.name}:{block.line}: this is printed now:\n{runner.printed}"
        before = block


def _skip_without_yosys() -> None:
    try:
        yosys.find()
    except ToolMissingError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert missing == []


def test_the_index_names_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in PAGES if page.parent.name == "docs" and f"]({page.name})" not in index] == [
        "README.md"
    ]


def test_every_supported_operator_is_listed() -> None:
    text = (ROOT / "docs" / "supported.md").read_text(encoding="utf-8")
    listed = {name for row in re.findall(r"^\| (`.+?) \|", text, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert listed == set(LOWERINGS)


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        ("```sh\nasnet no-such-command\n```\n", "exits with 2"),
        ("```sh\nasnet units # exit status 1\n```\n", "exits with 0, not 1"),
        ('```json\n{"version": 1, "units": {"fmul_trunc": {"parms": {}}}}\n```\n', "parms"),
    ],
)
def test_a_wrong_block_is_found(page: str, problem: str, tmp_path: Path) -> None:
    runner = Runner(tmp_path / "page.md", tmp_path)
    with pytest.raises(PageError, match=problem):
        for block in blocks(page):
            runner.run(block)


def test_a_wrong_output_is_found(tmp_path: Path) -> None:
    runner = Runner(tmp_path / "page.md", tmp_path)
    program, right, elided, wrong = blocks(
        "```python\nprint('a b')\n```\n```text\na b\n```\n```text\na …\n```\n```text\na c\n```\n"
    )
    runner.run(program)
    assert [runner.agrees(block) for block in (right, elided, wrong)] == [True, True, False]
