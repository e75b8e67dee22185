"""The oracle on the node cases that the onnx package ships for its operators."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections import Counter

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

from asnet.errors import NetworkError
from asnet.network import load, oracle

FLOAT = onnx.TensorProto.FLOAT

CONSTANT_PARAMETERS = {
    *("BatchNormalization", "CenterCropPad", "Clip", "Dropout", "Expand", "OneHot", "Pad", "Reshape", "Slice", "Split"),
    *("Col2Im", "Compress", "Resize", "Squeeze", "Tile", "Trilu", "Unsqueeze", "Upsample"),
}
"""Operators whose further inputs ASNet wants constant; the cases pass them as inputs of the graph."""

REFUSED = {
    "test_batchnorm_epsilon_training_mode": "training mode is not supported",
    "test_batchnorm_example_training_mode": "training mode is not supported",
    "test_training_dropout": "training mode is not supported",
    "test_training_dropout_default": "training mode is not supported",
    "test_training_dropout_zero_ratio": "training mode is not supported",
}


def frozen(case):
    """The model with constant parameters, and what remains to be fed; None if it is not about float32 tensors."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    operators = {node.op_type for node in model.graph.node}
    if not operators <= set(oracle.OPERATORS):
        return None
    feeds = dict(zip((value.name for value in model.graph.input), case.data_sets[0][0], strict=True))
    if operators & CONSTANT_PARAMETERS:
        parameters = list(model.graph.input)[1:]
        for value in parameters:
            model.graph.input.remove(value)
            model.graph.initializer.append(numpy_helper.from_array(np.asarray(feeds.pop(value.name)), value.name))
    values = (*model.graph.input, *model.graph.output)
    return (model, feeds) if all(value.type.tensor_type.elem_type == FLOAT for value in values) else None


@pytest.fixture(scope="module")
def cases():
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return {case.name: case for case in collect_testcases(None)}


def test_every_float32_case_of_our_operators(cases):
    counts = Counter()
    refused = {}
    for name, case in cases.items():
        ready = frozen(case)
        if ready is None:
            continue
        model, feeds = ready
        try:
            network = load(model.SerializeToString())
        except NetworkError as error:
            refused[name] = str(error)
            continue
        found = oracle.run(network, feeds)
        for tensor, expected in zip(network.outputs, case.data_sets[0][1], strict=True):
            assert found[tensor.name].shape == expected.shape, name
            np.testing.assert_allclose(found[tensor.name], expected, rtol=case.rtol, atol=1e-6, err_msg=name)
        counts[model.graph.node[0].op_type] += 1
    assert set(refused) == set(REFUSED)
    assert all(REFUSED[name] in message for name, message in refused.items())
    assert counts.total() > 140
