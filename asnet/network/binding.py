"""The inputs of a network with their dynamic axes bound: the batch to one image, others as the user says."""

from __future__ import annotations

import math
import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

import onnx

from asnet.errors import NetworkError, UnsupportedError, UsageError, did_you_mean
from asnet.network.model import Shapes, Tensor
from asnet.network.reading import MAXIMUM_ELEMENTS
from asnet.network.shapes import check_type, type_name

__all__ = ["bind_inputs"]

_BATCH = re.compile(r"n|b|bs|.*batch.*", re.IGNORECASE)
"""What exporters and their users call the axis of the images."""


@dataclass(frozen=True)
class _Bound:
    """What is known of the axes before the inputs are looked at one by one."""

    batch: int
    names: frozenset[str]
    """Names that mean the axis of the images."""
    unnamed: bool
    """Whether a dynamic first axis without a name means it too."""
    extents: Mapping[str, int]
    """Extents of named axes."""
    shapes: Mapping[str, tuple[int, ...]]
    """Whole shapes of inputs."""


def bind_inputs(
    model: onnx.ModelProto, constants: Container[str], batch: int, shapes: Shapes, where: str
) -> tuple[Tensor, ...]:
    """Give each dynamic axis of the inputs its extent (in ``model``); the inputs, without those that are constants.

    ``shapes`` gives the extent of an axis by its name, or the whole shape of an input by its name. Of the dynamic axes
    that it leaves, those called like a batch (``N``, ``batch_size`` …) get ``batch``; where no axis is called so, the
    first axis of each input.

    Raises:
        NetworkError: ``batch`` contradicts a fixed first axis.
        UnsupportedError: other dynamic axes, or an input that is no tensor of a supported type.
        UsageError: ``shapes`` names what is not there, or contradicts the file.
    """
    inputs = [value for value in model.graph.input if value.name not in constants]
    for value in inputs:
        _check_input(value, f"{where}: input {value.name!r}")
    bound = _bound(inputs, batch, shapes)
    missing = [text for value in inputs for text in _missing(value, bound)]
    if missing:
        options = " ".join(f"--shape {option}" for option in dict.fromkeys(option for _, option in missing))
        raise UnsupportedError(
            f"{where}: {'; '.join(dict.fromkeys(what for what, _ in missing))}; say how large with {options} "
            "(a number in place of each ?)"
        )
    return tuple(_bind(value, bound, where) for value in inputs)


def _dims(value: onnx.ValueInfoProto) -> Sequence[onnx.TensorShapeProto.Dimension]:
    return value.type.tensor_type.shape.dim


def _fixed(dim: onnx.TensorShapeProto.Dimension) -> bool:
    return dim.WhichOneof("value") == "dim_value"


def _check_input(value: onnx.ValueInfoProto, what: str) -> None:
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        raise UnsupportedError(
            f"{what} is of type {(kind or 'none').removesuffix('_type')!r}; only tensors are supported"
        )
    check_type(type_name(value.type.tensor_type.elem_type), what)
    if not value.type.tensor_type.HasField("shape"):
        raise UnsupportedError(f"{what} has no shape; export it with a shape")
    for axis, dim in enumerate(_dims(value)):
        if _fixed(dim) and dim.dim_value < 0:
            raise NetworkError(f"{what}: axis {axis} has extent {dim.dim_value}; an extent is not negative")


