"""Copies, annotations and foreign text."""

from __future__ import annotations

import pytest

from asnet.errors import PassError
from asnet.ir import Module, verify
from asnet.ir.text import annotated, import_text
from asnet.lower import lower

KERNEL = """
declare float @sqrtf(float)
define void @scale(ptr %x, i64 %n, float %a) {
  ret void
}
"""


def test_a_copy_shares_nothing_with_its_original(network) -> None:
    module = lower(network)
    text = module.text
    twin = module.clone()
    assert twin.text == text
    for site in twin.sites():
        site.instruction.opname = "fadd"
        site.instruction._clear_string_cache()
    twin.llvm.get_global("layer.relu").blocks.clear()
    assert str(module.llvm) == text
    assert {site.op for site in module.sites()} == {"fmul", "fadd", "fsub", "fdiv"}
    assert all(site.instruction.function.module is twin.llvm for site in twin.sites())


def test_long_networks_can_be_copied(make_chain) -> None:
    module = lower(make_chain(150))
    twin = module.clone()
    assert twin.text == module.text
    verify(twin)


def test_annotated_text_lists_the_facts(network) -> None:
    module = lower(network)
    text = annotated(module)
    assert text.startswith("; network dense, float mode ftz\n; memory x: input float32[1, 12] at byte 0\n")
    assert "; call 0 dense (Gemm): x, w, b, d writes d\n" in text
    assert text.endswith(module.text)
    assert import_text(text).function("layer.relu").arguments == ("ptr", "ptr")


def test_unknown_memories_are_key_errors(network) -> None:
    module: Module = lower(network)
    assert module.memory("d").name == "d"
    with pytest.raises(KeyError, match="nothing"):
        module.memory("nothing")


def test_foreign_text_is_checked_and_listed() -> None:
    foreign = import_text(KERNEL, "kernel.ll")
    assert [function.name for function in foreign.functions] == ["scale"]
    assert foreign.function("scale").arguments == ("ptr", "i64", "float")
    assert foreign.declarations == ("sqrtf",)
    with pytest.raises(PassError, match="no function 'scala'; defined: scale"):
        foreign.function("scala")


def test_faults_of_foreign_text_name_the_file() -> None:
    with pytest.raises(PassError, match=r"kernel\.ll: invalid LLVM IR: .*expected instruction opcode"):
        import_text(KERNEL.replace("ret void", "return"), "kernel.ll")
    with pytest.raises(PassError, match=r"kernel\.ll: defines no function"):
        import_text("declare void @f()", "kernel.ll")
