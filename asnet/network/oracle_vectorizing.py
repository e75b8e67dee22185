"""The oracle's TfIdfVectorizer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from asnet.network.elementary import Float32
from asnet.network.model import Layer
from asnet.network.oracle_frame import Frame, Operator
from asnet.network.vectorizing import vectorizer

__all__ = ["OPERATORS"]


def _tf_idf(frame: Frame, layer: Layer) -> Float32:
    """Counts are integers; ``TFIDF`` is ``count·weight``."""
    found = vectorizer(layer, frame.network)
    x = frame.operand(layer, 0).reshape(found.rows, found.items).astype(np.int64)
    counts = np.zeros((found.rows, found.columns), np.int32)
    for grams in found.grams:
        for distance in grams.distances:
            for start in range(found.items - distance * (grams.length - 1)):
                part = x[:, start::distance][:, : grams.length]
                there = np.all(part[:, None] == grams.items, axis=2)
                for gram, column in enumerate(grams.columns.tolist()):
                    counts[:, column] += there[:, gram]
    if found.mode == "TF":
        return counts.astype(np.float32)
    weights = frame.flush(found.weights)
    if found.mode == "IDF":
        return np.where(counts > 0, weights, np.float32(0))
    return np.multiply(counts.astype(np.float32), weights)


OPERATORS: Mapping[str, Operator] = {"TfIdfVectorizer": _tf_idf}
