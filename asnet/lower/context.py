"""What a lowering sees: one layer, its memories and attributes, and the function it fills."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence

from llvmlite import ir

from asnet.errors import UnsupportedError
from asnet.ir.attributes import function_attributes, pointer_attributes
from asnet.ir.module import Call, Memory, MemoryKind
from asnet.lower.builder import LayerBuilder
from asnet.lower.memory import MemoryPlan
from asnet.network.model import Layer, Network, Tensor
from asnet.types import Array, FloatMode

__all__ = ["LayerContext"]


class LayerContext:
    """One layer on its way into the module."""

    def __init__(self, layer: Layer, network: Network, plan: MemoryPlan, llvm: ir.Module, mode: FloatMode) -> None:
        self.layer = layer
        self.network = network
        self.mode = mode
        self.calls: list[Call] = []
        self._plan = plan
        self._llvm = llvm
        for name in filter(None, layer.outputs[1:]):
            raise self.unsupported(f"its output {name!r} (only the first output is computed)")

    def unsupported(self, what: str) -> UnsupportedError:
        """The error that the layer uses ``what``, which ASNet cannot lower."""
        return UnsupportedError(f"{self.layer} is not supported with {what}")

    def tensor(self, position: int) -> Tensor:
        """Input number ``position``, with type and shape."""
        return self.network.tensors[self.layer.inputs[position]]

    def has_input(self, position: int) -> bool:
        """Whether the optional input number ``position`` is given."""
        return len(self.layer.inputs) > position and self.layer.inputs[position] != ""

    def input(self, position: int = 0) -> Memory:
        """The memory of input number ``position``.

        Raises:
            UnsupportedError: its type is not float32.
        """
        return self._memory(self.layer.inputs[position], f"input {position}")

    def output(self) -> Memory:
        """The memory of the layer's output.

        Raises:
            UnsupportedError: its type is not float32.
        """
        return self._memory(self.layer.outputs[0], "output")

    def _memory(self, name: str, role: str) -> Memory:
        tensor = self.network.tensors[name]
        if tensor.dtype != "float32":
            raise self.unsupported(f"{role} {name!r} of type {tensor.dtype} (supported type: float32)")
        if tensor.size == 0:
            raise self.unsupported(f"{role} {name!r} of shape {tensor.shape}, which has no elements")
        return self._plan.tensor(name)

    def constant(self, suffix: str, values: Array) -> Memory:
        """A new constant memory ``<layer>.<suffix>`` holding ``values`` as float32."""
        return self._plan.derived(f"{self.layer.name}.{suffix}", values)

    def scratch(self, suffix: str, shape: Sequence[int]) -> Memory:
        """A new activation memory ``<layer>.<suffix>``, private to the layer."""
        return self._plan.scratch(f"{self.layer.name}.{suffix}", tuple(shape))

    @contextlib.contextmanager
    def function(self, reads: Sequence[Memory | None], writes: Sequence[Memory]) -> Generator[LayerBuilder]:
        """The layer's function over these memories (each one an argument once), open for emission in the block."""
        arguments = {memory.name: memory for memory in (*reads, *writes) if memory is not None}
        written = tuple(dict.fromkeys(memory.name for memory in writes))
        pointer = ir.PointerType()
        name = f"layer.{self.layer.name}"
        function = ir.Function(self._llvm, ir.FunctionType(ir.VoidType(), [pointer] * len(arguments)), name)
        function.attributes = function_attributes(self.mode)
        for argument, (memory_name, memory) in zip(function.args, arguments.items(), strict=True):
            argument.name = memory.kind if memory.kind is not MemoryKind.ACTIVATION else "buffer"
            argument.attributes = pointer_attributes(readonly=memory_name not in written)
        pointers = dict(zip(arguments, function.args, strict=True))
        builder = LayerBuilder(function, self.layer, self.mode, pointers)
        yield builder
        builder.ir.ret_void()
        self.calls.append(Call(self.layer.name, self.layer.op_type, name, tuple(arguments), written))
