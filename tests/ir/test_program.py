"""Programs for the host: what is shared, and that it changes nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from llvmlite import ir

from asnet.cache import Cache
from asnet.errors import PassError
from asnet.ir import Call, Memory, MemoryKind, Module
from asnet.ir.jit import Binder, Engine, Row
from asnet.ir.program import Program
from asnet.lower import lower
from asnet.network.model import Layer, Network, Tensor
from asnet.passes import approximate
from asnet.types import FloatMode

TANHS = 12


def test_equal_layers_are_one_function(make_chain) -> None:
    module = lower(make_chain(TANHS))
    assert module.text.count("\ndefine ") == TANHS
    program = Program.of(module, {})
    functions = program.layers.count("define ")
    assert functions <= 3  # the first reads the input, the last writes the output
    assert program.run.count("call void") == TANHS
    assert "asnet.site" not in program.layers


def test_a_cached_program_is_read_and_not_made_again(make_chain, cache, monkeypatch) -> None:
    module = lower(make_chain(TANHS))
    made = Program.cached(module, {}, cache)
    assert made == Program.of(module, {})
    monkeypatch.setattr(Program, "of", None)  # not called any more
    assert Program.cached(module, {}, cache) == made
    moved = replace(module, memories={n: replace(m, offset=m.offset + 64) for n, m in module.memories.items()})
    with pytest.raises(TypeError):
        Program.cached(moved, {}, cache)


def test_slots_with_symbols_of_their_own_are_kept_apart(make_chain) -> None:
    module = approximate(lower(make_chain(TANHS)))
    assert Program.of(module, {}).layers.count("define ") == TANHS
    rows = {slot.symbol: Row(f"form.{slot.op}", number) for number, slot in enumerate(module.slots)}
    assert Program.of(module, rows).layers.count("define ") <= 3
    assert "asnet.fmul.l3" not in Program.of(module, rows).layers


FORM = """
@scale = external global [64 x float]
define float @form.fmul(float %a, float %b, i64 %row) alwaysinline {
  %place = getelementptr inbounds [1 x float], ptr @scale, i64 %row
  %factor = load float, ptr %place
  %y = fmul float %a, %factor
  ret float %y
}
"""


def test_a_shared_function_takes_the_row_of_its_layer(cache: Cache) -> None:
    tensors = {name: Tensor(name, "float32", (1, 4)) for name in "xabcy"}
    layers = tuple(
        Layer(f"l{i}", "Mul", (source, source), (target,))
        for i, (source, target) in enumerate(["xa", "ab", "bc", "cy"])
    )
    module = approximate(lower(Network("n", "0", (tensors["x"],), (tensors["y"],), layers, tensors, {})))
    scale = np.array([2, 3, 5, 7], np.float32)
    rows = {slot.symbol: Row("form.fmul", number) for number, slot in enumerate(module.slots)}
    binder = Binder(FORM, {"scale": scale.ctypes.data}, rows, keep=scale)
    engine = Engine(module, binder=binder, cache=cache)
    state = engine.state(1)
    engine.run(np.ones((1, 4), np.float32), state=state)
    assert [engine.memory(state, name)[0, 0, 0] for name in "abcy"] == [2, 6, 30, 210]
    scale[1] = 4
    assert (engine.run(np.ones((1, 4), np.float32)) == 280).all()


KERNELS = """
declare float @"asnet.fmul.a"(float, float)
declare float @"asnet.fmul.b"(float, float)
define internal void @"kernel.a"(ptr noalias %x, ptr noalias %y, i64 %n) {
  %v = load float, ptr %x
  %w = call float @"asnet.fmul.a"(float %v, float %v)
  store float %w, ptr %y
  ret void
}
define internal void @"kernel.b"(ptr noalias %x, ptr noalias %y, i64 %n) {
  %v = load float, ptr %x
  %w = call float @"asnet.fmul.b"(float %v, float %v)
  store float %w, ptr %y
  ret void
}
define void @"layer.a"(ptr noalias %x, ptr noalias %y) {
  call void @"kernel.a"(ptr %x, ptr %y, i64 3)
  ret void
}
define void @"layer.b"(ptr noalias %x, ptr noalias %y) {
  call void @"kernel.b"(ptr %x, ptr %y, i64 3)
  ret void
}
"""


def test_rows_go_through_the_functions_between(cache: Cache) -> None:
    memories = {
        name: Memory(name, kind, "float32", (1,), 0)
        for name, kind in (("x", MemoryKind.INPUT), ("t", MemoryKind.ACTIVATION), ("y", MemoryKind.OUTPUT))
    }
    calls = tuple(Call(k, "Test", f"layer.{k}", tuple(m), (m[1],)) for k, m in (("a", "xt"), ("b", "ty")))
    module = Module("m", Text(KERNELS), FloatMode.FTZ, memories, calls, {})  # pyright: ignore[reportArgumentType]
    scale = np.array([10, 100], np.float32)
    rows = {"asnet.fmul.a": Row("form.fmul", 0), "asnet.fmul.b": Row("form.fmul", 1)}
    assert Program.of(module, rows).layers.count("define ") == 2
    binder = Binder(FORM, {"scale": scale.ctypes.data}, rows)
    assert Engine(module, binder=binder, cache=cache).run(np.float32([[7]])).tolist() == [7000]


class Text:
    """Stands for an LLVM module that exists as text only."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text