def _bound(inputs: Sequence[onnx.ValueInfoProto], batch: int, shapes: Shapes) -> _Bound:
    by_name = {value.name: value for value in inputs}
    symbols = [dim.dim_param for value in inputs for dim in _dims(value) if not _fixed(dim) and dim.dim_param]
    extents: dict[str, int] = {}
    whole: dict[str, tuple[int, ...]] = {}
    for name, given in shapes.items():
        shape = (given,) if isinstance(given, int) else tuple(given)
        text = f"shape {name}={'x'.join(map(str, shape))}"
        if any(extent < 0 for extent in shape):
            raise UsageError(f"{text}: an extent is not negative")
        if name in symbols and len(shape) == 1:
            extents[name] = shape[0]
        elif name in by_name:
            _check_whole(by_name[name], shape, text)
            whole[name] = shape
        elif name in symbols:
            raise UsageError(f"{text}: {name!r} is one axis; give it one extent")
        else:
            raise UsageError(f"{text}: no input and no axis of one is called {name!r}{_known(name, symbols, by_name)}")
    for name, shape in whole.items():  # what one input says of a named axis holds for all
        for dim, extent in zip(_dims(by_name[name]), shape, strict=True):
            if dim.dim_param and extents.setdefault(dim.dim_param, extent) != extent:
                raise UsageError(
                    f"shape {name}={'x'.join(map(str, shape))}: axis {dim.dim_param!r} has extent {extent} here and "
                    f"{extents[dim.dim_param]} elsewhere; make them the same"
                )
    called = {name for name in symbols if _BATCH.fullmatch(name)}
    first = {_dims(value)[0].dim_param for value in inputs if _dims(value) and not _fixed(_dims(value)[0])}
    return _Bound(batch, frozenset(called or first - {""}), "" in first, extents, whole)


def _known(name: str, symbols: Sequence[str], inputs: Mapping[str, object]) -> str:
    return did_you_mean(name, {*symbols, *inputs})


def _check_whole(value: onnx.ValueInfoProto, shape: tuple[int, ...], text: str) -> None:
    dims = _dims(value)
    agrees = len(dims) == len(shape) and all(
        not _fixed(dim) or dim.dim_value == extent for dim, extent in zip(dims, shape, strict=True)
    )
    if not agrees:
        raise UsageError(f"{text}: input {value.name!r} is {_written(value)}; only what is ? can be chosen")


def _written(value: onnx.ValueInfoProto) -> str:
    return "x".join(str(dim.dim_value) if _fixed(dim) else "?" for dim in _dims(value)) or "a scalar"


def _extent(value: onnx.ValueInfoProto, axis: int, bound: _Bound) -> int | None:
    """The extent of an axis; None if it is dynamic and nothing says how large."""
    dim = _dims(value)[axis]
    if _fixed(dim):
        return dim.dim_value
    if value.name in bound.shapes:
        return bound.shapes[value.name][axis]
    if dim.dim_param in bound.extents:
        return bound.extents[dim.dim_param]
    is_batch = dim.dim_param in bound.names if dim.dim_param else axis == 0 and bound.unnamed
    return bound.batch if is_batch else None


def _missing(value: onnx.ValueInfoProto, bound: _Bound) -> list[tuple[str, str]]:
    """What is said of each axis whose extent is not known, and the option that gives it."""
    found: list[tuple[str, str]] = []
    for axis, dim in enumerate(_dims(value)):
        if _extent(value, axis, bound) is None:
            name = dim.dim_param
            what = f"axis {axis} ({name!r}) is dynamic" if name else f"axis {axis} is dynamic and has no name"
            extents = [_extent(value, each, bound) for each in range(len(_dims(value)))]
            whole = "x".join("?" if extent is None else str(extent) for extent in extents)
            found.append((f"input {value.name!r}: {what}", f"{name}=?" if name else f"{value.name}={whole}"))
    return found


def _bind(value: onnx.ValueInfoProto, bound: _Bound, where: str) -> Tensor:
    what = f"{where}: input {value.name!r}"
    dims = _dims(value)
    batched = bool(dims) and dims[0].dim_value == bound.batch
    for axis, dim in enumerate(dims):
        extent = _extent(value, axis, bound)
        assert extent is not None, "what is missing was told before"
        batched |= not _fixed(dim) and extent == bound.batch
        dim.dim_value = extent
    shape = tuple(dim.dim_value for dim in dims)
    if bound.batch != 1 and not batched:
        raise NetworkError(
            f"{what} has the fixed shape {list(shape)}, which batch {bound.batch} does not fit; use batch 1"
        )
    if math.prod(shape) > MAXIMUM_ELEMENTS:
        raise NetworkError(f"{what} of shape {list(shape)} has more than 2^31 elements; use a smaller batch or network")
    return Tensor(value.name, type_name(value.type.tensor_type.elem_type), shape)
