"""A module as a program for the host: layers whose functions agree are one function, and ``@asnet.run`` calls them.

Functions agree if their text does once the site metadata and their own names are out of it, and they call the same
functions. What still tells them apart is the slot symbols they call, themselves or through others; where a symbol is a
row of a table (:class:`Row`), the function takes the row's number as one more argument, and ``@asnet.run`` passes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import llvmlite

from asnet.cache import Cache, digest
from asnet.ir.attributes import function_attributes
from asnet.ir.module import SITE_METADATA, Call, MemoryKind, Module
from asnet.ir.stage_text import stage_text
from asnet.ir.stages import Stages
from asnet.ir.verify import parse

__all__ = ["RUN_FUNCTION", "Program", "Row", "constant_order"]

RUN_FUNCTION = "asnet.run"

_LAYERS = "layers.ll"
_RUN = "run.ll"

_NAME = r'(@"[^"]*"|@[-$.\w]+)'
_DEFINED = re.compile(rf"define [^@\n]*{_NAME}\(")
_DECLARED = re.compile(rf"declare [^@\n]*{_NAME}\(")
_CALLED = re.compile(rf"\bcall ([^@\n]*){_NAME}\((.*)\)")
_SITE = re.compile(rf", !{re.escape(SITE_METADATA)} !\d+")
_COMMENT = re.compile(r" *;[^\n\"]*$", re.MULTILINE)
_NODE = re.compile(r"!\d+\b")
_ESCAPED = re.compile(rb"\\(\\|[0-9A-Fa-f]{2})")


@dataclass(frozen=True)
class Row:
    """What a slot symbol stands for: the ``function`` of the binder's text that takes the number ``row`` (i64) last."""

    function: str
    row: int


@dataclass(frozen=True)
class _Target:
    """A function of the module in the program: its reference, the slot symbols whose rows are its last arguments."""

    reference: str
    symbols: tuple[str, ...] = ()


@dataclass
class _Parts:
    """A module's text taken apart: definitions and declarations by name, metadata nodes by reference, other lines."""

    definitions: dict[str, str] = field(default_factory=dict[str, str])
    declarations: dict[str, str] = field(default_factory=dict[str, str])
    nodes: dict[str, str] = field(default_factory=dict[str, str])
    rest: list[str] = field(default_factory=list[str])


def constant_order(module: Module) -> list[str]:
    """The names of the constants in the order of ``@asnet.run``'s table of their addresses."""
    return [name for name, memory in module.memories.items() if memory.kind is MemoryKind.CONSTANT]


@dataclass(frozen=True)
class Program:
    """The text of a module's program, in two parts that are compiled apart: memories may move without the layers.

    ``layers`` defines the module's functions, each once. ``run`` defines
    ``void @asnet.run(ptr input, ptr output, ptr activation, ptr constants, i64 images, i64 first, i64 end)``: calls
    number ``first`` to ``end`` - 1 of the module's calls for each image. Image ``i`` has its input, output and
    activation blobs ``i`` strides (:meth:`~asnet.ir.module.Module.blob_size`; none for activations that are reused)
    behind the pointers.
    ``constants`` is a table of addresses in the order of :func:`constant_order`. With stages, ``run`` defines a
    function for each of them instead (:func:`asnet.ir.stage_text.stage_function`).
    """

    layers: str
    run: str

    @classmethod
    def of(cls, module: Module, rows: Mapping[str, Row], stages: Stages | None = None) -> Program:
        """The program of ``module``, whose slot symbols in ``rows`` are rows of tables; run as a whole, or in stages.

        Raises:
            PassError: the module is invalid.
        """
        parts = _take_apart(_COMMENT.sub("", str(parse(module.text))))  # as LLVM prints it, whoever wrote it
        sharing = _Sharing(parts, rows)
        targets = {name: sharing.target(name) for name in (*parts.definitions, *parts.declarations)}
        declared = [text for name, text in parts.declarations.items() if name not in rows]
        code = "\n".join([*parts.rest, *declared, *sharing.declared.values(), *sharing.emitted])
        layers = "\n".join([code, *_reachable(code, parts.nodes)]) + "\n"
        run = _run(module, targets, rows) if stages is None else _staged(module, stages, targets, rows)
        return cls(layers, run + "\n")

    @classmethod
    def cached(cls, module: Module, rows: Mapping[str, Row], cache: Cache, stages: Stages | None = None) -> Program:
        """:meth:`of`, from the cache if it is there: LLVM need not read the module again.

        Raises:
            PassError: the module is invalid.
        """
        facts = (module.mode, module.reused, module.calls, *module.memories.values(), *sorted(rows.items()), stages)
        key = digest(["program-2", llvmlite.__version__, module.text, *map(repr, facts)])

        def build(folder: Path) -> None:
            program = cls.of(module, rows, stages)
            (folder / _LAYERS).write_text(program.layers, encoding="utf-8")
            (folder / _RUN).write_text(program.run, encoding="utf-8")

        folder = cache.get("programs", key, build)
        return cls(*((folder / name).read_text(encoding="utf-8") for name in (_LAYERS, _RUN)))


