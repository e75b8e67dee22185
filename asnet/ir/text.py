"""LLVM IR as text: modules printed with their facts, foreign ``.ll`` text checked and listed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from asnet.errors import PassError
from asnet.ir.module import Module
from asnet.ir.verify import parse

__all__ = ["ForeignFunction", "ForeignText", "annotated", "import_text"]


@dataclass(frozen=True)
class ForeignFunction:
    """A function defined in foreign IR: its name and the LLVM types of its arguments."""

    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class ForeignText:
    """IR that did not come from a network: LLVM's print of it (verified) and what it defines and needs."""

    text: str
    functions: tuple[ForeignFunction, ...]
    declarations: tuple[str, ...]

    def function(self, name: str) -> ForeignFunction:
        """The defined function ``name``.

        Raises:
            PassError: there is none; lists those there are.
        """
        for function in self.functions:
            if function.name == name:
                return function
        raise PassError(f"no function {name!r}; defined: {', '.join(f.name for f in self.functions) or 'none'}")


def import_text(text: str, where: str = "<text>") -> ForeignText:
    """Read foreign LLVM IR (the text of a ``.ll`` file of LLVM 22 or older); ``where`` names it in messages.

    Raises:
        PassError: the text does not parse, LLVM's verifier rejects it, or it defines no function.
    """
    try:
        unit = parse(text)
    except PassError as error:
        raise PassError(f"{where}: {error}") from error
    functions = list(unit.functions)
    defined = tuple(
        ForeignFunction(function.name, tuple(str(argument.type) for argument in function.arguments))
        for function in functions
        if not function.is_declaration
    )
    if not defined:
        raise PassError(f"{where}: defines no function; give the .ll file of a compiled kernel")
    return ForeignText(str(unit), defined, tuple(f.name for f in functions if f.is_declaration))


def annotated(module: Module) -> str:
    """The module's IR text below comments that list its memories, calls and slots."""
    return "".join(f"; {line}\n" for line in _facts(module)) + module.text


def _facts(module: Module) -> Iterator[str]:
    yield f"network {module.name}, float mode {module.mode}"
    for memory in module.memories.values():
        yield f"memory {memory.name}: {memory.kind} {memory.dtype}{list(memory.shape)} at byte {memory.offset}"
    for name, view in module.aliases.items():
        yield f"alias {name}: {view.name} as {view.dtype}{list(view.shape)}"
    for number, call in enumerate(module.calls):
        arguments, writes = ", ".join(call.arguments), ", ".join(call.writes)
        yield f"call {number} {call.layer} ({call.op_type}): {arguments} writes {writes}"
    for slot in module.slots:
        yield f"slot {slot.name}: {slot.sites} sites, {slot.count} executions per image, symbol {slot.symbol}"
