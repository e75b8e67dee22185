"""Einsum in all forms: bit for bit the oracle's, equal to ONNX's reference."""

from __future__ import annotations

import pytest

from asnet.errors import NetworkError
from asnet.network.einsum import einsum
from asnet.network.model import Layer, Network, Tensor
from tests.lower.conftest import Typed, case_tests, one, weights

EQUATIONS: dict[str, list[tuple[int, ...]]] = {
    "ij,jk->ik": [(3, 4), (4, 2)],
    "bij, bjk -> bik": [(2, 3, 4), (2, 4, 2)],
    "ij,jk": [(3, 4), (4, 2)],
    "ba": [(3, 4)],
    "ii": [(3, 3)],
    "ii->i": [(4, 4)],
    "bii->b": [(2, 3, 3)],
    "iji->ij": [(3, 2, 3)],
    "i,j->ij": [(3,), (4,)],
    "i,i": [(5,), (5,)],
    "ij->": [(3, 4)],
    "ij->i": [(3, 4)],
    "...ij->...ji": [(2, 3, 4)],
    "...ij,...jk->...ik": [(1, 2, 3, 4), (5, 1, 4, 2)],
    "...i->...": [(2, 3, 4)],
    "...,...": [(2, 3), (1, 3)],
    "b...,b->...b": [(2, 3, 4), (2,)],
    "i...j,j->i": [(2, 3, 4), (4,)],
    "bhid,bhjd->bhij": [(2, 2, 3, 4), (2, 2, 5, 4)],
    "ij,jk,kl->il": [(2, 3), (3, 4), (4, 2)],
    "i,ij,j->": [(3,), (3, 4), (4,)],
    "aB,Bc": [(2, 3), (3, 2)],
    "ij,jk->k": [(2, 3), (3, 4)],
}
CASES = [
    *(
        one(f"einsum-{number}", "Einsum", *shapes, equation=key)
        for number, (key, shapes) in enumerate(EQUATIONS.items())
    ),
    one("einsum-weights", "Einsum", (2, 3, 4), weights(4, 2, 5), equation="bsd,dhk->bhsk"),
    one("einsum-bytes", "Einsum", Typed("int32", (2, 3)), Typed("int32", (3, 4)), equation="ij,jk->ik"),
    one("einsum-unit", "Einsum", (2, 1), (3, 4), equation="...j,jk->...k"),
]


test_has_the_oracles_bits, test_agrees_with_the_onnx_reference = case_tests(CASES)


REFUSED = {
    "ij,jk->ik": ([(3, 4), (5, 2)], "'j' of equation 'ij,jk->ik' is 4 and 5 elements; mend the model"),
    "ij->iji": ([(3, 4)], "the output of equation 'ij->iji' is no choice of its letters; mend the model"),
    "i1->i": ([(3, 4)], "equation 'i1->i' is none of 1 operands; mend the model"),
    "ij,jk": ([(3, 4)], "equation 'ij,jk' is none of 1 operands; mend the model"),
    "ij->i": ([(3, 4, 5)], r"'ij' of equation 'ij->i' does not fit an operand of shape \[3, 4, 5\]"),
}


@pytest.mark.parametrize("equation", REFUSED)
def test_contradictions_are_refused(equation: str) -> None:
    shapes, message = REFUSED[equation]
    names = [f"x{number}" for number in range(len(shapes))]
    tensors = {name: Tensor(name, "float32", shape) for name, shape in zip(names, shapes, strict=True)}
    tensors["y"] = Tensor("y", "float32", (3,))
    layer = Layer("e", "Einsum", tuple(names), ("y",), {"equation": equation})
    with pytest.raises(NetworkError, match=message):
        einsum(layer, Network("net", "", (), (), (layer,), tensors, {}))


def test_what_is_no_equation_is_refused_before_shapes_are_inferred() -> None:
    """ONNX's inference does not end on this one."""
    case = one("e", "Einsum", (2, 3, 4), (2,), equation="b...,b->...b")
    case.model.graph.node[0].attribute[0].s = b"b...-b->...b"
    with pytest.raises(NetworkError, match=r"node 'e' \(Einsum\): equation 'b...-b->...b' is none of letters"):
        case.network()