class _Sharing:
    """The functions that are left: ``emitted`` definitions, and what is ``declared`` for them, by name."""

    def __init__(self, parts: _Parts, rows: Mapping[str, Row]) -> None:
        self.emitted: list[str] = []
        self.declared: dict[str, str] = {}
        self._parts = parts
        self._rows = rows
        self._known: dict[str, str] = {}
        self._targets = {
            name: _Target(_match(_DECLARED, text)[1]) for name, text in parts.declarations.items() if name not in rows
        }

    def target(self, name: str) -> _Target:
        """What the module's function ``name`` is in the program."""
        if name not in self._targets:
            if name in self._rows:
                self._targets[name] = _Target(f'@"{self._rows[name].function}"', (name,))
            else:
                body, symbols = self._generalise(self._parts.definitions[name])
                reference = _head(body)[0]
                key = body.replace(reference, "@", 1)
                if key not in self._known:
                    self._known[key] = reference
                    self.emitted.append(body)
                self._targets[name] = _Target(self._known[key], symbols)
        return self._targets[name]

    def _generalise(self, text: str) -> tuple[str, tuple[str, ...]]:
        """A definition that takes the rows of slot symbols as arguments, and these symbols."""
        places: dict[str, int] = {}

        def call(found: re.Match[str]) -> str:
            kind, reference, operands = found.groups()
            name = _name(reference)
            target = self.target(name)
            if name in self._rows:
                declaration = self._parts.declarations[name].replace(reference, target.reference, 1)
                self.declared[target.reference] = declaration.replace(")", ", i64)", 1)
            numbers = [places.setdefault(symbol, len(places)) for symbol in target.symbols]
            arguments = ", ".join([*([operands] if operands else []), *(f'i64 %"row.{place}"' for place in numbers)])
            return f"call {kind}{target.reference}({arguments})"

        text = _CALLED.sub(call, _SITE.sub("", text))
        _, end, empty = _head(text)
        extra = ", ".join(f'i64 %"row.{place}"' for place in range(len(places)))
        return text[:end] + (", " if extra and not empty else "") + extra + text[end:], tuple(places)


def _take_apart(text: str) -> _Parts:
    parts = _Parts()
    lines = iter(text.split("\n"))
    for line in lines:
        if line.startswith("define "):
            body = [line]
            while body[-1] != "}":
                body.append(next(lines))
            parts.definitions[_name(_match(_DEFINED, line)[1])] = "\n".join(body)
        elif line.startswith("declare "):
            parts.declarations[_name(_match(_DECLARED, line)[1])] = line
        elif _NODE.match(line):
            parts.nodes[line.split(" ", 1)[0]] = line
        elif line:
            parts.rest.append(line)
    return parts


def _head(text: str) -> tuple[str, int, bool]:
    """Of a definition: the reference to its name, where its arguments end, whether it has none."""
    found = _match(_DEFINED, text)
    depth, quoted = 1, False
    for place in range(found.end(), len(text)):
        character = text[place]
        if character == '"':
            quoted = not quoted
        elif not quoted:
            depth += (character == "(") - (character == ")")
            if depth == 0:
                return found[1], place, place == found.end()
    raise AssertionError(f"unbalanced: {text[:200]}")


def _declarations(module: Module, targets: Mapping[str, _Target]) -> list[str]:
    """Declarations of the functions that the module calls."""
    signatures = {
        (target := targets[call.function]).reference: ["ptr"] * len(call.arguments) + ["i64"] * len(target.symbols)
        for call in module.calls
    }
    return [f"declare void {reference}({', '.join(types)})" for reference, types in signatures.items()]


