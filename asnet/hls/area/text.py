"""What a Verilog module of ours is made of, counted in its text: registers, choices, sums, comparisons, instances.

This reads the Verilog that ASNet's templates write, not Verilog in general: one module a file, plain widths, ranges of
parameters and numbers.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

__all__ = ["Counts", "Instance", "ModuleText", "read_module"]

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/|\(\*.*?\*\)", re.DOTALL)
_CONDITIONAL = re.compile(r"^`ifdef\b.*?^`endif$|^`ifndef\b.*?^`endif$", re.MULTILINE | re.DOTALL)
_MODULE = re.compile(r"\bmodule\s+(\w+)\s*(.*)\bendmodule", re.DOTALL)
_PARAMETER = re.compile(r"\b(?:parameter|localparam)\s+(?:\[[^\]]*\]\s*)?(\w+)\s*=\s*([^,;\n)]+)")
_DECLARED = re.compile(
    r"\b(?:input|output|wire|reg)\b(?:\s+(?:reg|wire|signed)\b)*\s*(\[[^\]]*\])?\s*(\w+)(?=\s*[,;=\n)])"
)
_ARRAY = re.compile(r"\breg\s*(\[[^\]]*\])\s*\w+\s*(\[[^\]]*\])\s*;")
_CONTINUOUS = re.compile(r"\b(?:wire\s*(?:\[[^\]]*\])?|assign)\s*(\w+)\s*(?:\[[^\]]*\])?\s*=\s*([^;]+);")
_ASSIGNMENT = re.compile(r"(?<![\w.])(\w+)\s*(\[[^\]]*\])?\s*(<?=)(?!=)\s*([^;=][^;]*);")
_LITERAL = re.compile(r"(\d+)?'[sS]?([bdhBDH])([0-9a-fA-F_]+)")
_WORD = re.compile(r"[A-Za-z_]\w*")
_KEYWORDS = frozenset(("if", "else", "begin", "end", "case", "endcase", "default", "always", "posedge", "generate"))


@dataclass(frozen=True)
class Counts:
    """Bits of each kind. ``choices``: of ``?:``; ``arms``: of assignments to a signal beyond its first."""

    registers: float = 0
    choices: float = 0
    arms: float = 0
    sums: float = 0
    equals: float = 0
    orders: float = 0
    logic: float = 0
    products: float = 0

    def __add__(self, other: Counts) -> Counts:
        """Both together."""
        return Counts(*(getattr(self, part.name) + getattr(other, part.name) for part in fields(Counts)))


@dataclass(frozen=True)
class Instance:
    """A module inside another one: parameters that are numbers, all others as text."""

    module: str
    parameters: Mapping[str, int]
    texts: Mapping[str, str]


@dataclass(frozen=True)
class ModuleText:
    """One module with its parameters' values. ``memories``: (bits, words) of its arrays."""

    name: str
    counts: Counts
    instances: tuple[Instance, ...]
    memories: tuple[tuple[int, int], ...] = ()


def read_module(text: str, known: frozenset[str], given: Mapping[str, int]) -> ModuleText:
    """Count what is in the module of ``text``. ``known``: names of modules; ``given``: its parameters."""
    return _read(text, known, tuple(sorted(given.items())))


@lru_cache(maxsize=1024)
def _read(text: str, known: frozenset[str], given: tuple[tuple[str, int], ...]) -> ModuleText:
    found = _MODULE.search(_CONDITIONAL.sub("", _COMMENT.sub("", text)))
    if found is None:
        return ModuleText("", Counts(), ())
    name, body = found.groups()
    values: dict[str, int] = {}
    chosen = dict(given)
    for word, value in _PARAMETER.findall(body):
        number = _number(value, values) if word not in chosen else chosen[word]
        if number is not None:
            values[word] = number
    body, instances = _instances(body, known, values)
    memories = tuple((_width(bits, values), _width(words, values)) for bits, words in _ARRAY.findall(body))
    body = _ARRAY.sub("", body)
    widths = {word: _width(span, values) for span, word in _DECLARED.findall(body)}
    return ModuleText(name, _Counter(widths, values).run(body), tuple(instances), memories)


def _number(text: str, values: Mapping[str, int]) -> int | None:
    """The value of an expression of numbers and parameters; None if it is another one."""
    plain = _LITERAL.sub(
        lambda match: str(int(match[3].replace("_", ""), {"b": 2, "d": 10, "h": 16}[match[2].lower()])), text
    )
    plain = _WORD.sub(lambda match: str(values.get(match[0], "?")), plain).strip()
    if not re.fullmatch(r"[\d+\-*/<() ]+", plain):
        return None
    try:
        return _value(ast.parse(plain, mode="eval").body)
    except (SyntaxError, ValueError):
        return None


