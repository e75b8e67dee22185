"""The oracle's Det: Gaussian elimination with the greatest pivot of each column."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from asnet.network.determinant import determinant
from asnet.network.model import Layer
from asnet.network.oracle_frame import Frame, Operator
from asnet.types import AnyArray

__all__ = ["OPERATORS"]


def det(frame: Frame, layer: Layer) -> AnyArray:
    """The product of the pivots, from 1 on, negated for each exchange of rows.

    A pivot is the first greatest magnitude from the diagonal downwards (the diagonal's element if that is a NaN); below
    a pivot of 0 nothing is subtracted.
    """
    count, m = determinant(layer, frame.network)
    matrices = frame.operand(layer, 0).reshape(count, m, m)
    results = np.ones(count, np.float32)
    for number, matrix in enumerate(matrices):
        a = matrix.copy()
        result = np.float32(1)
        for k in range(m):
            row = k
            for i in range(k + 1, m):
                row = i if np.abs(a[i, k]) > np.abs(a[row, k]) else row
            if row != k:
                a[[k, row]] = a[[row, k]]
                result = np.negative(result)
            pivot = a[k, k]
            result = np.multiply(result, pivot)
            for i in range(k + 1, m):
                factor = np.divide(a[i, k], pivot) if pivot != 0 else np.float32(0)
                a[i, k + 1 :] = np.subtract(a[i, k + 1 :], np.multiply(a[k, k + 1 :], factor))
        results[number] = result
    return results


OPERATORS: Mapping[str, Operator] = {"Det": det}
