"""Running ABC, which every yosys brings: commands on and-inverter graphs, what they print, what they write.

yosys' pass ``abc`` starts it in all its builds (a program beside it, linked in, WebAssembly). The pass works on a
stand-in of one gate, which the commands here put aside and bring back.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from asnet.emulate.analysis.aig import Aig
from asnet.tools import yosys

__all__ = ["run_abc"]

_STAND_IN: Final = "module stand_in (input a, input b, output y);\n    assign y = a & b;\nendmodule\n"
_SCRIPT: Final = "read_verilog stand_in.v\ntechmap\nabc -script commands.abc\n"
_ALIASES: Final = (
    "alias b balance", "alias rw rewrite", "alias rf refactor", "alias rs resub",
    'alias rwz "rewrite -z"', 'alias rfz "refactor -z"',
)  # fmt: skip


def run_abc(
    graphs: Mapping[str, Aig],
    commands: Sequence[str],
    results: Sequence[str] = (),
    *,
    files: Mapping[str, str] | None = None,
    limit: float | None = None,
) -> tuple[list[str], list[str]]:
    """Run ``commands``, for at most ``limit`` seconds, where ``<name>.aig`` holds each of ``graphs`` and ``files`` are.

    Returns the lines that ABC prints, and the texts of the files ``results``.

    Raises:
        ToolMissingError: there is no yosys.
        ToolError: yosys or ABC fails, or wrote no such file; ToolTimeoutError: its time is over.
    """
    script = [*_ALIASES, "write_blif kept.blif", *commands, "read_blif kept.blif"]
    with tempfile.TemporaryDirectory(prefix="asnet-") as name:
        folder = Path(name)
        (folder / "stand_in.v").write_text(_STAND_IN, encoding="utf-8")
        (folder / "commands.abc").write_text("\n".join(script) + "\n", encoding="utf-8")
        for file, text in (files or {}).items():
            (folder / file).write_text(text, encoding="utf-8")
        for graph, aig in graphs.items():
            (folder / f"{graph}.aig").write_bytes(aig.aiger())
        log = yosys.find().run_script(_SCRIPT, folder, limit=limit)
        texts = [(folder / result).read_text(encoding="utf-8") for result in results]
    return re.findall(r"^ABC: (.*)$", log, re.MULTILINE), texts
