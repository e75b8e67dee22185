"""What `verify` refuses, and the messages."""

from __future__ import annotations

from dataclasses import replace

import pytest
from llvmlite import ir

from asnet.errors import PassError
from asnet.ir import SITE_METADATA, Call, Module, verify
from asnet.lower import lower


@pytest.fixture
def module(network) -> Module:
    return lower(network)


def message(module: Module) -> str:
    with pytest.raises(PassError) as caught:
        verify(replace(module))
    return str(caught.value)


def first_multiplication(module: Module) -> ir.Instruction:
    site = next(site for site in module.sites() if site.op == "fmul")
    site.instruction._clear_string_cache()
    return site.instruction


def test_a_lowered_module_is_valid(module) -> None:
    verify(module)


def test_llvm_faults_are_reported_in_one_line(module) -> None:
    first_multiplication(module).opname = "nonsense"
    text = message(module)
    assert text.startswith("invalid LLVM IR: LLVM IR parsing error")
    assert "expected instruction opcode" in text and "\n" not in text


def test_dominance_faults_are_found(module) -> None:
    function = module.llvm.get_global("layer.dense")
    block = function.blocks[-2]
    block.instructions.reverse()
    assert message(module).startswith("invalid LLVM IR: ")


def test_fast_math_is_refused(module) -> None:
    first_multiplication(module).flags.append("reassoc")
    assert message(module).startswith("layer 'dense': fast-math flags on %\"fmul\" = fmul reassoc float")


def test_instructions_without_hardware_are_refused(module) -> None:
    first_multiplication(module).opname = "frem"
    assert message(module).startswith("layer 'dense': instruction 'frem' is not allowed in a layer: %\"fmul\" = frem")


def test_calls_of_anything_but_slots_are_refused(module) -> None:
    function = ir.Function(module.llvm, ir.FunctionType(ir.FloatType(), [ir.FloatType()]), "sinf")
    multiplication = first_multiplication(module)
    builder = ir.IRBuilder()
    builder.position_before(multiplication)
    builder.call(function, [multiplication.operands[0]])
    assert message(module) == "layer 'dense': calls 'sinf'; a layer may only call slot symbols (asnet.*)"


def test_sites_belong_to_their_layer(module) -> None:
    other = next(site for site in module.sites() if site.layer == "soft")
    first_multiplication(module).metadata[SITE_METADATA] = other.instruction.metadata[SITE_METADATA]
    assert message(module) == "layer 'dense': a site claims to belong to layer 'soft'"


def test_calls_need_their_function_and_memories(module) -> None:
    calls = (*module.calls, Call("ghost", "Relu", "layer.ghost", (), ()))
    assert message(replace(module, calls=calls)) == "layer 'ghost': function 'layer.ghost' is not defined"
    short = replace(module.calls[1], arguments=("d",))
    assert message(replace(module, calls=(short,))) == (
        "layer 'relu': function 'layer.relu' takes 2 arguments, its call gives 1"
    )
    wrong = replace(module.calls[1], arguments=("d", "out"))
    assert message(replace(module, calls=(wrong,))).startswith("layer 'relu': unknown memory 'out'; known: b, d, ")
