"""The text of LLVM IR: functions, names, types."""

from __future__ import annotations

import re

__all__ = ["NAME", "TYPE", "VALUE", "plain", "split_functions", "width_of"]

NAME = r'(?:"[^"]*"|[-\w$.]+)'
VALUE = rf"(%{NAME}|true|false|poison|undef|[-+]?[\w.][-+\w.]*)"
TYPE = r"(float|i\d+)"

_DEFINE = re.compile(rf"^define\s[^@]*@({NAME})\((.*)\)")
_ESCAPE = re.compile(rb"\\(\\|[0-9A-Fa-f]{2})")


def split_functions(text: str) -> dict[str, tuple[str, list[str]]]:
    """Function → argument list, lines of its body."""
    functions: dict[str, tuple[str, list[str]]] = {}
    body: list[str] | None = None
    for line in text.splitlines():
        found = _DEFINE.match(line)
        if found is not None:
            body = []
            functions[plain(found[1])] = (found[2], body)
        elif line.startswith("}"):
            body = None
        elif body is not None and line.strip():
            body.append(line.strip())
    return functions


def plain(name: str) -> str:
    """An LLVM name without sigil, quotes and escapes."""
    bare = name.lstrip("%@")
    if not bare.startswith('"'):
        return bare
    return _ESCAPE.sub(
        lambda found: b"\\" if found[1] == b"\\" else bytes([int(found[1], 16)]), bare[1:-1].encode()
    ).decode(errors="replace")


def width_of(type_name: str) -> int:
    """Bits of a value."""
    return 32 if type_name == "float" else int(type_name[1:])
