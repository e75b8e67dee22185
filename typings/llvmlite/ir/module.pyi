from collections.abc import Iterable, Sequence
from typing import Any

from llvmlite.ir.context import Context
from llvmlite.ir.values import Function, GlobalValue, MDValue

class Module:
    name: str
    triple: str
    data_layout: str
    globals: dict[str, GlobalValue]
    metadata: list[MDValue]
    def __init__(self, name: str = ..., context: Context = ...) -> None: ...
    @property
    def functions(self) -> list[Function]: ...
    @property
    def global_values(self) -> Iterable[GlobalValue]: ...
    def add_metadata(self, operands: Sequence[Any]) -> MDValue: ...
    def get_global(self, name: str) -> Any: ...
