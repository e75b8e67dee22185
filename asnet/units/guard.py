"""Refusal of unit Verilog that reaches outside its ports: system tasks, foreign functions, files.

A unit is compiled to C++ and run on the user's machine, so its text must be harmless. The check is on tokens: comments
and strings never trigger it, macros cannot hide a system task because its ``$name`` has to be spelled somewhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Final

from asnet.errors import UntrustedVerilogError
from asnet.units.rendering import VerilogFile
from asnet.units.tokens import Kind, Token, includes, tokens, words

__all__ = ["HARMLESS_DIRECTIVES", "HARMLESS_FUNCTIONS", "check", "violations"]

HARMLESS_FUNCTIONS: Final = words(
    """$signed $unsigned $clog2 $bits $size $left $right $low $high $increment $dimensions $countones $onehot $onehot0
    $isunknown $ceil $floor $ln $log10 $exp $sqrt $pow $rtoi $itor"""
)
"""System functions that only compute (IEEE 1800-2017, 20.5, 20.6, 20.7, 20.8, 20.9)."""

HARMLESS_DIRECTIVES: Final = words(
    """`define `undef `undefineall `ifdef `ifndef `else `elsif `endif `timescale `default_nettype `resetall `celldefine
    `endcelldefine `begin_keywords `end_keywords `line `include `nounconnected_drive `unconnected_drive"""
)
"""Compiler directives that put nothing but Verilog into the text; ```systemc_header`` and its kin insert C++."""


def _outside(header: str) -> bool:
    path = PurePosixPath(header)
    return not header or path.is_absolute() or ".." in path.parts or "\\" in header


def _forbidden(before: Token | None, token: Token, macros: frozenset[str]) -> str | None:
    """What is wrong with ``token``, or None."""
    match token.kind:
        case Kind.SYSTEM if token.text not in HARMLESS_FUNCTIONS:
            return f"calls {token.text}"
        case Kind.DIRECTIVE if token.text not in HARMLESS_DIRECTIVES and token.text not in macros:
            return f"uses the directive {token.text}"
        case Kind.STRING if before is not None and before.text in ("import", "export"):
            return f'{before.text}s foreign functions ("{token.text}")'
        case Kind.WORD if token.text.startswith("\\") and any(sign in token.text for sign in ('"', "`", "//", "/*")):
            return f"has the escaped identifier {token.text!r}"
        case Kind.OTHER if token.text == '"""':  # IEEE 1800-2023; older readers see other strings and comments
            return "has a triple-quoted string"
        case Kind.OTHER if token.text in ('"', "/*"):
            return "has a string or a comment that does not end"
        case Kind.OTHER if token.text == "`":
            return "pastes tokens in a macro"
        case _:
            return None


def violations(files: Iterable[VerilogFile]) -> list[str]:
    """What is not harmless in ``files``, each as ``FILE:LINE: what``."""
    listed = list(files)
    streams = [tokens(file.text) for file in listed]
    macros = frozenset(
        f"`{name.text}"
        for stream in streams
        for directive, name in itertools.pairwise(stream)
        if directive.text == "`define" and name.kind is Kind.WORD
    )
    return [f"{file.origin}:{line}: {what}" for file in listed for line, what in _in_text(file.text, macros)]


@lru_cache(maxsize=1024)  # the instances of a unit share most of their texts
def _in_text(text: str, macros: frozenset[str]) -> tuple[tuple[int, str], ...]:
    """Line and description of what is not harmless in ``text``, where all files define ``macros``."""
    stream = tokens(text)
    found: list[tuple[int, str]] = []
    before: Token | None = None
    for position, token in enumerate(stream):
        what = _forbidden(before, token, macros)
        if token.kind is Kind.OTHER and token.text == "$":
            after = stream[position + 1].text if position + 1 < len(stream) else ""
            what = None if after in ("]", ":") else "has a $ that names no system function"
        if what is not None:
            found.append((token.line, what))
        before = token
    return tuple(found)


def check(files: Iterable[VerilogFile], *, trust_verilog: bool = False) -> None:
    """Refuse files that are not harmless; with ``trust_verilog`` only headers from outside the unit's folder.

    Raises:
        UntrustedVerilogError: names the file, the line and what it does.
    """
    listed = list(files)
    for file in listed:
        for header, line in includes(file.text):
            if _outside(header):
                raise UntrustedVerilogError(
                    f"{file.origin}:{line}: includes {header or 'a computed name'!r}, which is outside the unit's "
                    "folder; put the header beside the unit"
                )
    found = [] if trust_verilog else violations(listed)
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise UntrustedVerilogError(
            f"{found[0]}{more}: a unit may not reach outside its ports; read the file, and if you trust it use "
            "--trust-verilog (trust_verilog=True)"
        )
