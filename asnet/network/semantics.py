"""What operators mean, with defaults and opset versions resolved: one reading for the oracle and the lowering.

Windows (convolution, pooling) are in :mod:`asnet.network.windows`. Scalars are float32 as the operation sees them;
flushing them in ``ftz`` mode is the caller's, like that of any constant.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asnet.errors import NetworkError, UnsupportedError
from asnet.network.attributes import integer, integers, real, text
from asnet.network.elementary import Float32
from asnet.network.model import Layer, Network
from asnet.types import Array

__all__ = [
    "BatchNormalization",
    "Gemm",
    "MatMul",
    "Padding",
    "batchnorm_scale_shift",
    "check_output",
    "concat_axis",
    "constant_input",
    "gemm_parameters",
    "has_input",
    "leaky_alpha",
    "matmul_geometry",
    "normalize_axis",
    "pad_amounts",
    "scalar",
    "softmax_axes",
    "transpose_permutation",
]


def has_input(layer: Layer, index: int) -> bool:
    """Whether the optional input ``index`` is given."""
    return index < len(layer.inputs) and layer.inputs[index] != ""


def constant_input(layer: Layer, network: Network, index: int, role: str) -> Array:
    """The array of input ``index``, which must be a constant of the network; ``role`` names it in messages.

    Raises:
        UnsupportedError: it is computed by the network.
    """
    name = layer.inputs[index]
    if name not in network.constants:
        raise UnsupportedError(
            f"{layer}: {role} {name!r} is computed by the network; only a constant is supported, make it an initializer"
        )
    return network.constants[name]


def check_output(layer: Layer, network: Network, shape: Sequence[int]) -> None:
    """Hold the model to the ``shape`` that the first output of ``layer`` has.

    Raises:
        NetworkError: it says another.
    """
    found = network.shape(layer.outputs[0])
    if found != tuple(shape):
        raise NetworkError(
            f"{layer}: the result has the shape {list(shape)}, the model says {list(found)}; mend the model"
        )


def scalar(layer: Layer, array: Array, role: str) -> np.generic:
    """The only element of ``array``, the parameter ``role`` of ``layer``.

    Raises:
        NetworkError: it has none or several.
    """
    if array.size != 1:
        raise NetworkError(f"{layer}: {role} of shape {list(array.shape)} must be a scalar")
    return array.reshape(-1)[0]


def normalize_axis(layer: Layer, axis: int, rank: int) -> int:
    """``axis`` counted from the front.

    Raises:
        NetworkError: it is outside ``[-rank, rank)``.
    """
    if not -rank <= axis < rank:
        raise NetworkError(f"{layer}: axis {axis} is outside [{-rank}, {rank - 1}] of a tensor with {rank} axes")
    return axis % rank


@dataclass(frozen=True)
class Gemm:
    """``y[m, n] = alpha·Σ_k a[m, k]·b[k, n] + beta·c``; ``trans_a``: a is stored ``[k, m]``, ``trans_b``: b ``[n, k]``.

    ``bias``: c is given and beta is not 0. ``fused``: alpha = 1 and no beta to multiply by, so that the accumulator
    starts with c (or 0.0) and is the result.
    """

    m: int
    n: int
    k: int
    trans_a: bool
    trans_b: bool
    alpha: np.float32
    beta: np.float32
    bias: bool

    @property
    def fused(self) -> bool:
        """Whether the accumulator starts with c (or 0.0) and is the result."""
        return self.alpha == 1 and (not self.bias or self.beta == 1)


def gemm_parameters(layer: Layer, network: Network) -> Gemm:
    """Shapes and scalars of a Gemm.

    Raises:
        NetworkError: a, b and c do not fit.
    """
    a, b = network.shape(layer.inputs[0]), network.shape(layer.inputs[1])
    trans_a, trans_b = integer(layer, "transA", 0) != 0, integer(layer, "transB", 0) != 0
    if len(a) != 2 or len(b) != 2 or a[0 if trans_a else 1] != b[1 if trans_b else 0]:
        raise NetworkError(f"{layer}: matrices of shape {list(a)} and {list(b)} do not fit each other")
    m, k = reversed(a) if trans_a else a
    n = b[0 if trans_b else 1]
    beta = np.float32(real(layer, "beta", 1.0))
    c = network.shape(layer.inputs[2]) if has_input(layer, 2) else ()
    if len(c) > 2 or any(extent not in (1, goal) for extent, goal in zip(reversed(c), (n, m), strict=False)):
        raise NetworkError(f"{layer}: C of shape {list(c)} does not broadcast to the product's shape {[m, n]}")
    return Gemm(
        m=m,
        n=n,
        k=k,
        trans_a=trans_a,
        trans_b=trans_b,
        alpha=np.float32(real(layer, "alpha", 1.0)),
        beta=beta,
        bias=has_input(layer, 2) and bool(beta != 0),
    )


@dataclass(frozen=True)
class MatMul:
    """``y[*batch, m, n] = Σ_k a[*a_batch, m, k]·b[*b_batch, k, n]``, batch axes broadcast as in numpy.

    A vector a is a row (m = 1), a vector b a column (n = 1); the axis added for it is absent in the output's shape.
    """

    batch: tuple[int, ...]
    a_batch: tuple[int, ...]
    b_batch: tuple[int, ...]
    m: int
    n: int
    k: int


def matmul_geometry(layer: Layer, network: Network) -> MatMul:
    """Shapes of a MatMul.

    Raises:
        NetworkError: the operands do not fit.
    """
    a, b = network.shape(layer.inputs[0]), network.shape(layer.inputs[1])
    left = (1, *a) if len(a) == 1 else a
    right = (*b, 1) if len(b) == 1 else b
    if not a or not b or left[-1] != right[-2]:
        raise NetworkError(f"{layer}: operands of shape {list(a)} and {list(b)} do not fit each other")
    batch = np.broadcast_shapes(left[:-2], right[:-2])
    return MatMul(batch, left[:-2], right[:-2], m=left[-2], n=right[-1], k=left[-1])


def softmax_axes(layer: Layer, network: Network) -> tuple[int, int, int]:
    """``(outer, axis, inner)``: the tensor seen as that shape is normalised over its middle axis.

    From opset 13 one axis (default the last); before, all axes from ``axis`` (default 1) on are one.
    """
    shape = network.shape(layer.inputs[0])
    flattens = network.opset < 13
    axis = normalize_axis(layer, integer(layer, "axis", 1 if flattens else -1), len(shape))
    end = len(shape) if flattens else axis + 1
    return math.prod(shape[:axis]), math.prod(shape[axis:end]), math.prod(shape[end:])


@dataclass(frozen=True)
class BatchNormalization:
    """``y = x·a + b`` with one float32 ``a`` and ``b`` per channel (axis 1; axis 0 of a vector)."""

    a: Float32
    b: Float32
    axis: int


def batchnorm_scale_shift(layer: Layer, network: Network) -> BatchNormalization:
    """An inference BatchNormalization folded to ``a = scale/√(var + eps)``, ``b = bias - mean·a``.

    Computed in float64 from the stored constants, rounded to float32 once.

    Raises:
        NetworkError: a statistic does not have one element per channel, or the result is not finite.
        UnsupportedError: a statistic is computed by the network.
    """
    shape = network.shape(layer.inputs[0])
    axis = min(1, len(shape) - 1)
    roles = ("scale", "bias", "mean", "variance")
    for index, role in enumerate(roles, start=1):
        found = list(network.shape(layer.inputs[index]))
        if not shape or found != [shape[axis]]:
            raise NetworkError(f"{layer}: {role} of shape {found} does not fit an input of shape {list(shape)}")
    scale, bias, mean, variance = (
        constant_input(layer, network, index, role).astype(np.float64) for index, role in enumerate(roles, start=1)
    )
    epsilon = float(np.float32(real(layer, "epsilon", 1e-5)))
    with np.errstate(all="ignore"):
        a = scale / np.sqrt(variance + epsilon)
        b = bias - mean * a
        folded = a.astype(np.float32), b.astype(np.float32)
    if not all(np.isfinite(array).all() for array in folded):
        raise NetworkError(f"{layer}: scale/√(variance + {epsilon:g}) is not finite in float32; mend the statistics")
    return BatchNormalization(*folded, axis=axis)


@dataclass(frozen=True)
class Padding:
    """A Pad: ``begins`` and ``ends`` per axis, negative ones crop before the others pad.

    ``mode`` is constant (filled with ``value``, of the tensor's type), edge, reflect or wrap.
    """

    mode: str
    begins: tuple[int, ...]
    ends: tuple[int, ...]
    value: np.generic

    def kept(self, shape: Sequence[int]) -> tuple[range, ...]:
        """Per axis of an input of ``shape`` the positions that are not cropped."""
        return tuple(
            range(max(-begin, 0), extent - max(-end, 0))
            for begin, end, extent in zip(self.begins, self.ends, shape, strict=True)
        )

    def positions(self, shape: Sequence[int]) -> tuple[tuple[int, ...], ...]:
        """For each index along each axis of the output the index in an input of ``shape``; not in mode constant."""
        return tuple(
            tuple(np.pad(np.array(kept), (max(begin, 0), max(end, 0)), mode=self.mode).tolist())  # pyright: ignore
            for begin, end, kept in zip(self.begins, self.ends, self.kept(shape), strict=True)
        )


PADDING_MODES = ("constant", "edge", "reflect", "wrap")


def pad_amounts(layer: Layer, network: Network) -> Padding:
    """Amounts of a Pad: attributes before opset 11, constant inputs since, ``axes`` since 18.

    Raises:
        NetworkError: the amounts do not fit the tensor.
        UnsupportedError: an unknown mode, or amounts computed by the network.
    """
    tensor = network.tensors[layer.inputs[0]]
    shape, rank = tensor.shape, len(tensor.shape)
    axes = tuple(range(rank))
    value: np.generic = np.dtype(tensor.dtype).type(0)
    if network.opset < 11:
        pads = integers(layer, "pads", ())
        value = np.float32(real(layer, "value", 0.0))
    else:
        pads = tuple(int(amount) for amount in constant_input(layer, network, 1, "pads").ravel())
        if has_input(layer, 2):
            value = scalar(layer, constant_input(layer, network, 2, "constant_value"), "constant_value")
        if has_input(layer, 3):
            axes = tuple(normalize_axis(layer, int(a), rank) for a in constant_input(layer, network, 3, "axes").ravel())
    if len(pads) != 2 * len(axes):
        raise NetworkError(f"{layer}: pads {list(pads)} must be {2 * len(axes)} integers, begins then ends")
    begins, ends = [0] * rank, [0] * rank
    for position, axis in enumerate(axes):
        begins[axis], ends[axis] = pads[position], pads[len(axes) + position]
    mode = text(layer, "mode", "constant")
    if mode not in PADDING_MODES:
        raise UnsupportedError(f"{layer}: mode {mode!r} is not supported; supported: {', '.join(PADDING_MODES)}")
    padding = Padding(mode, tuple(begins), tuple(ends), value)
    for begin, end, extent in zip(begins, ends, shape, strict=True):
        kept = extent + min(begin, 0) + min(end, 0)
        if kept < 0 or (mode != "constant" and kept == 0 and max(begin, end) > 0):
            raise NetworkError(f"{layer}: pads {list(pads)} leave nothing to pad of the shape {list(shape)}")
        if mode == "reflect" and max(begin, end) >= max(kept, 1):
            raise NetworkError(f"{layer}: reflecting pads {list(pads)} are larger than the shape {list(shape)} minus 1")
    return padding


def leaky_alpha(layer: Layer) -> np.float32:
    """Slope of a LeakyRelu below 0."""
    return np.float32(real(layer, "alpha", 0.01))


def transpose_permutation(layer: Layer, network: Network) -> tuple[int, ...]:
    """For each output axis of a Transpose the input axis it is; reversed axes if not given."""
    rank = len(network.shape(layer.inputs[0]))
    permutation = integers(layer, "perm", tuple(reversed(range(rank))))
    if sorted(permutation) != list(range(rank)):
        raise NetworkError(f"{layer}: perm {list(permutation)} is no permutation of {rank} axes")
    return permutation


def concat_axis(layer: Layer, network: Network) -> int:
    """Axis of a Concat, counted from the front."""
    return normalize_axis(layer, integer(layer, "axis", 1), len(network.shape(layer.outputs[0])))
