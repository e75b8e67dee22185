"""What a TfIdfVectorizer counts: which n-grams, and in which column of the output."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asnet.errors import NetworkError, UnsupportedError
from asnet.network.attributes import integer, integers, reals, text
from asnet.network.elementary import Float32
from asnet.network.model import Layer, Network
from asnet.network.semantics import check_output

__all__ = ["Grams", "Vectorizer", "vectorizer"]


@dataclass(frozen=True)
class Grams:
    """N-grams of one length: ``items`` ``[grams, length]`` count in ``columns`` ``[grams]``.

    An n-gram is there at ``start`` with distance d if items ``start``, ``start + d``, … are its own; ``distances`` are
    the distances that count.
    """

    items: NDArray[np.int64]
    columns: NDArray[np.int64]
    distances: range

    @property
    def length(self) -> int:
        """Items of an n-gram."""
        return self.items.shape[1]


@dataclass(frozen=True)
class Vectorizer:
    """A TfIdfVectorizer of ``rows`` rows of ``items`` items: ``mode`` TF gives the counts, IDF the ``weights`` of what
    is there, TFIDF their products.
    """

    rows: int
    items: int
    columns: int
    grams: tuple[Grams, ...]
    mode: str
    weights: Float32


def vectorizer(layer: Layer, network: Network) -> Vectorizer:
    """N-grams and weights of a TfIdfVectorizer.

    Raises:
        NetworkError: shapes or attributes contradict each other.
        UnsupportedError: strings, or an unknown mode.
    """
    shape = network.shape(layer.inputs[0])
    mode, skips = text(layer, "mode", ""), integer(layer, "max_skip_count", 0)
    if "pool_strings" in layer.attributes:
        raise UnsupportedError(f"{layer}: n-grams of strings are not supported; use numbers")
    if mode not in {"TF", "IDF", "TFIDF"}:
        raise UnsupportedError(f"{layer}: mode {mode!r} is not supported; supported: TF, IDF, TFIDF")
    pool, starts = integers(layer, "pool_int64s", ()), integers(layer, "ngram_counts", ())
    indexes = integers(layer, "ngram_indexes", ())
    shortest, longest = integer(layer, "min_gram_length", 1), integer(layer, "max_gram_length", 1)
    if len(shape) not in {1, 2} or not 1 <= shortest <= longest or skips < 0 or min(indexes, default=-1) < 0:
        raise NetworkError(
            f"{layer}: n-grams of {shortest} to {longest} items, {skips} skips and columns {list(indexes)} of an input "
            f"of shape {list(shape)} make no sense; mend the model"
        )
    columns = max(indexes) + 1
    weights = reals(layer, "weights", (1.0,) * columns)
    grams: list[Grams] = []
    first = 0
    for length, (start, end) in enumerate(zip(starts, (*starts[1:], len(pool)), strict=False), start=1):
        count = (end - start) // length
        if not 0 <= start <= end <= len(pool) or count * length != end - start or first + count > len(indexes):
            raise NetworkError(
                f"{layer}: ngram_counts {list(starts)} do not fit {len(pool)} items and {len(indexes)} columns"
            )
        if count and shortest <= length <= longest:
            kept = {
                pool[start + g * length :][:length]: indexes[first + g] for g in range(count)
            }  # the last one counts
            items = np.array(list(kept), np.int64).reshape(-1, length)
            distances = range(1, 2) if length == 1 else range(1, skips + 2)
            grams.append(Grams(items, np.array(list(kept.values()), np.int64), distances))
        first += count
    if len(weights) < columns:
        raise NetworkError(f"{layer}: {len(weights)} weights for {columns} columns; give one for each")
    check_output(layer, network, (*shape[:-1], columns))
    rows = shape[0] if len(shape) == 2 else 1
    return Vectorizer(rows, shape[-1], columns, tuple(grams), mode, np.array(weights[:columns], np.float32))
