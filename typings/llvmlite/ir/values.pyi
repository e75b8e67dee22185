from collections.abc import Iterable, Mapping
from typing import Any

from llvmlite.ir.instructions import Instruction
from llvmlite.ir.module import Module
from llvmlite.ir.types import FunctionType, Type

class Value:
    type: Type

class Constant(Value):
    constant: Any
    def __init__(self, typ: Type, constant: object) -> None: ...

class NamedValue(Value):
    name: str
    def _clear_string_cache(self) -> None: ...

class MDValue(NamedValue):
    operands: tuple[Any, ...]

class GlobalValue(NamedValue):
    linkage: str

class GlobalVariable(GlobalValue):
    global_constant: bool
    initializer: Constant | None
    def __init__(self, module: Module, typ: Type, name: str) -> None: ...

Undefined: object

class AttributeSet(set[str]):
    _known: Any
    def __init__(self, args: Iterable[str] = ...) -> None: ...

class FunctionAttributes(AttributeSet):
    _known: frozenset[str]

class ArgumentAttributes(AttributeSet):
    _known: Mapping[str, bool]
    align: int

class Argument(NamedValue):
    attributes: ArgumentAttributes

class Function(GlobalValue):
    args: tuple[Argument, ...]
    attributes: FunctionAttributes
    blocks: list[Block]
    return_value: NamedValue
    function_type: FunctionType
    def __init__(self, module: Module, ftype: FunctionType, name: str) -> None: ...
    def append_basic_block(self, name: str = ...) -> Block: ...
    @property
    def is_declaration(self) -> bool: ...

class Block(NamedValue):
    instructions: list[Instruction]
    terminator: Instruction | None
    @property
    def function(self) -> Function: ...
    @property
    def is_terminated(self) -> bool: ...
