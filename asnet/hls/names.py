"""Verilog identifiers from the names of networks and LLVM IR: readable, legal, unique."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["Names", "comment", "identifier", "vector"]

_KEYWORDS = """
always and assign automatic begin bit break buf bufif0 bufif1 byte case casex casez cell class cmos const continue
cover deassign default defparam design disable do edge else end endcase endclass endfunction endgenerate endmodule
endpackage endprimitive endspecify endtable endtask enum event expect export extends extern final for force forever
fork function generate genvar global highz0 highz1 if import initial inout input int integer interface join large
let local localparam logic longint macromodule matches medium module nand negedge new nmos nor not null or output
package packed parameter pmos posedge primitive priority program property protected pull0 pull1 pullup pulldown pure
rand ref reg release repeat restrict return rtran scalared sequence shortint shortreal signed small specify static
string strong0 strong1 struct super supply0 supply1 table tagged task this time timeprecision timeunit tran tri tri0
tri1 triand trior trireg type typedef union unique unsigned use var vectored virtual void wait wand weak0 weak1
while wire with within wor xnor xor
"""
_RESERVED = frozenset(_KEYWORDS.split())


def identifier(text: str) -> str:
    """``text`` as a legal Verilog identifier; what is not a letter, digit or underscore becomes an underscore."""
    word = re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_") or "v"
    if word[0].isdigit():
        word = f"v{word}"
    return f"{word}_" if word.lower() in _RESERVED else word


def vector(width: int) -> str:
    """The range of a declaration of ``width`` bits, with a space behind it; empty for one bit."""
    return f"[{width - 1}:0] " if width > 1 else ""


def comment(text: str) -> str:
    """``text`` on one line, fit for a comment."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


class Names:
    """Hands out identifiers that differ from each other, case ignored (file systems and some tools do)."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        """``taken``: identifiers that are in use already."""
        self._taken = {word.lower() for word in taken}

    def fresh(self, text: str, suffixes: Sequence[str] = ("",)) -> str:
        """An identifier like ``text`` such that with none of ``suffixes`` it was handed out before."""
        base = identifier(text)
        word, number = base, 1
        while not self._taken.isdisjoint(new := {f"{word}{suffix}".lower() for suffix in suffixes}):
            number += 1
            word = f"{base}_{number}"
        self._taken |= new
        return word
