"""TfIdfVectorizer: bit for bit the oracle's, equal to ONNX's reference (which wants weights)."""

from __future__ import annotations

import numpy as np
import pytest

from asnet.cache import Cache
from asnet.errors import NetworkError, UnsupportedError
from asnet.network import oracle
from asnet.types import FloatMode
from tests.lower.conftest import Case, Typed, check_bits, check_reference, one

POOL = {
    "ngram_counts": [0, 4, 10],
    "ngram_indexes": [0, 1, 2, 3, 4, 5, 6, 2],
    "pool_int64s": [2, 3, 5, 4, 5, 6, 7, 8, 6, 7, 0, 1, 1],
}
WEIGHTS = [0.5, 1.5, -2.0, 0.25, 3.0, 1e-3, 7.0]


def tf_idf(name: str, x: Typed, **attributes: object) -> Case:
    chosen = {"mode": "TF", "min_gram_length": 1, "max_gram_length": 3, "max_skip_count": 0} | POOL | attributes
    return one(name, "TfIdfVectorizer", x, **chosen)


ROW, ROWS = Typed("int64", (12,)), Typed("int32", (2, 9))
CASES = [
    tf_idf("tf", ROWS),
    tf_idf("tf-row", ROW, max_skip_count=5),
    tf_idf("tf-bigrams", ROWS, min_gram_length=2, max_gram_length=2, max_skip_count=2),
    tf_idf("idf", ROW, mode="IDF", weights=WEIGHTS, max_skip_count=1),
    tf_idf("idf-plain", ROWS, mode="IDF"),
    tf_idf("tfidf", ROWS, mode="TFIDF", weights=WEIGHTS, max_skip_count=3),
    tf_idf("short", Typed("int32", (2,)), max_skip_count=1),
]


@pytest.mark.parametrize("mode", FloatMode)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_has_the_oracles_bits(case: Case, mode: FloatMode, objects: Cache) -> None:
    check_bits(case, mode, objects)


@pytest.mark.parametrize("case", [case for case in CASES if case.name != "idf-plain"], ids=lambda case: case.name)
def test_agrees_with_the_onnx_reference(case: Case, objects: Cache) -> None:
    check_reference(case, objects)


def test_without_n_grams_nothing_counts() -> None:
    case = tf_idf("none", Typed("int64", (3,)))
    (counts,) = (a for a in case.model.graph.node[0].attribute if a.name == "ngram_counts")
    del counts.ints[:]
    found = oracle.run(case.network(), {"in0": np.array([7, 1, 7])})
    assert found["y"].tolist() == [0] * 7


def test_an_n_gram_that_is_there_twice_counts_as_the_last() -> None:
    pool = {"ngram_counts": [0], "ngram_indexes": [0, 1], "pool_int64s": [7, 7], "max_gram_length": 1}
    found = oracle.run(tf_idf("twice", Typed("int64", (3,)), **pool).network(), {"in0": np.array([7, 1, 7])})
    assert found["y"].tolist() == [0, 2]


@pytest.mark.parametrize(
    "attributes, fault, message",
    [
        ({"mode": "BM25"}, UnsupportedError, "mode 'BM25' is not supported; supported: TF, IDF, TFIDF"),
        ({"ngram_counts": [0, 2]}, NetworkError, r"ngram_counts \[0, 2\] do not fit 13 items"),
        ({"min_gram_length": 4}, NetworkError, "n-grams of 4 to 3 items"),
        ({"weights": [1.0]}, NetworkError, "1 weights for 7 columns; give one for each"),
    ],
)
def test_contradictions_are_refused(attributes: dict[str, object], fault: type[Exception], message: str) -> None:
    with pytest.raises(fault, match=message):
        tf_idf("t", ROWS, **attributes).network()
