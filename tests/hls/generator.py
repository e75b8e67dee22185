"""Random kernels: loop nests, diamonds, phis, selects, loads and stores with dependences, floats and integers.

Every choice comes from one ``random.Random``, so that hypothesis can drive and shrink it.
"""

from __future__ import annotations

from random import Random

from asnet.ir import MemoryKind
from tests.hls.kernels import Argument, Program
from tests.hls.programs import ORDERS, PREDICATES

MEMORIES = (
    Argument("xf", MemoryKind.INPUT, "float", 16),
    Argument("xi", MemoryKind.INPUT, "i32", 8),
    Argument("xb", MemoryKind.INPUT, "i8", 8),
    Argument("sf", MemoryKind.ACTIVATION, "float", 16),
    Argument("si", MemoryKind.ACTIVATION, "i32", 8),
    Argument("zf", MemoryKind.OUTPUT, "float", 8),
    Argument("zi", MemoryKind.OUTPUT, "i32", 8),
    Argument("zb", MemoryKind.OUTPUT, "i8", 8),
)
CONSTANTS = {
    "float": ("0.0", "-0.0", "1.0", "-1.0", "0.5", "3.0", "1.0e+10", "0x7FF0000000000000"),
    "i8": ("0", "1", "-1", "7", "127", "-128"),
    "i32": ("0", "1", "-1", "2", "31", "255", "-256", "2147483647", "-2147483648"),
    "i64": ("0", "1", "-1", "3", "12", "4294967296"),
    "i1": ("true", "false"),
}
WIDTHS = {"i1": 1, "i8": 8, "i32": 32, "i64": 64}
INTEGERS = ("i8", "i32", "i64")


