from collections.abc import Iterable

from llvmlite.ir.values import Constant

class Type:
    def __call__(self, value: object) -> Constant: ...

class VoidType(Type): ...
class FloatType(Type): ...

class IntType(Type):
    width: int
    def __init__(self, bits: int) -> None: ...

class PointerType(Type):
    def __init__(self, pointee: Type | None = ..., addrspace: int = ...) -> None: ...

class FunctionType(Type):
    return_type: Type
    args: tuple[Type, ...]
    def __init__(self, return_type: Type, args: Iterable[Type], var_arg: bool = ...) -> None: ...

class VectorType(Type):
    element: Type
    count: int
    def __init__(self, element: Type, count: int) -> None: ...

class LiteralStructType(Type):
    def __init__(self, elems: Iterable[Type], packed: bool = ...) -> None: ...

class ArrayType(Type):
    def __init__(self, element: Type, count: int) -> None: ...
