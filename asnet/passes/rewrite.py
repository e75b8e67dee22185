"""Replacing sites of a module: the one place that edits llvmlite's instruction lists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from llvmlite import ir

from asnet.ir import SITE_METADATA, Module, Site

__all__ = ["Rule", "mark_site", "rewrite"]

Rule = Callable[[Site, ir.IRBuilder], "ir.Value | None"]
"""Builds the replacement of a site with the builder (placed before it), or returns None to keep the site."""


def mark_site(instruction: ir.Instruction, like: Site) -> None:
    """Give a new instruction the site metadata of ``like``, so that later passes see it as arithmetic of that layer."""
    instruction.set_metadata(SITE_METADATA, like.instruction.metadata[SITE_METADATA])


def rewrite(module: Module, rule: Rule) -> Module:
    """Offer every site to ``rule`` and put its replacements in place; the module's IR is edited in place.

    Sites that ``rule`` itself builds are not offered again.
    """
    replaced: dict[ir.Value, ir.Value] = {}
    functions: dict[str, ir.Function] = {}
    for site in list(module.sites()):
        builder = ir.IRBuilder()
        builder.position_before(site.instruction)
        value = rule(site, builder)
        if value is not None:
            replaced[site.instruction] = value
            functions[site.function] = site.instruction.function
    for function in functions.values():
        _substitute(function, replaced)
    return replace(module)


def _substitute(function: ir.Function, replaced: dict[ir.Value, ir.Value]) -> None:
    for block in function.blocks:
        block.instructions = [i for i in block.instructions if i not in replaced]
        for instruction in block.instructions:
            if isinstance(instruction, ir.PhiInstr):
                instruction.incomings = [(replaced.get(value, value), b) for value, b in instruction.incomings]
            else:
                instruction.operands = tuple(replaced.get(operand, operand) for operand in instruction.operands)
            instruction._clear_string_cache()  # pyright: ignore[reportPrivateUsage]
