"""The two optimisation pipelines, both of them keep every bit: for running on the host, and for hardware."""

from __future__ import annotations

from dataclasses import dataclass

import llvmlite.binding as llvm

from asnet.errors import PassError
from asnet.host import host_features, initialize_llvm
from asnet.ir.module import Module
from asnet.ir.verify import parse

__all__ = ["HOST", "Machine", "for_execution", "for_hls", "host_machine", "optimise_for_host", "retarget"]


@dataclass(frozen=True)
class Machine:
    """What code is compiled for: LLVM's name of the processor and its features ("" is this one), and how carefully.

    ``effort`` 3 runs the whole pipeline with vectorisation; less only selects instructions, at that level.
    """

    cpu: str = ""
    features: str = ""
    effort: int = 3


HOST = Machine()
"""The machine this process runs on, with all of its features."""


def host_machine(machine: Machine = HOST) -> llvm.TargetMachine:
    """LLVM's code generator for ``machine``, of this process' architecture."""
    initialize_llvm()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=machine.cpu or llvm.get_host_cpu_name(),
        features=machine.features or ("" if machine.cpu else host_features()),
        opt=machine.effort,
        jit=True,
    )


def optimise_for_host(unit: llvm.ModuleRef, machine: llvm.TargetMachine) -> None:
    """Level 3 with vectorisation for ``machine``, in place. Only what LLVM may do without fast-math flags."""
    retarget(unit, machine)
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = True
    options.slp_vectorization = True
    options.loop_interleaving = True
    options.loop_unrolling = True
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(unit, builder)


def retarget(unit: llvm.ModuleRef, machine: llvm.TargetMachine) -> None:
    """Say in ``unit`` that it is for ``machine``."""
    unit.triple = machine.triple
    unit.data_layout = str(machine.target_data)


def for_execution(module: Module) -> str:
    """The module as LLVM IR text after the pipeline that :class:`asnet.ir.jit.Engine` uses; host-dependent."""
    unit = parse(module.text)
    optimise_for_host(unit, host_machine())
    return str(unit)


def for_hls(module: Module) -> str:
    """LLVM IR text for hardware: scalar optimisations only, the same on every host.

    One function per layer in the order of ``module.calls`` (LLVM quotes and escapes names); arguments as in
    :attr:`~asnet.ir.module.Call.arguments`. Calls of slot symbols stay in place with their operands in order; exact
    operations keep their values only (operands of fmul and fadd may swap, ``fsub x, c`` may become ``fadd x, -c``, a
    division by a power of two a multiplication, each then without its site metadata). Guaranteed:

    - Loops are in simplified form (preheader, single latch, dedicated exits), tested at the bottom, and counted: the
      latch is the only exit, its condition an ``icmp`` in the latch of the i64 counter (or its successor) with a
      constant: ``ult counter, n - 1``, or ``eq counter, 0`` for two iterations; true means once more. The counter
      starts at 0 in steps of 1, the trip count is static and at least 2. No loop is unrolled.
    - Values live across iterations in phis; there is no ``alloca``, ``switch``, ``invoke`` or indirect branch.
    - An address is a chain of ``getelementptr`` over one argument with a single index each, of element type ``float``
      or ``i8``; indices are i64 sums, products and shifts of loop counters and constants.
    - No vectors, no intrinsics (no memcpy, memset, fabs, maxnum, fmuladd, umin …), no fast-math flags: the only calls
      are those of slot symbols.
    - Scalar types are float, i32, i64 and i1 (i32 where a float's bits are handled: exp, tanh; a load or store may
      have type i32 where it moves a float's bits).

    Raises:
        PassError: the module is invalid, or tiled for the host.
    """
    if module.tiling is not None:
        raise PassError(f"network {module.name!r} is tiled for the host; lower it without a tiling for hardware")
    unit = parse(module.text)
    for function in unit.functions:
        if not function.is_declaration:
            function.add_function_attribute("noimplicitfloat")  # keeps bit masks from becoming llvm.fabs
    options = llvm.create_pipeline_tuning_options(speed_level=1)
    options.loop_vectorization = False
    options.slp_vectorization = False
    options.loop_interleaving = False
    options.loop_unrolling = False
    builder = llvm.create_pass_builder(None, options)  # without a target machine: the same text on every host
    for function in unit.functions:
        if not function.is_declaration:
            builder.getFunctionPassManager().run(function, builder)
    final = llvm.create_new_module_pass_manager()
    final.add_instruction_combine_pass()
    final.add_dead_code_elimination_pass()
    final.add_loop_simplify_pass()
    final.run(unit, builder)
    try:
        unit.verify()
    except RuntimeError as error:
        raise PassError(f"the hardware pipeline left an invalid module: {error}") from error
    return str(unit)
