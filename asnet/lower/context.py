"""What a lowering sees: one layer, its memories and attributes, and the function it fills."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence

from llvmlite import ir

from asnet.errors import UnsupportedError
from asnet.ir.attributes import function_attributes, pointer_attributes
from asnet.ir.module import Call, Memory, MemoryKind
from asnet.ir.products import Products
from asnet.ir.tiling import Tiling
from asnet.lower.builder import LayerBuilder
from asnet.lower.memory import MemoryPlan
from asnet.network.model import Layer, Network, Tensor
from asnet.types import ELEMENT_TYPES, INTEGER_TYPES, Array, FloatMode

__all__ = ["ANY", "FLOATS", "NUMBERS", "SIGNED", "LayerContext"]

FLOATS = ("float32",)
NUMBERS = (*FLOATS, *INTEGER_TYPES)
SIGNED = tuple(name for name, kind in ELEMENT_TYPES.items() if kind.signed)
ANY = tuple(ELEMENT_TYPES)


class LayerContext:
    """One layer on its way into the module."""

    def __init__(
        self,
        layer: Layer,
        network: Network,
        plan: MemoryPlan,
        llvm: ir.Module,
        mode: FloatMode,
        tiling: Tiling | None = None,
        samples: int = 0,
    ) -> None:
        self.layer = layer
        self.network = network
        self.mode = mode
        self.calls: list[Call] = []
        self.products: Products | None = None
        """What :meth:`~asnet.lower.builder.LayerBuilder.products` computes in this layer."""
        self._plan = plan
        self._llvm = llvm
        self.tiling = tiling
        self.samples = samples
        self._computed: set[str] = set()

    def unsupported(self, what: str) -> UnsupportedError:
        """The error that the layer uses ``what``, which ASNet cannot lower."""
        return UnsupportedError(f"{self.layer} is not supported with {what}")

    def tensor(self, position: int) -> Tensor:
        """Input number ``position``, with type and shape."""
        return self.network.tensors[self.layer.inputs[position]]

    def has_input(self, position: int) -> bool:
        """Whether the optional input number ``position`` is given."""
        return len(self.layer.inputs) > position and self.layer.inputs[position] != ""

    def input(self, position: int = 0, types: Sequence[str] = FLOATS) -> Memory:
        """The memory of input number ``position``, a computed tensor or a constant of the network.

        Raises:
            UnsupportedError: its type is not in ``types``.
        """
        name = self.layer.inputs[position]
        dtype = self.network.tensors[name].dtype
        if dtype not in types:
            kinds = f"supported type{'s' if len(types) > 1 else ''}: {', '.join(types)}"
            raise self.unsupported(f"input {position} {name!r} of type {dtype} ({kinds})")
        return self._plan.tensor(name)

    def optional_input(self, position: int, types: Sequence[str] = FLOATS) -> Memory | None:
        """:meth:`input`, None if the layer has none at ``position``."""
        return self.input(position, types) if self.has_input(position) else None

    def output(self, position: int = 0) -> Memory:
        """The memory of the layer's output number ``position``, which the layer must have."""
        name = self.layer.outputs[position]
        if not name:
            raise self.unsupported(f"its output {position} left out; use that output, too")
        self._computed.add(name)
        return self._plan.tensor(name)

    def optional_output(self, position: int) -> Memory | None:
        """:meth:`output`, None if nothing uses it."""
        used = len(self.layer.outputs) > position and self.layer.outputs[position] != ""
        return self.output(position) if used else None

    def check_outputs(self) -> None:
        """Refuse the layer if its lowering left out an output that the network uses.

        Raises:
            UnsupportedError: naming the output.
        """
        for name in self.layer.outputs:
            if name and name not in self._computed:
                raise self.unsupported(f"its output {name!r}; use only its other outputs")

    def constant(self, suffix: str, values: Array) -> Memory:
        """A new constant memory ``<layer>.<suffix>`` holding ``values`` in their type, a run-time type."""
        return self._plan.derived(f"{self.layer.name}.{suffix}", values)

    def scratch(self, suffix: str, shape: Sequence[int], dtype: str = "float32") -> Memory:
        """A new activation memory ``<layer>.<suffix>``, private to the layer."""
        return self._plan.scratch(f"{self.layer.name}.{suffix}", dtype, tuple(shape))

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
            align = memory.element_bytes if memory.kind is MemoryKind.CONSTANT else 64  # large constants are not moved
            argument.attributes = pointer_attributes(readonly=memory_name not in written, align=align)
        pointers = dict(zip(arguments, function.args, strict=True))
        builder = LayerBuilder(function, self.layer, self.mode, pointers, self.tiling, self.samples)
        yield builder
        builder.ir.ret_void()
        _name_instructions(function)
        self.calls.append(Call(self.layer.name, self.layer.op_type, name, tuple(arguments), written))


def _name_instructions(function: ir.Function) -> None:
    """Call what has no name after its operation, for those who read the IR and the hardware made of it."""
    for block in function.blocks:
        for instruction in block.instructions:
            if instruction.name.startswith(".") and not isinstance(instruction.type, ir.VoidType):
                instruction.name = instruction.opname
