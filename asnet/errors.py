"""Every fault a user can cause, one class each, under one root.

A message says what is wrong (with the offending value), where (file and JSON path, ONNX node, Verilog line) and what
to do. ``exit_status`` is what the command line returns: 1 the answer is no, 2 the input is wrong, 3 a tool is missing
or failed. Bugs of ASNet itself are not :class:`AsnetError`.
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Generator, Iterable
from typing import ClassVar


class AsnetError(Exception):
    """Root of all faults that a user can cause and mend."""

    exit_status: ClassVar[int] = 2


# --- the answer is no (1) -------------------------------------------------------------------------------------------


class NoFeasibleConfigurationError(AsnetError):
    """No evaluated configuration satisfies the limits."""

    exit_status = 1


class UnreachableError(AsnetError):
    """Hardware cannot be as fast, or as small, as it is wanted; names the best that can be had."""

    exit_status = 1


class MismatchError(AsnetError):
    """Two models that must agree bit for bit do not: RTL against test bed, fast form against golden model."""

    exit_status = 1


# --- the input is wrong (2) -----------------------------------------------------------------------------------------


class NetworkError(AsnetError):
    """An ONNX file that cannot be read or is not a valid network."""


class UnsupportedError(NetworkError):
    """A valid network with an operator, type or attribute that ASNet does not support; names the node.

    ``problems`` tells each one that was found apart.
    """

    def __init__(self, message: str, problems: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems) or (message,)


class Refusals:
    """What of a network is not supported, collected so that all of it is told at once."""

    _MOST_TOLD: ClassVar[int] = 20

    def __init__(self) -> None:
        self.problems: list[str] = []

    @contextlib.contextmanager
    def collect(self) -> Generator[None]:
        """Note an :class:`UnsupportedError` of the block and go on behind it."""
        try:
            yield
        except UnsupportedError as error:
            self.problems.extend(error.problems)

    def raise_any(self, hint: str = "") -> None:
        """Raise what was noted, a line for each, ``hint`` behind the first.

        Raises:
            UnsupportedError: if anything was.
        """
        if not self.problems:
            return
        told = [self.problems[0] + hint, *self.problems[1 : self._MOST_TOLD]]
        if len(self.problems) > len(told):
            told.append(f"and {len(self.problems) - len(told)} more; `asnet inspect` lists all")
        raise UnsupportedError("\n".join(told), self.problems)


class DataError(AsnetError):
    """A test set that is missing, empty or does not fit the network."""


class QuantizationError(AsnetError):
    """A network that cannot be quantised, or not as asked: nothing to quantise, bits or a format that do not fit."""


class ConstraintsError(AsnetError):
    """A constraints, configuration or unit description file that is malformed; names the JSON path."""


class UnitError(AsnetError):
    """A unit whose Verilog cannot be used: does not compile, wrong ports, unknown parameter."""


class UntrustedVerilogError(UnitError):
    """A unit's Verilog reaches outside its ports (system tasks, files, imports) and was not trusted."""


class PassError(AsnetError):
    """An unknown IR pass, a wrong option, or a pass that left the module invalid."""


class StudyError(AsnetError):
    """A study file that is missing, damaged, or belongs to another network or other constraints."""


class SynthesisError(AsnetError):
    """IR that cannot be turned into hardware; names the layer and the instruction."""


class OutputError(AsnetError):
    """A result that cannot be written: no permission, no space, a path that is not a directory."""


class UsageError(AsnetError):
    """Arguments that contradict each other."""


# --- a tool is missing or failed (3) --------------------------------------------------------------------------------


class ToolError(AsnetError):
    """An external tool is missing, too old, or failed."""

    exit_status = 3


class ToolTimeoutError(ToolError):
    """An external tool took longer than it may; says how to raise the limit."""


class ToolMissingError(ToolError):
    """An external tool or optional package was not found; says how to get it."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` for the closest of ``known``, else ``"; known: a, b, c"``."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(names)}" if names else ""