def _value(node: ast.expr) -> int:
    match node:
        case ast.Constant(value=int() as number):
            return number
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _value(left) + _value(right)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return _value(left) - _value(right)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _value(left) * _value(right)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return _value(left) // max(1, _value(right))
        case ast.BinOp(left=left, op=ast.LShift(), right=right):
            return _value(left) << min(32, _value(right))
        case _:
            raise ValueError


def _width(span: str, values: Mapping[str, int]) -> int:
    if not span:
        return 1
    high, _, low = span[1:-1].partition(":")
    first, last = _number(high, values), _number(low or "0", values)
    return 1 if first is None or last is None else abs(first - last) + 1


def _instances(body: str, known: frozenset[str], values: Mapping[str, int]) -> tuple[str, list[Instance]]:
    """The body without its instances, and these."""
    made: list[Instance] = []
    rest: list[str] = []
    at = 0
    for match in re.finditer(r"\b(\w+)\s*(#\s*\(|\w+\s*\()", body):
        if match[1] not in known or match.start() < at:
            continue
        end = match.end()
        inside = ""
        if match[2].startswith("#"):
            stop = _close(body, end)
            inside, end = body[end : stop - 1], body.index("(", stop) + 1
        rest.append(body[at : match.start()])
        at = _close(body, end) + 1
        pairs = {key: value.strip() for key, value in re.findall(r"\.(\w+)\(((?:[^()]|\([^()]*\))*)\)", inside)}
        numbers = {key: number for key, value in pairs.items() if (number := _number(value, values)) is not None}
        made.append(Instance(match[1], numbers, pairs))
    return "".join([*rest, body[at:]]), made


def _close(text: str, start: int) -> int:
    """The place behind the bracket that closes the one before ``start``."""
    depth, at = 1, start
    while depth and at < len(text):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return at


class _Counter:
    def __init__(self, widths: Mapping[str, int], values: Mapping[str, int]) -> None:
        self._widths = widths
        self._values = values

    def run(self, body: str) -> Counts:
        """All statements of ``body``."""
        total = Counts()
        for name, expression in _CONTINUOUS.findall(body):
            if not name.startswith("unused"):
                total += self._expression(expression, self._widths.get(name, 1))
        rest = _CONTINUOUS.sub("", body)
        seen: dict[str, list[str]] = {}
        clocked: set[str] = set()
        for name, _, sign, expression in _ASSIGNMENT.findall(rest):
            if name in _KEYWORDS or name not in self._widths:
                continue
            seen.setdefault(name, []).append(expression)
            if sign == "<=":
                clocked.add(name)
        for name, expressions in seen.items():
            total += self._assigned(name, expressions, clocked=name in clocked)
        for match in re.finditer(r"\bif\s*\(", rest):
            total += self._expression(rest[match.end() : _close(rest, match.end()) - 1], 1)
        return total

    def _assigned(self, name: str, expressions: Sequence[str], *, clocked: bool) -> Counts:
        width = self._widths[name]
        live = [text for text in expressions if self._constant(text) is None] if clocked else list(expressions)
        distinct = list(dict.fromkeys(live))
        total = Counts(registers=width if clocked else 0, arms=width * max(0, len(distinct) - 1))
        for text in distinct:
            total += self._expression(text, width)
        return total

    def _constant(self, text: str) -> int | None:
        return _number(text, self._values)

    def _expression(self, text: str, width: int) -> Counts:
        """The logic of an expression whose value has ``width`` bits."""
        constants = len(re.findall(r"\?\s*[\w']+\s*:\s*[\w']*'", text))
        choices = text.count("?")
        sums = len(re.findall(r"(?<=[\w)\]}] )[+-](?= )", text))
        equals = re.findall(r"(\w+)(?:\[[^\]]*\])?\s*(?:==|!=)\s*([\w']+)", text)
        orders = re.findall(r"(\w+)(?:\[[^\]]*\])?\s*(?:<=|>=|<|>)\s*([\w'$(]+)", text)
        bits = sum(max(self._widths.get(a, 1), self._widths.get(b, 1)) for a, b in equals)
        lanes = 1 if equals or orders or choices else width
        return Counts(
            choices=width * max(0, choices - constants) + min(choices, constants) * min(width, 3),
            sums=width * sums,
            equals=bits,
            orders=sum(max(self._widths.get(a, 1), self._widths.get(b, 1)) for a, b in orders),
            logic=lanes * len(re.findall(r"[&|^]", text)),
            products=width * len(re.findall(r" \* ", text)),
        )
