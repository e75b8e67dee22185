"""Whether two circuits compute the same, decided by ABC (fraiging and SAT)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from asnet.emulate.analysis.abc import run_abc
from asnet.emulate.analysis.aig import Aig
from asnet.emulate.analysis.netlist import netlist_of
from asnet.errors import ToolError, ToolTimeoutError, UsageError

__all__ = ["Verdict", "equivalent"]

_CONFLICTS: Final = 1_000_000_000  # the time is the limit
_SAMPLE: Final = 1 << 10  # words of 64 operand pairs
_START_SECONDS: Final = 5


@dataclass(frozen=True)
class Verdict:
    """``proven``; ``different``, then for the bit patterns ``a`` and ``b``; or ``undecided`` within the time."""

    answer: Literal["proven", "different", "undecided"]
    a: int = 0
    b: int = 0

    def __bool__(self) -> bool:
        return self.answer == "proven"


def equivalent(first: Aig, second: Aig, *, seconds: int = 60) -> Verdict:
    """Whether ``first`` and ``second`` have equal results for all operands; ABC may take ``seconds``.

    Always undecided with a yosys in WebAssembly, which loses what ABC prints.

    Raises:
        UsageError: they have different numbers of inputs or outputs.
        ToolMissingError: there is no yosys.
        ToolError: ABC fails.
    """
    shapes = [(aig.width_a, aig.width_b, len(aig.outputs)) for aig in (first, second)]
    if shapes[0] != shapes[1]:
        raise UsageError(
            f"circuits of different shapes, {shapes[0]} and {shapes[1]} bits of a, b and y, are not compared"
        )
    command = f"cec -n -T {seconds} -C {_CONFLICTS} first.aig second.aig"
    try:
        log, _ = run_abc({"first": first, "second": second}, [command], limit=seconds + _START_SECONDS)
    except ToolTimeoutError:  # ABC looks at the clock between steps, which may be long
        return Verdict("undecided")
    text = "\n".join(log)
    if "Networks are equivalent" in text:
        return Verdict("proven")
    if "NOT EQUIVALENT" not in text:
        return Verdict("undecided")
    pattern = re.search(r"^INPUT: (.*)\.  OUTPUT:", text, re.MULTILINE)
    bits = "".join(re.findall(r"= 1'h([01])", pattern[1])) if pattern is not None else ""
    number = int(bits[::-1] or "0", 2)  # the inputs in their order
    return _shown(first, second, number)


def _shown(first: Aig, second: Aig, number: int) -> Verdict:
    """That the circuits differ for the inputs ``number``, or, where this ABC prints none, for others that are found.

    Raises:
        ToolError: ABC says that they differ, and no operands show it.
    """
    inputs = np.random.default_rng(0).integers(0, 1 << 64, (first.inputs, _SAMPLE), np.uint64)
    told = [number >> bit & 1 for bit in range(first.inputs)]
    inputs[:, 0] = np.array(told, np.uint64)  # with operands 0 beside it
    wrong = netlist_of(first).evaluate_words(inputs) ^ netlist_of(second).evaluate_words(inputs)
    words = np.flatnonzero(wrong.any(0))
    if len(words) == 0:
        raise ToolError("ABC says that two circuits differ, but not where; use a newer yosys")
    row = int(np.bitwise_or.reduce(wrong[:, words[0]]))
    place = (row & -row).bit_length() - 1
    shown = sum((int(word) >> place & 1) << bit for bit, word in enumerate(inputs[:, words[0]]))
    return Verdict("different", shown & (1 << first.width_a) - 1, shown >> first.width_a)
