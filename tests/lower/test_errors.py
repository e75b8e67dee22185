"""What cannot be lowered is refused, and the node is named."""

from __future__ import annotations

import numpy as np
import pytest

from asnet.errors import UnsupportedError
from asnet.lower import LOWERINGS, lower, lowering
from asnet.network import oracle
from asnet.network.model import Layer, Network, Tensor


def network(layer: Layer, dtype: str = "float32", shape: tuple[int, ...] = (1, 4), **constants: np.ndarray) -> Network:
    tensors = {name: Tensor(name, dtype, shape) for name in ("x", "y", "z")}
    tensors |= {name: Tensor(name, array.dtype.name, array.shape) for name, array in constants.items()}
    return Network("net", "0", (tensors["x"],), (tensors["y"],), (layer,), tensors, constants)


def test_unknown_operator_names_the_node_and_the_closest() -> None:
    with pytest.raises(UnsupportedError) as caught:
        lower(network(Layer("foo", "Relu6", ("x",), ("y",))))
    message = str(caught.value)
    assert message.startswith("node 'foo' (Relu6) is not supported (did you mean 'Relu'?); supported operators: Abs, ")


def test_unknown_operator_without_a_close_name_lists_all_once() -> None:
    with pytest.raises(UnsupportedError) as caught:
        lower(network(Layer("foo", "Unheard", ("x",), ("y",))))
    assert str(caught.value).startswith("node 'foo' (Unheard) is not supported; supported operators: Abs, ")
    assert str(caught.value).count("GlobalMaxPool") == 1


def test_other_types_are_refused() -> None:
    with pytest.raises(UnsupportedError) as caught:
        lower(network(Layer("foo", "Sigmoid", ("x",), ("y",)), "int32"))
    assert str(caught.value) == (
        "node 'foo' (Sigmoid) is not supported with input 0 'x' of type int32 (supported type: float32)"
    )
    with pytest.raises(UnsupportedError, match=r"of type bool \(supported types: float32, int8, int16, "):
        lower(network(Layer("foo", "Relu", ("x",), ("y",)), "bool"))


def test_second_outputs_are_refused() -> None:
    with pytest.raises(UnsupportedError) as caught:
        lower(network(Layer("foo", "Dropout", ("x",), ("y", "z"))))
    assert str(caught.value) == "node 'foo' (Dropout) is not supported with its output 'z'; use only its other outputs"


def test_an_output_that_nothing_computes_is_refused() -> None:
    tensor = Tensor("x", "float32", (1, 4))
    with pytest.raises(UnsupportedError, match="output 'x' of network 'net' is an input or a constant"):
        lower(Network("net", "0", (tensor,), (tensor,), (), {"x": tensor}, {}))


def test_an_operator_has_one_lowering() -> None:
    before = dict(LOWERINGS)
    with pytest.raises(
        ValueError, match=r"operator 'Conv' has two lowerings: asnet\.lower\.conv\._conv and .*intruder"
    ):

        @lowering("Conv")
        def intruder(context) -> None:
            raise AssertionError

    assert before == LOWERINGS


def test_what_the_oracle_defines_is_lowered() -> None:
    assert set(LOWERINGS) == set(oracle.OPERATORS)