def test_names_may_hold_anything(make_chain, cache: Cache) -> None:
    plain = make_chain(4)
    names = ['a "b" (c', "back\\slash\\22\n}", "é\x85", "define ; !1"]
    odd = Network(
        plain.name, "0", plain.inputs, plain.outputs,
        tuple(
            Layer(name, layer.op_type, layer.inputs, layer.outputs)
            for name, layer in zip(names, plain.layers, strict=True)
        ),
        plain.tensors, {},
    )  # fmt: skip
    x = np.linspace(-2, 2, 8, dtype=np.float32)[None]
    expected = Engine(lower(plain), cache=cache).run(x)
    for module in (lower(odd), approximate(lower(odd))):
        rows = {slot.symbol: Row(f"form.{slot.op}", number) for number, slot in enumerate(module.slots)}
        text = "".join(
            f"define float @form.{op}(float %a, float %b, i64 %row) alwaysinline {{\n"
            f"  %y = {op} float %a, %b\n  ret float %y\n}}\n"
            for op in ("fmul", "fdiv")
        )
        assert (Engine(module, binder=Binder(text, {}, rows), cache=cache).run(x) == expected).all()


def test_foreign_metadata_stays(cache: Cache) -> None:
    module = lower(_tanh())
    node = module.llvm.add_metadata([ir.Constant(ir.FloatType(), 2.5)])
    function = next(f for f in module.llvm.functions if f.blocks)
    next(i for b in function.blocks for i in b.instructions if i.opname == "fmul").set_metadata("fpmath", node)
    layers = Program.of(module, {}).layers
    assert layers.count("!fpmath !1") == 1 and "!1 = !{float 2.500000e+00}" in layers


def test_invalid_modules_are_refused(cache: Cache) -> None:
    module = Module("m", ir.Module("m"), FloatMode.FTZ, {}, (), {})
    broken = ir.Function(module.llvm, ir.FunctionType(ir.VoidType(), []), "layer.x")
    ir.IRBuilder(broken.append_basic_block()).branch(ir.Block(broken, "nowhere"))
    with pytest.raises(PassError, match="invalid LLVM IR"):
        Engine(module, cache=cache)


def _tanh() -> Network:
    tensors = {name: Tensor(name, "float32", (1, 4)) for name in "xy"}
    return Network("n", "0", (tensors["x"],), (tensors["y"],), (Layer("l", "Tanh", ("x",), ("y",)),), tensors, {})
