"""Memory planning: where every tensor lives, which tensors are one memory under several names.

A memory starts at a multiple of 64 bytes in the blob of its kind, behind those made before it: every layer's output
stays until the next image, so that a run may start again at any layer. (:func:`asnet.ir.reuse` gives that up for
space.)
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace

import numpy as np

from asnet.errors import UnsupportedError
from asnet.host import flush_subnormals, has_subnormals
from asnet.ir.module import Memory, MemoryKind
from asnet.network.model import Layer, Network
from asnet.network.reading import MAXIMUM_ELEMENTS
from asnet.types import Array, FloatMode

__all__ = ["MemoryPlan"]

_ALIGNMENT = 64


class MemoryPlan:
    """The memories of one network, filled while its layers are lowered.

    ``memories`` and ``constants`` become those of the module; ``aliases`` maps a tensor that is another one in a
    different shape to the view of that one's memory.
    """

    def __init__(self, network: Network, mode: FloatMode, aliasing: Set[str]) -> None:
        """``aliasing`` names the operators whose output is their input in another shape."""
        self.memories: dict[str, Memory] = {}
        self.constants: dict[str, Array] = {}
        self.aliases: dict[str, Memory] = {}
        self._network = network
        self._mode = mode
        self._end = dict.fromkeys(MemoryKind, 0)
        self._roots = _roots(network, aliasing)
        self._reserved = set(network.tensors)
        owners = {self._roots[tensor.name]: tensor.name for tensor in reversed(network.outputs)}
        self._owners = {root: owners.get(root, root) for root in self._roots.values()}
        for tensor in network.inputs:
            self._allocate(tensor.name, MemoryKind.INPUT, tensor.dtype, tensor.shape)
        for tensor in network.outputs:
            if self._owners[self._roots[tensor.name]] == tensor.name and tensor.name not in self.memories:
                self._allocate(tensor.name, MemoryKind.OUTPUT, tensor.dtype, tensor.shape)

    def is_alias(self, layer: Layer) -> bool:
        """Whether the layer's output is its input's memory, so that the layer needs no code."""
        return self._roots[layer.outputs[0]] == self._roots.get(layer.inputs[0], layer.inputs[0])

    def tensor(self, name: str) -> Memory:
        """The memory of a tensor, in the tensor's shape; a constant is brought in at its first use."""
        tensor = self._network.tensors[name]
        if name in self._network.constants:
            if name not in self.memories:
                self._constant(name, self._network.constants[name])
            return self.memories[name]
        owner = self._owners[self._roots[name]]
        if owner not in self.memories:
            self._allocate(owner, MemoryKind.ACTIVATION, tensor.dtype, self._network.tensors[owner].shape)
        memory = self.memories[owner]
        if name == owner:
            return memory
        return self.aliases.setdefault(name, replace(memory, shape=tensor.shape))

    def derived(self, name: str, values: Array) -> Memory:
        """A new constant computed from others, in the type of ``values``; ``name`` is made unique."""
        return self._constant(self._unique(name), values)

    def scratch(self, name: str, dtype: str, shape: tuple[int, ...]) -> Memory:
        """A new activation memory that is no tensor of the network; ``name`` is made unique."""
        return self._allocate(self._unique(name), MemoryKind.ACTIVATION, dtype, shape)

    def _constant(self, name: str, values: Array) -> Memory:
        array = np.ascontiguousarray(values).reshape(values.shape)
        if array.dtype == np.float32 and self._mode is FloatMode.FTZ and has_subnormals(array):
            array = flush_subnormals(array)
        self.constants[name] = array
        return self._allocate(name, MemoryKind.CONSTANT, array.dtype.name, array.shape)

    def _unique(self, name: str) -> str:
        while name in self._reserved:
            name += "_"
        self._reserved.add(name)
        return name

    def _allocate(self, name: str, kind: MemoryKind, dtype: str, shape: tuple[int, ...]) -> Memory:
        memory = Memory(name, kind, dtype, shape, self._end[kind])
        if memory.size > MAXIMUM_ELEMENTS:
            raise UnsupportedError(f"memory {name!r} of shape {list(shape)} has more than 2^31 elements; shrink it")
        self._end[kind] += -(-memory.nbytes // _ALIGNMENT) * _ALIGNMENT
        self.memories[name] = memory
        return memory


def _roots(network: Network, aliasing: Set[str]) -> Mapping[str, str]:
    """Tensor → the tensor whose memory it lives in.

    An output of the network is its own memory: where it would alias an input, a constant or another output, it gets a
    copy.
    """
    outputs = {tensor.name for tensor in network.outputs}
    fixed = {tensor.name for tensor in network.inputs} | network.constants.keys()
    for tensor in network.outputs:
        if tensor.name in fixed:
            raise UnsupportedError(
                f"output {tensor.name!r} of network {network.name!r} is an input or a constant: nothing is computed; "
                "remove the output, or compute it with an Identity node"
            )
    roots = {name: name for name in fixed}
    taken: set[str] = set()
    for layer in network.layers:
        for name in filter(None, layer.outputs):
            roots[name] = name
        if layer.op_type in aliasing:
            output, root = layer.outputs[0], roots[layer.inputs[0]]
            if output not in outputs or not (root in fixed or root in taken):
                roots[output] = root
        taken.update(roots[name] for name in layer.outputs if name in outputs)
    return roots