def _invoked(target: _Target, pointers: Sequence[str], rows: Mapping[str, Row]) -> str:
    """The call of a layer's function."""
    arguments = [f"ptr {pointer}" for pointer in pointers] + [f"i64 {rows[symbol].row}" for symbol in target.symbols]
    return f"call void {target.reference}({', '.join(arguments)}) noinline"


def _staged(module: Module, stages: Stages, targets: Mapping[str, _Target], rows: Mapping[str, Row]) -> str:
    """The text of the functions of the stages."""
    constants = {name: number for number, name in enumerate(constant_order(module))}

    def invoke(call: Call, pointers: Sequence[str]) -> str:
        return _invoked(targets[call.function], pointers, rows)

    return stage_text(module, stages, _declarations(module, targets), constants, invoke)


def _run(module: Module, targets: Mapping[str, _Target], rows: Mapping[str, Row]) -> str:
    """The text of ``@asnet.run``."""
    blobs = [kind for kind in MemoryKind if kind is not MemoryKind.CONSTANT]
    constants = {name: number for number, name in enumerate(constant_order(module))}
    pointers = ", ".join(f"ptr %{kind}" for kind in MemoryKind)
    attributes = function_attributes(module.mode)
    lines = [
        *_declarations(module, targets),
        f"define void @{RUN_FUNCTION}({pointers}, i64 %images, i64 %first, i64 %end) {' '.join(sorted(attributes))} {{",
        "entry:",
        "  %some = icmp sgt i64 %images, 0",
        "  br i1 %some, label %image, label %done",
        "image:",
        "  %index = phi i64 [ 0, %entry ], [ %successor, %over ]",
    ]
    for kind in blobs:
        stride = 0 if module.reused and kind is MemoryKind.ACTIVATION else module.blob_size(kind)
        lines.append(f"  %{kind}.distance = mul i64 %index, {stride}")
        lines.append(f"  %{kind}.base = getelementptr inbounds i8, ptr %{kind}, i64 %{kind}.distance")
    starts = " ".join(f"i64 {number}, label %call.{number}" for number in range(len(module.calls)))
    lines.append(f"  switch i64 %first, label %over [ {starts} ]")
    for number, call in enumerate(module.calls):
        lines.append(f"call.{number}:")
        arguments: list[str] = []
        for position, name in enumerate(call.arguments):
            memory, place = module.memories[name], f"%place.{number}.{position}"
            if memory.kind is MemoryKind.CONSTANT:
                lines.append(f"  {place}.entry = getelementptr inbounds ptr, ptr %constant, i64 {constants[name]}")
                lines.append(f"  {place} = load ptr, ptr {place}.entry")
            else:
                lines.append(f"  {place} = getelementptr inbounds i8, ptr %{memory.kind}.base, i64 {memory.offset}")
            arguments.append(place)
        lines.append(f"  {_invoked(targets[call.function], arguments, rows)}")
        following = f"call.{number + 1}" if number + 1 < len(module.calls) else "over"
        lines.append(f"  %ends.{number} = icmp eq i64 %end, {number + 1}")
        lines.append(f"  br i1 %ends.{number}, label %over, label %{following}")
    lines += [
        "over:",
        "  %successor = add nuw nsw i64 %index, 1",
        "  %again = icmp slt i64 %successor, %images",
        "  br i1 %again, label %image, label %done",
        "done:",
        "  ret void",
        "}",
    ]
    return "\n".join(lines)


def _reachable(text: str, nodes: Mapping[str, str]) -> Iterator[str]:
    """The metadata nodes that ``text`` refers to, directly or through others."""
    wanted = [name for name in dict.fromkeys(_NODE.findall(text)) if name in nodes]
    seen = set(wanted)
    while wanted:
        node = nodes[wanted.pop(0)]
        yield node
        for name in _NODE.findall(node):
            if name in nodes and name not in seen:
                seen.add(name)
                wanted.append(name)


def _match(pattern: re.Pattern[str], line: str) -> re.Match[str]:
    found = pattern.match(line)
    assert found is not None, line[:200]
    return found


def _name(reference: str) -> str:
    """The name behind a reference ``@name`` or ``@"name"``, its escapes resolved."""
    raw = reference[1:].strip('"').encode()
    return _ESCAPED.sub(lambda found: b"\\" if found[1] == b"\\" else bytes.fromhex(found[1].decode()), raw).decode()
