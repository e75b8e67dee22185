"""Several images at a time: the same bits as one by one, and a difference is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from asnet.errors import MismatchError
from asnet.network import Network, load
from asnet.testbed import Dataset, TestBed, batching
from asnet.testbed.batching import Batched, several
from asnet.units import UnitInstance

Units = tuple[UnitInstance, ...]


def batched(bed: TestBed) -> list[int]:
    """The stages that ran several images at a time."""
    engines = bed._forms._batched.items()  # pyright: ignore[reportPrivateUsage]
    return sorted({stage for (_, stage), engine in engines if isinstance(engine, Batched)})


@pytest.mark.parametrize("together", [16, 32, 1024])
def test_the_bits_are_those_of_one_image_at_a_time(
    dense: Network, digits: Dataset, instances: Units, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    """60 images: groups with some left over, groups that take all, and none."""
    monkeypatch.setattr(batching, "TOGETHER", together)
    masks = instances[:-1]  # other units are computed by kernels, whose data are made for one image
    auto, golden = (TestBed(dense, digits, masks, backend=backend) for backend in ("auto", "golden"))
    for fmul, fdiv in (("exact", "exact"), ("fmul_trunc(p=20)", "fdiv_trunc(p=22)")):
        configuration = {slot.name: {"fmul": fmul, "fdiv": fdiv}[slot.op] for slot in auto.slots}
        assert auto.evaluate(configuration) == golden.evaluate(configuration)
    assert len(batched(auto)) == 2 and batched(golden) == []


def test_a_difference_stops_the_run(
    dense: Network, digits: Dataset, instances: Units, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "TOGETHER", 16)
    bed = TestBed(dense, digits, instances[:-1])
    configuration = {slot.name: "exact" for slot in bed.slots}
    gather = batching._Rows.gather  # pyright: ignore[reportPrivateUsage]

    def spoilt(self: object, blob: np.ndarray, images: int) -> np.ndarray:
        rows = gather(self, blob, images).copy()  # type: ignore[arg-type]
        rows.view(np.float32)[3] += 1
        aligned = batching.aligned(rows.nbytes)
        aligned[:] = rows
        return aligned

    monkeypatch.setattr(batching._Rows, "gather", spoilt)  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(MismatchError, match="several images at a time and one give different bits in stage 0"):
        bed.evaluate(configuration)


def network_of(path: Path, *nodes: onnx.NodeProto, weights: dict[str, np.ndarray], out: list[int]) -> Network:
    graph = helper.make_graph(
        list(nodes),
        "n",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, out)],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return load(path)


W = np.arange(30, dtype=np.float32).reshape(6, 5) / 7


@pytest.mark.parametrize(
    ("nodes", "out", "expected"),
    [
        ([helper.make_node("MatMul", ["x", "w"], ["y"], name="m")], [1, 5], True),
        ([helper.make_node("Gemm", ["x", "w"], ["y"], name="m")], [1, 5], True),
        (
            [helper.make_node("Gemm", ["x", "w"], ["m"], name="m"), helper.make_node("Softmax", ["m"], ["y"])],
            [1, 5],
            True,
        ),
        ([helper.make_node("Gemm", ["x", "x"], ["y"], name="m", transA=1)], [6, 6], False),
        (
            [helper.make_node("Gemm", ["x", "w"], ["m"], name="m"), helper.make_node("Softmax", ["m"], ["y"], axis=0)],
            [1, 5],
            False,
        ),
        (
            [helper.make_node("MatMul", ["x", "w"], ["m"], name="m"), helper.make_node("Add", ["m", "m"], ["y"])],
            [1, 5],
            False,
        ),
    ],
    ids=["matmul", "gemm", "softmax", "transposed", "over images", "two inputs"],
)
def test_what_treats_rows_apart(tmp_path: Path, nodes: list[onnx.NodeProto], out: list[int], expected: bool) -> None:
    network = network_of(tmp_path / "n.onnx", *nodes, weights={"w": W}, out=out)
    bed = TestBed(network, Dataset.from_arrays(np.ones((3, 6), np.float32), np.zeros(3, np.int64)))
    stages = bed._stages  # pyright: ignore[reportPrivateUsage]
    assert len(stages) == 1
    assert (several(network, bed.module, stages, 0) is not None) == expected
