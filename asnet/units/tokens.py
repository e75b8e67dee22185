"""A Verilog tokeniser, enough to see what a text reaches for: modules, includes, system tasks. Not a parser.

Lexical conventions: IEEE 1364-2005, clauses 3 and 19. Comments, white space and numbers are dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

__all__ = ["Kind", "Token", "defined_modules", "includes", "instantiated_modules", "tokens", "words"]


class Kind(StrEnum):
    """What a token is."""

    WORD = "word"  # identifier or keyword, escaped ones with their backslash
    SYSTEM = "system"  # $name
    DIRECTIVE = "directive"  # `name
    STRING = "string"  # without its quotes
    OTHER = "other"  # one character, or a token that is never legal


@dataclass(frozen=True)
class Token:
    """A token and its line, counted from 1."""

    kind: Kind
    text: str
    line: int


_PATTERN: Final = re.compile(
    r"""
    (?P<skip>[ \t\f\v\r\n]+ | //[^\r\n]* | /\*.*?\*/ | '[sS]?[bodhBODH][ \t]*[\da-fA-FxXzZ_?]+ | \d[\w.]*)
  | (?P<raw>"{3})
  | (?P<string>"(?:[^"\\\r\n]|\\.)*")
  | (?P<word>[A-Za-z_][\w$]* | \\[^\s]+)
  | (?P<system>\$[A-Za-z_][\w$]*)
  | (?P<directive>`[A-Za-z_][\w$]*)
  | (?P<other>/\* | .)
    """,
    re.VERBOSE | re.DOTALL,
)


_remembered = lru_cache(maxsize=1024)  # the instances of a unit share most of their texts


@_remembered
def tokens(text: str) -> tuple[Token, ...]:
    """The tokens of ``text``, in order. An unterminated comment or string gives an ``OTHER`` token of its opening."""
    return tuple(_scan(text))


def _scan(text: str) -> Iterator[Token]:
    line = 1
    for found in _PATTERN.finditer(text):
        kind = str(found.lastgroup)
        if kind != "skip":
            spelling = found[0][1:-1] if kind == "string" else found[0]
            yield Token(Kind.OTHER if kind == "raw" else Kind(kind), spelling, line)
        line += found[0].count("\n")


def words(text: str) -> frozenset[str]:
    """The words of ``text``, a table written as running text."""
    return frozenset(text.split())


_OPENING: Final = {"module", "macromodule"}
_KEYWORDS: Final = words(
    """always and assign automatic begin buf case casex casez deassign default defparam disable edge else end endcase
    endfunction endgenerate endmodule endtask for force forever function generate genvar if initial inout input integer
    localparam logic macromodule module nand negedge nor not or output parameter posedge real realtime reg release
    repeat signed specify specparam supply0 supply1 task time tri unsigned wait wand while wire wor xnor xor bit byte
    int shortint longint typedef enum struct packed import export package endpackage return unique priority
    always_comb always_ff always_latch"""
)


def _with_headers(text: str) -> Iterator[tuple[Token, bool]]:
    """The tokens of ``text``, each with whether it is the name in a module's definition."""
    opened = False
    for token in tokens(text):
        lifetime = token.text in ("automatic", "static")
        yield token, opened and token.kind is Kind.WORD and not lifetime
        opened = token.kind is Kind.WORD and (token.text in _OPENING or (opened and lifetime))


@_remembered
def defined_modules(text: str) -> tuple[str, ...]:
    """Names of the modules that ``text`` defines, in order."""
    return tuple(token.text for token, is_name in _with_headers(text) if is_name)


@_remembered
def instantiated_modules(text: str) -> tuple[str, ...]:
    """Names that ``text`` may use as modules, in order: ``name instance (`` or ``name #(``, keywords left out.

    May name more than modules (types, for instance), never fewer. A module that uses itself does not count.
    """
    found: dict[str, None] = {}
    module = ""
    before: Token | None = None
    for token, is_name in _with_headers(text):
        module = token.text if is_name else module
        follows = token.text == "#" or (token.kind is Kind.WORD and token.text not in _KEYWORDS)
        if before is not None and before.text not in _KEYWORDS | {module} and follows:
            found.setdefault(before.text)
        before = token if token.kind is Kind.WORD else None
    return tuple(found)


@_remembered
def includes(text: str) -> tuple[tuple[str, int], ...]:
    """What ``text`` includes, with lines: the name between the quotes, or ``""`` if it is computed by a macro."""
    found: list[tuple[str, int]] = []
    pending: Token | None = None
    for token in tokens(text):
        if pending is not None:
            found.append((token.text if token.kind is Kind.STRING else "", pending.line))
        pending = token if token.kind is Kind.DIRECTIVE and token.text == "`include" else None
    return tuple(found)
