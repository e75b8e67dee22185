"""The guarantees of `for_hls`, checked on its text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from asnet.ir import Module, for_hls
from asnet.lower import lower
from asnet.network.load import load
from asnet.passes import approximate

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "networks").glob("*.onnx"))

OPCODES = {
    *("fadd", "fsub", "fmul", "fdiv", "fneg", "fcmp", "select", "phi", "br", "ret", "load", "store", "getelementptr"),
    *("add", "sub", "mul", "shl", "lshr", "and", "or", "xor", "icmp", "bitcast", "call"),
}
ADDRESS = re.compile(r"getelementptr (?:inbounds )?(?:nuw )?(?:float|i8), ptr %\S+, i64 \S+$")
FAST_MATH = re.compile(r"\b(fast|nnan|ninf|nsz|arcp|contract|afn|reassoc)\b")


@dataclass
class Block:
    """A basic block of a function's text."""

    name: str
    lines: list[str] = field(default_factory=list)

    @property
    def successors(self) -> list[str]:
        return re.findall(r'label %("[^"]*"|[-\w.$]+)', self.lines[-1])


def functions(text: str) -> dict[str, dict[str, Block]]:
    """Function name → its blocks in order, comments and attributes left out."""
    result: dict[str, dict[str, Block]] = {}
    blocks: dict[str, Block] = {}
    for raw in text.splitlines():
        line = raw.split(" ; preds")[0].rstrip() if not raw.startswith(" ") else raw.strip()
        if line.startswith("define "):
            blocks = {}
            result[re.search(r'@("(?:[^"])*"|[-\w.$]+)\(', line)[1].strip('"')] = blocks
        elif re.fullmatch(r'("[^"]*"|[-\w.$]+):\s*', line):
            name = line.strip().rstrip(":")
            blocks[name] = Block(name)
        elif raw.startswith("  ") and blocks is not None:
            list(blocks.values())[-1].lines.append(line)
    return result


def opcode(line: str) -> str:
    return re.sub(r"^%\S+ = ", "", line).split()[0].replace("tail", "call")


def check_loops(blocks: dict[str, Block]) -> int:
    """Assert that every loop is counted and in simplified form; the number of loops."""
    order = {name: position for position, name in enumerate(blocks)}
    predecessors: dict[str, list[str]] = {name: [] for name in blocks}
    for block in blocks.values():
        for successor in block.successors:
            predecessors[successor].append(block.name)
    loops = 0
    for header, sources in predecessors.items():
        latches = [source for source in sources if order[source] >= order[header]]
        if not latches:
            continue
        loops += 1
        (latch,) = latches
        (preheader,) = (source for source in sources if source != latch)
        assert blocks[preheader].successors == [header]
        body = {header, latch}
        pending = [latch] if latch != header else []
        while pending:
            for source in predecessors[pending.pop()]:
                if source not in body:
                    body.add(source)
                    pending.append(source)
        exits = {(name, s) for name in body for s in blocks[name].successors if s not in body}
        ((exiting, outside),) = exits
        assert exiting == latch
        assert all(source in body for source in predecessors[outside])  # a dedicated exit
        check_count(blocks[header], blocks[latch], preheader)
    return loops


def check_count(header: Block, latch: Block, preheader: str) -> None:
    condition = re.match(r"br i1 (%\S+), label", latch.lines[-1])[1]
    compare = next(line for line in latch.lines if line.startswith(f"{condition} = icmp "))
    predicate, operand, bound = re.search(r"icmp (?:samesign )?(\w+) i64 (%\S+), (\d+)$", compare).groups()
    assert (predicate, int(bound) > 0) in {("ult", True), ("eq", False)}, compare
    counters = [line for line in header.lines if " = phi i64 " in line and f"[ 0, %{preheader} ]" in line]
    for line in counters:
        counter = line.split(" = ")[0]
        successor = re.search(rf"\[ (%\S+), %{re.escape(latch.name)} \]", line)[1]
        steps = [text for text in latch.lines if text.startswith(f"{successor} = add ")]
        if steps and steps[0].endswith(f" {counter}, 1") and operand in (counter, successor):
            return
    pytest.fail(f"no counter from 0 in steps of 1 decides {compare!r}")


def check(module: Module) -> None:
    text = for_hls(module)
    assert for_hls(module) == text
    found = functions(text)
    assert list(found) == [printed(call.function) for call in module.calls]
    for blocks in found.values():
        check_loops(blocks)
        for block in blocks.values():
            for line in block.lines:
                assert opcode(line) in OPCODES, line
                assert not FAST_MATH.search(line.split(", !")[0]), line
                assert not re.search(r"<\d+ x ", line), line
                assert "double" not in line and " half" not in line
                if opcode(line) == "getelementptr":
                    assert re.search(r"getelementptr (?:inbounds )?(?:nuw )?(?:float|i8), ptr %\S+, i64 \S+$", line), (
                        line
                    )
                if opcode(line) == "call":
                    assert '@"asnet.' in line or "@asnet." in line, line
    assert "llvm." not in text
    assert "asnet.run" not in text


def printed(name: str) -> str:
    """How LLVM prints a quoted name."""
    return "".join(c if " " <= c <= "~" and c != '"' else escaped(c) for c in name.replace("\\", "\\\\"))


def escaped(character: str) -> str:
    return "".join(f"\\{byte:02X}" for byte in character.encode())


def test_guarantees_hold_for_every_operator(case) -> None:
    check(lower(case.network()))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("granularity", [None, "layer", "site"])
def test_guarantees_hold_for_the_example_networks(path: Path, granularity: str | None) -> None:
    module = lower(load(path))
    if granularity is None:
        check(module)
        return
    module = approximate(module, granularity)
    check(module)
    text = for_hls(module)
    called = re.findall(r'call float @"?(asnet\.[^"(]+)"?\(', text)
    assert {slot.symbol for slot in module.slots} == set(called)
    assert sum(slot.sites for slot in module.slots) == len(called)


def test_loops_are_neither_unrolled_nor_split(one_node) -> None:
    conv = lower(one_node("conv", "Conv", (1, 3, 8, 8), (4, 3, 3, 3)).network())
    (blocks,) = functions(for_hls(conv)).values()
    assert check_loops(blocks) == 6
    relu = lower(one_node("relu", "Relu", (1, 2)).network())
    (blocks,) = functions(for_hls(relu)).values()
    assert check_loops(blocks) == 1
