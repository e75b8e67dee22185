"""What a DeformConv computes: a convolution of elements read between their places."""

from __future__ import annotations

from dataclasses import dataclass

from asnet.errors import NetworkError
from asnet.network.attributes import integer
from asnet.network.model import Layer, Network
from asnet.network.sampling import Axis
from asnet.network.semantics import has_input
from asnet.network.windows import ConvGeometry, conv_geometry

__all__ = ["Deformation", "deformation"]


@dataclass(frozen=True)
class Deformation:
    """A convolution whose tap ``t`` of output ``o`` reads, per axis, the input's position ``o·stride - begin +
    t·dilation`` plus an offset, linearly interpolated with zeros around; then a factor, if ``masked``.

    Channels are in ``groups`` of the same offsets ``[batch, groups, *kernel, rank, *outputs]`` and factors
    ``[batch, groups, *kernel, *outputs]``.
    """

    conv: ConvGeometry
    groups: int
    masked: bool

    @property
    def axes(self) -> tuple[Axis, ...]:
        """How the input is read."""
        return tuple(Axis(extent, "linear", "zeros", aligned=True) for extent in self.conv.window.inputs)

    @property
    def offsets(self) -> tuple[int, ...]:
        """Shape of the offsets."""
        window = self.conv.window
        return (self.conv.batch, self.groups, *window.kernel, len(window.kernel), *window.outputs)

    @property
    def factors(self) -> tuple[int, ...]:
        """Shape of the factors."""
        return (self.conv.batch, self.groups, *self.conv.window.kernel, *self.conv.window.outputs)


def deformation(layer: Layer, network: Network) -> Deformation:
    """Shapes of a DeformConv.

    Raises:
        NetworkError: as :func:`~asnet.network.windows.conv_geometry`, or offsets or mask do not fit.
    """
    conv = conv_geometry(layer, network, bias_input=3)
    groups = integer(layer, "offset_group", 1)
    window = conv.window
    if groups < 1 or conv.in_channels % groups:
        raise NetworkError(f"{layer}: offset_group {groups} does not divide {conv.in_channels} channels")
    for position, role, parts in (
        (2, "offset", groups * window.taps * len(window.kernel)),
        (4, "mask", groups * window.taps),
    ):
        expected = (conv.batch, parts, *window.outputs)
        if has_input(layer, position) and network.shape(layer.inputs[position]) != expected:
            raise NetworkError(
                f"{layer}: {role} of shape {list(network.shape(layer.inputs[position]))} must be {list(expected)}"
            )
    return Deformation(conv, groups, has_input(layer, 4))
