"""Models of operator sets before the oldest that is read: converted by ONNX's own converter."""

from __future__ import annotations

from dataclasses import replace

import onnx
from onnx import version_converter

from asnet.errors import UnsupportedError
from asnet.network.checking import DEFAULT_DOMAINS, OLDEST_OPSET
from asnet.network.reading import Source, check_structure, one_line, with_declared_weights

__all__ = ["upgrade"]


def upgrade(source: Source) -> Source:
    """``source`` in operator set 7, if it is of an older one.

    Raises:
        NetworkError: the model is broken.
        UnsupportedError: it cannot be converted.
    """
    versions = {entry.version for entry in source.model.opset_import if entry.domain in DEFAULT_DOMAINS}
    if len(versions) != 1 or not 1 <= min(versions) < OLDEST_OPSET or source.model.functions:
        return source
    check_structure(source)
    try:
        model: onnx.ModelProto = version_converter.convert_version(with_declared_weights(source), OLDEST_OPSET)
    except Exception as error:  # RuntimeError, ValueError of its C++ side
        raise UnsupportedError(
            f"{source.where}: opset {min(versions)} is before {OLDEST_OPSET} and cannot be converted: {one_line(error)}"
        ) from None
    return replace(source, model=model)
