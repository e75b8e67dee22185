"""What cannot be lowered is refused, and the node is named."""

from __future__ import annotations

import numpy as np
import pytest

from asnet.errors import UnsupportedError
from asnet.lower import LOWERINGS, lower, lowering
from asnet.network.model import Layer, Network, Tensor


def network(layer: Layer, dtype: str = "float32", shape: tuple[int, ...] = (1, 4), **constants: np.ndarray) -> Network:
    tensors = {name: Tensor(name, dtype, shape) for name in ("x", "y", "z")}
    tensors |= {name: Tensor(name, array.dtype.name, array.shape) for name, array in constants.items()}
    return Network("net", "0", (tensors["x"],), (tensors["y"],), (layer,), tensors, constants)


def test_unknown_operator_names_the_node_and_the_closest() -> None:
    with pytest.raises(UnsupportedError) as caught:
        lower(network(Layer("foo", "Relu6", ("x",), ("y",))))
    message = str(caught.value)
    assert message.startswith("node 'foo' (Relu6) is not supported; supported operators: Add, AveragePool, ")
    assert message.endswith("Unsqueeze; did you mean 'Relu'?")


def test_unknown_operator_without_a_close_name_lists_all_once() -> None:
    with pytest.raises(UnsupportedError) as caught:
        lower(network(Layer("foo", "Einsum", ("x",), ("y",))))
    assert str(caught.value).startswith("node 'foo' (Einsum) is not supported; supported operators: Add, ")
    assert str(caught.value).count("GlobalMaxPool") == 1


def test_other_types_are_refused() -> None:
    with pytest.raises(UnsupportedError) as caught:
        lower(network(Layer("foo", "Relu", ("x",), ("y",)), "int32"))
    assert str(caught.value) == (
        "node 'foo' (Relu) is not supported with input 0 'x' of type int32 (supported type: float32)"
    )


def test_integer_constants_as_data_are_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"node 'foo' \(Add\) is not supported with input 1 'c' of type int64"):
        lower(network(Layer("foo", "Add", ("x", "c"), ("y",)), c=np.array([1, 2, 3, 4])))


def test_empty_tensors_are_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"input 0 'x' of shape \(1, 0\), which has no elements"):
        lower(network(Layer("foo", "Relu", ("x",), ("y",)), shape=(1, 0)))


def test_aliases_are_checked_too() -> None:
    with pytest.raises(
        UnsupportedError, match=r"node 'foo' \(Identity\) is not supported with input 0 'x' of type bool"
    ):
        lower(network(Layer("foo", "Identity", ("x",), ("y",)), "bool"))


def test_second_outputs_are_refused() -> None:
    with pytest.raises(UnsupportedError) as caught:
        lower(network(Layer("foo", "Dropout", ("x",), ("y", "z"))))
    assert str(caught.value) == (
        "node 'foo' (Dropout) is not supported with its output 'z' (only the first output is computed)"
    )


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
