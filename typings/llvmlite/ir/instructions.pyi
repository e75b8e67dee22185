from collections.abc import Sequence

from llvmlite.ir.values import Block, Function, MDValue, NamedValue, Value

class Instruction(NamedValue):
    opname: str
    operands: Sequence[Value]
    flags: list[str]
    metadata: dict[str, MDValue]
    parent: Block
    @property
    def function(self) -> Function: ...
    def set_metadata(self, name: str, node: MDValue) -> None: ...

class AllocaInstr(Instruction):
    align: int | None

class CallInstr(Instruction):
    fastmath: set[str]
    @property
    def callee(self) -> Function: ...
    @property
    def args(self) -> Sequence[Value]: ...

class PhiInstr(Instruction):
    incomings: list[tuple[Value, Block]]
    def add_incoming(self, value: Value, block: Block) -> None: ...