class Generator:
    """Writes one kernel. ``values``: type → names in scope."""

    def __init__(self, random: Random, size: int) -> None:
        self._random = random
        self._left = size
        self._lines: list[str] = []
        self._number = 0
        self._block = "entry"
        self._values: dict[str, list[str]] = {kind: [] for kind in CONSTANTS}

    def program(self, name: str) -> Program:
        for memory in MEMORIES:  # what is not an input starts with known words
            if memory.kind is not MemoryKind.INPUT:
                self._fill(memory)
        for memory, kind in (("xf", "float"), ("xi", "i32"), ("xb", "i8")) * 2:
            index = self._random.randrange(8)
            pointer = f"%{self._fresh()}"
            self._add(f"{pointer} = getelementptr {kind}, ptr %{memory}, i64 {index}")
            self._emit(kind, f"load {kind}, ptr {pointer}")
        self._emit("i64", f"sext i32 {self._values['i32'][-1]} to i64")
        self._body_with_loops(depth=0)
        for kind, memory in (("float", "zf"), ("i32", "zi"), ("i8", "zb")):
            self._store(kind, memory)
        self._add("ret void")
        return Program(name, MEMORIES, "\n".join(self._lines))

    def _add(self, line: str) -> None:
        self._lines.append(f"  {line}")

    def _label(self, label: str) -> None:
        self._lines.append(f"{label}:")
        self._block = label

    def _fresh(self) -> str:
        self._number += 1
        return f"v{self._number}"

    def _pick(self, *items: str) -> str:
        return items[self._random.randrange(len(items))]

    def _value(self, kind: str) -> str:
        known = self._values[kind]
        if known and self._random.randrange(5):
            return known[-1 - min(self._random.randrange(len(known)), self._random.randrange(len(known)))]
        return self._pick(*CONSTANTS[kind])

    def _emit(self, kind: str, text: str) -> str:
        name = f"%{self._fresh()}"
        self._add(f"{name} = {text}")
        self._values[kind].append(name)
        return name

    def _fill(self, memory: Argument) -> None:
        loop, before = f"fill.{memory.name}", self._block
        self._add(f"br label %{loop}")
        self._label(loop)
        index, following, again = (f"%{self._fresh()}" for _ in range(3))
        self._add(f"{index} = phi i64 [ 0, %{before} ], [ {following}, %{loop} ]")
        value = "0.0" if memory.element == "float" else "0"
        pointer = f"%{self._fresh()}"
        self._add(f"{pointer} = getelementptr {memory.element}, ptr %{memory.name}, i64 {index}")
        self._add(f"store {memory.element} {value}, ptr {pointer}")
        self._add(f"{following} = add nuw nsw i64 {index}, 1")
        self._add(f"{again} = icmp ult i64 {following}, {memory.size}")
        self._add(f"br i1 {again}, label %{loop}, label %{loop}.end")
        self._label(f"{loop}.end")

    def _address(self, memory: str) -> tuple[str, str]:
        """Type and pointer of a word of ``memory``; the index is masked into it."""
        argument = next(m for m in MEMORIES if m.name == memory)
        masked = f"%{self._fresh()}"
        self._add(f"{masked} = and i64 {self._value('i64')}, {argument.size - 1}")
        pointer = f"%{self._fresh()}"
        self._add(f"{pointer} = getelementptr {argument.element}, ptr %{memory}, i64 {masked}")
        return argument.element, pointer

    def _load(self) -> None:
        kind, pointer = self._address(self._pick("xf", "xf", "xi", "xb", "sf", "si", "zf", "zi"))
        self._emit(kind, f"load {kind}, ptr {pointer}")

    def _store(self, kind: str, memory: str) -> None:
        _, pointer = self._address(memory)
        self._add(f"store {kind} {self._value(kind)}, ptr {pointer}")

    def _float(self) -> None:
        op = self._pick("fadd", "fadd", "fsub", "fmul", "fmul", "fdiv", "fneg", "select", "sitofp", "uitofp", "bits")
        if op == "fneg":
            self._emit("float", f"fneg float {self._value('float')}")
        elif op == "select":
            a, b = self._value("float"), self._value("float")
            self._emit("float", f"select i1 {self._value('i1')}, float {a}, float {b}")
        elif op in ("sitofp", "uitofp"):
            kind = self._pick("i8", "i32")
            self._emit("float", f"{op} {kind} {self._value(kind)} to float")
        elif op == "bits":
            self._emit("float", f"bitcast i32 {self._value('i32')} to float")
        else:
            self._emit("float", f"{op} float {self._value('float')}, {self._value('float')}")

    def _from_float(self) -> None:
        """A float as an integer, with the NaNs (any bits) and what is out of range replaced first."""
        x = self._value("float")
        inside, value = f"%{self._fresh()}", f"%{self._fresh()}"
        low, both = f"%{self._fresh()}", f"%{self._fresh()}"
        how = self._pick("bitcast", "fptosi", "fptoui")
        bottom = "0.0" if how == "fptoui" else "-2.0e+09"
        self._add(f"{inside} = fcmp ole float {x}, 2.0e+09")
        self._add(f"{low} = fcmp oge float {x}, {bottom}")
        self._add(f"{both} = and i1 {inside}, {low}")
        self._add(f"{value} = select i1 {both}, float {x}, float 5.0")
        self._emit("i32", f"{how} float {value} to i32")

    def _integer(self) -> None:
        kind = self._pick(*INTEGERS)
        op = self._pick("add", "sub", "mul", "and", "or", "xor", "shl", "lshr", "ashr", "select", "cast", "vshift")
        a, b = self._value(kind), self._value(kind)
        if op in ("shl", "lshr", "ashr"):
            self._emit(kind, f"{op} {kind} {a}, {self._random.randrange(WIDTHS[kind])}")
        elif op == "vshift":
            amount = f"%{self._fresh()}"
            self._add(f"{amount} = and {kind} {b}, {WIDTHS[kind] - 1}")
            self._emit(kind, f"{self._pick('shl', 'lshr', 'ashr')} {kind} {a}, {amount}")
        elif op == "select":
            self._emit(kind, f"select i1 {self._value('i1')}, {kind} {a}, {kind} {b}")
        elif op == "cast":
            self._cast(kind)
        else:
            self._emit(kind, f"{op} {kind} {a}, {b}")

    def _cast(self, kind: str) -> None:
        source = self._pick(*(other for other in WIDTHS if other != kind))
        wider = WIDTHS[kind] > WIDTHS[source]
        op = self._pick("zext", "sext") if wider else "trunc"
        self._emit(kind, f"{op} {source} {self._value(source)} to {kind}")

    def _condition(self) -> None:
        op = self._pick("fcmp", "icmp", "icmp", "logic")
        if op == "fcmp":
            self._emit("i1", f"fcmp {self._pick(*PREDICATES)} float {self._value('float')}, {self._value('float')}")
        elif op == "icmp":
            kind = self._pick(*INTEGERS)
            self._emit("i1", f"icmp {self._pick(*ORDERS)} {kind} {self._value(kind)}, {self._value(kind)}")
        else:
            self._emit("i1", f"{self._pick('and', 'or', 'xor')} i1 {self._value('i1')}, {self._value('i1')}")

    def _body(self, depth: int) -> None:
        """A few operations, loops and diamonds."""
        for _ in range(1 + self._random.randrange(8)):
            if self._left <= 0:
                return
            self._left -= 1
            choice = self._random.randrange(16)
            if choice == 0 and depth < 3:
                self._loop(depth)
            elif choice == 1 and depth < 4:
                self._diamond(depth)
            elif choice <= 4:
                self._load()
            elif choice <= 6:
                kind, memory = (("float", "sf"), ("i32", "si"), ("float", "zf"), ("i32", "zi"), ("i8", "zb"))[
                    self._random.randrange(5)
                ]
                self._store(kind, memory)
            elif choice <= 9:
                self._float()
            elif choice <= 12:
                self._integer()
            elif choice == 13:
                self._from_float()
            else:
                self._condition()

    def _body_with_loops(self, depth: int) -> None:
        """A few operations, and up to two loops with something behind each."""
        self._body(depth)
        for _ in range(self._random.randrange(3) if depth < 3 else 0):
            self._loop(depth)
            self._body(depth)

    def _scope(self) -> dict[str, list[str]]:
        return {kind: list(names) for kind, names in self._values.items()}

    def _loop(self, depth: int) -> None:
        """A counted loop, often around others. Its values dominate what follows, since its body runs at least once."""
        trips = 2 + self._random.randrange(4)
        loop, before = self._fresh(), self._block
        kinds = ["float", "i32", *(self._pick("float", *INTEGERS) for _ in range(self._random.randrange(3)))]
        carried = [(kind, f"%{self._fresh()}", self._value(kind)) for kind in kinds]
        counter, following = f"%{self._fresh()}", f"%{self._fresh()}"
        self._add(f"br label %{loop}")
        self._label(loop)
        place = len(self._lines)
        self._values["i64"].append(counter)
        for kind, name, _ in carried:
            self._values[kind].append(name)
        self._body_with_loops(depth + 1)
        again = f"%{self._fresh()}"
        self._add(f"{following} = add nuw nsw i64 {counter}, 1")
        self._add(f"{again} = icmp ult i64 {following}, {trips}")
        results = [self._following(kind, [other for like, other, _ in carried if like == kind]) for kind in kinds]
        self._add(f"br i1 {again}, label %{loop}, label %{loop}.end")
        latch = self._block
        phis = [f"  {counter} = phi i64 [ 0, %{before} ], [ {following}, %{latch} ]"]
        for (kind, name, start), result in zip(carried, results, strict=True):
            phis.append(f"  {name} = phi {kind} [ {start}, %{before} ], [ {result}, %{latch} ]")
        self._lines[place:place] = phis
        self._label(f"{loop}.end")

    def _following(self, kind: str, carried: list[str]) -> str:
        """What a carried value is in the next iteration: anything that is known, or one of ``carried``."""
        return self._pick(*carried) if self._random.randrange(4) == 3 else self._value(kind)

    def _diamond(self, depth: int) -> None:
        self._condition()
        condition = self._values["i1"][-1]
        name = self._fresh()
        self._add(f"br i1 {condition}, label %{name}.a, label %{name}.b")
        ends: list[tuple[str, list[str]]] = []
        for side in "ab":
            self._label(f"{name}.{side}")
            scope = self._scope()
            self._body(depth + 1)
            ends.append((self._block, [self._value("float"), self._value("i32")]))
            self._values = scope
            self._add(f"br label %{name}.end")
        self._label(f"{name}.end")
        for position, kind in enumerate(("float", "i32")):
            ways = ", ".join(f"[ {values[position]}, %{block} ]" for block, values in ends)
            self._emit(kind, f"phi {kind} {ways}")


def random_program(random: Random, name: str, size: int = 40) -> Program:
    """A kernel of about ``size`` operations."""
    return Generator(random, size).program(name)
