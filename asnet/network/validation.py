"""Every layer against the semantics of its operator, so that a contradiction is an error of the file, not of a run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping

import numpy as np

from asnet.errors import NetworkError, Refusals
from asnet.network.columns import columns
from asnet.network.deforming import deformation
from asnet.network.determinant import determinant
from asnet.network.einsum import einsum
from asnet.network.elementwise import clip_bounds, infinities, modulo_floors, shifts_left
from asnet.network.fourier import frames, transform
from asnet.network.grids import affine_grid
from asnet.network.indexing import (
    gather_axis,
    gather_coordinates,
    gather_elements_axis,
    scatter_coordinates,
    scatter_elements,
    tensor_scatter,
)
from asnet.network.layer_norm import layer_norm
from asnet.network.model import Layer, Network
from asnet.network.moving import (
    block_axes,
    center_positions,
    expand_shape,
    eye,
    one_hot,
    reverse_axes,
    slice_positions,
    split_sections,
    tile_repeats,
    trilu_diagonal,
)
from asnet.network.normalizing import instance_norm, lp_norm, response
from asnet.network.pooling import lp_pooling, max_pooling, unpooling
from asnet.network.recurrent import recurrent
from asnet.network.reductions import extremum, reduction, running, selection
from asnet.network.regions import roi_align
from asnet.network.resizing import resize
from asnet.network.sampling import grid_sample
from asnet.network.semantics import (
    batchnorm_scale_shift,
    concat_axis,
    gemm_parameters,
    leaky_alpha,
    matmul_geometry,
    pad_amounts,
    softmax_axes,
    transpose_permutation,
)
from asnet.network.transposed import transposed_geometry
from asnet.network.vectorizing import vectorizer
from asnet.network.windows import conv_geometry, pool_geometry

__all__ = ["validate"]


def _same_size(layer: Layer, network: Network) -> None:
    before, after = network.tensors[layer.inputs[0]], network.tensors[layer.outputs[0]]
    if before.size != after.size:
        raise NetworkError(f"{layer}: {before} cannot become {after}: the numbers of elements differ")


_CHECKS: Mapping[str, Callable[[Layer, Network], object]] = {
    "Gemm": gemm_parameters,
    "MatMul": matmul_geometry,
    "Conv": conv_geometry,
    "ConvTranspose": transposed_geometry,
    **dict.fromkeys(("AveragePool", "GlobalAveragePool", "GlobalMaxPool"), pool_geometry),
    "MaxPool": max_pooling,
    "MaxUnpool": unpooling,
    **dict.fromkeys(("LpPool", "GlobalLpPool"), lp_pooling),
    "Softmax": softmax_axes,
    **dict.fromkeys(("ReduceSum", "ReduceMean", "ReduceProd", "ReduceMax", "ReduceMin", "ReduceL1"), reduction),
    **dict.fromkeys(("ReduceSumSquare", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp"), reduction),
    **dict.fromkeys(("ArgMax", "ArgMin"), extremum),
    **dict.fromkeys(("CumSum", "CumProd"), running),
    "TopK": selection,
    "InstanceNormalization": instance_norm,
    **dict.fromkeys(("LayerNormalization", "RMSNormalization"), layer_norm),
    "LRN": response,
    "LpNormalization": lp_norm,
    **dict.fromkeys(("RNN", "GRU", "LSTM"), recurrent),
    "BatchNormalization": batchnorm_scale_shift,
    "Clip": clip_bounds,
    "Mod": lambda layer, network: modulo_floors(layer),
    "BitShift": lambda layer, network: shifts_left(layer),
    "IsInf": lambda layer, network: infinities(layer),
    "Pad": pad_amounts,
    "Slice": slice_positions,
    "Split": split_sections,
    "Expand": expand_shape,
    "Tile": tile_repeats,
    "CenterCropPad": center_positions,
    **dict.fromkeys(("DepthToSpace", "SpaceToDepth"), block_axes),
    "OneHot": one_hot,
    "EyeLike": eye,
    "Trilu": trilu_diagonal,
    "ReverseSequence": reverse_axes,
    "Gather": gather_axis,
    "GatherElements": gather_elements_axis,
    "GatherND": gather_coordinates,
    **dict.fromkeys(("Scatter", "ScatterElements"), scatter_elements),
    "ScatterND": scatter_coordinates,
    "TensorScatter": tensor_scatter,
    "RoiAlign": roi_align,
    "DeformConv": deformation,
    "Det": determinant,
    "Einsum": einsum,
    "DFT": transform,
    "TfIdfVectorizer": vectorizer,
    "STFT": frames,
    **dict.fromkeys(("Resize", "Upsample"), resize),
    "AffineGrid": affine_grid,
    "GridSample": grid_sample,
    "Col2Im": columns,
    "LeakyRelu": lambda layer, network: leaky_alpha(layer),
    "Transpose": transpose_permutation,
    "Concat": concat_axis,
    **dict.fromkeys(("Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"), _same_size),
}


_BROADCASTING = frozenset(
    {
        *("Add", "Sub", "Mul", "Div", "Mod", "Pow", "Max", "Min", "Sum", "Mean", "PRelu", "Where", "BitShift"),
        *("And", "Or", "Xor", "BitwiseAnd", "BitwiseOr", "BitwiseXor"),
        *("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"),
    }
)


def _broadcasts(layer: Layer, network: Network) -> None:
    shapes = [network.shape(name) for name in layer.inputs]
    goal = network.shape(layer.outputs[0])
    with contextlib.suppress(ValueError):
        if np.broadcast_shapes(*shapes) == goal:
            return
    raise NetworkError(f"{layer}: shapes {', '.join(str(list(shape)) for shape in shapes)} do not give {list(goal)}")


def validate(network: Network, where: str) -> None:
    """Resolve the semantics of every layer whose operator is known here.

    Raises:
        NetworkError: a layer's shapes, attributes or constants contradict each other; names file and node.
        UnsupportedError: layers are variants that are not supported; all are named.
    """
    refusals = Refusals()
    for layer in network.layers:
        checks = [_CHECKS.get(layer.op_type), _broadcasts if layer.op_type in _BROADCASTING else None]
        for check in filter(None, checks):
            with refusals.collect():
                try:
                    check(layer, network)
                except NetworkError as error:
                    raise type(error)(f"{where}: {error}") from None
    refusals.raise_any()
