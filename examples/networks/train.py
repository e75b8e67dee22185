"""Train the example networks and write them as ONNX files beside this script.

    python examples/networks/train.py                         train all four, write *.onnx and digits_test.npz
    python examples/networks/train.py digits_dense            only this one
    python examples/networks/train.py --table                 measure the networks and print README.md's table
    python examples/networks/train.py --mnist-test-set FILE   write the 10,000 MNIST test images as a test set

Development only: needs PyTorch (training), scikit-learn (digits), onnxruntime (table). MNIST comes from
$ASNET_DATA/mnist.npz (default: ../shared/data beside the repository); without it its networks are skipped.

One thread and fixed seeds: the same machine and library versions give the same weights, and the same weights
always give the same bytes. The test images take no part in training or in choosing its settings.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FOLDER = Path(__file__).resolve().parent
TEST_SET = FOLDER / "digits_test.npz"
SEED = 2024
TEST_SIZE = 450
OPSET = 17
IR_VERSION = 8  # the ONNX file format that came with opset 17

Images = np.ndarray[Any, np.dtype[np.float32]]
Labels = np.ndarray[Any, np.dtype[np.int64]]
Split = tuple[Images, Labels, Images, Labels]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layer:
    """One ONNX node: `units` outputs (Gemm) or output channels (Conv, 3x3); MaxPool is 2x2 with stride 2."""

    name: str
    op: str
    units: int = 0
    pad: int = 0


@dataclass(frozen=True)
class Example:
    """A network, the shape of one input image, and how it is trained (Adam, one cosine-shaped cycle)."""

    shape: Shape
    layers: tuple[Layer, ...]
    data: str
    epochs: int
    batch: int
    rate: float


EXAMPLES = {
    "digits_dense": Example(
        shape=(64,),
        layers=(
            Layer("dense1", "Gemm", 32), Layer("relu1", "Relu"),
            Layer("dense2", "Gemm", 10), Layer("softmax", "Softmax"),
        ),
        data="digits", epochs=60, batch=32, rate=0.01,
    ),
    "digits_conv": Example(
        shape=(1, 8, 8),
        layers=(
            Layer("conv1", "Conv", 8, pad=1), Layer("relu1", "Relu"), Layer("pool1", "MaxPool"),
            Layer("conv2", "Conv", 16, pad=1), Layer("relu2", "Relu"), Layer("pool2", "MaxPool"),
            Layer("flatten", "Flatten"), Layer("dense1", "Gemm", 10), Layer("softmax", "Softmax"),
        ),
        data="digits", epochs=60, batch=32, rate=0.01,
    ),
    "mnist_classification": Example(
        shape=(784,),
        layers=(Layer("dense1", "Gemm", 10), Layer("softmax", "Softmax")),
        data="mnist", epochs=12, batch=128, rate=0.005,
    ),
    "mnist_convolutional": Example(
        shape=(1, 28, 28),
        layers=(
            Layer("conv1", "Conv", 8), Layer("relu1", "Relu"), Layer("pool1", "MaxPool"),
            Layer("conv2", "Conv", 16), Layer("relu2", "Relu"), Layer("pool2", "MaxPool"),
            Layer("flatten", "Flatten"), Layer("dense1", "Gemm", 20),
            Layer("dense2", "Gemm", 10), Layer("softmax", "Softmax"),
        ),
        data="mnist", epochs=6, batch=128, rate=0.005,
    ),
}  # fmt: skip


def data_folder() -> Path:
    """The folder of large data sets: $ASNET_DATA, else ../shared/data beside the repository."""
    return Path(os.environ.get("ASNET_DATA") or FOLDER.parents[2] / "shared" / "data")


def digits() -> Split:
    """scikit-learn's 8x8 digits as float32 in 0..1, (n, 64): training and test images, stratified."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        (x / 16).astype(np.float32), y.astype(np.int64), test_size=TEST_SIZE, random_state=SEED, stratify=y
    )
    return x_train, y_train, x_test, y_test


def mnist() -> Split | None:
    """MNIST as float32 in 0..1, (n, 784), or None where $ASNET_DATA has no mnist.npz."""
    path = data_folder() / "mnist.npz"
    if not path.is_file():
        return None
    with np.load(path) as file:
        x_train, x_test = (file[k].reshape(-1, 784).astype(np.float32) / 255 for k in ("x_train", "x_test"))
        return x_train, file["y_train"].astype(np.int64), x_test, file["y_test"].astype(np.int64)


DATA = {"digits": digits, "mnist": mnist}


def shapes(example: Example) -> Iterator[tuple[Layer, Shape, Shape]]:
    """Each layer with the shapes of its input and output for one image."""
    shape = example.shape
    for layer in example.layers:
        before = shape
        if layer.op == "Gemm":
            shape = (layer.units,)
        elif layer.op == "Conv":
            shape = (layer.units, shape[1] + 2 * layer.pad - 2, shape[2] + 2 * layer.pad - 2)
        elif layer.op == "MaxPool":
            shape = (shape[0], shape[1] // 2, shape[2] // 2)
        elif layer.op == "Flatten":
            shape = (prod(shape),)
        yield layer, before, shape


def weight_shapes(example: Example) -> dict[str, Shape]:
    """Name and shape of every initialiser, in the order of the nodes."""
    found: dict[str, Shape] = {}
    for layer, before, _ in shapes(example):
        if layer.units:
            kernel = (3, 3) if layer.op == "Conv" else ()
            found[f"{layer.name}.weight"] = (layer.units, before[0], *kernel)
            found[f"{layer.name}.bias"] = (layer.units,)
    return found


def train(example: Example, x: Images, y: Labels) -> dict[str, Images]:
    """The trained weights by initialiser name (cross-entropy, Adam; He's uniform initialisation)."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(SEED)
    weights = {name: torch.zeros(shape) for name, shape in weight_shapes(example).items()}
    for name, value in weights.items():
        if name.endswith(".weight"):
            torch.nn.init.kaiming_uniform_(value, nonlinearity="relu")
        value.requires_grad_()

    apply = {
        "Gemm": lambda v, layer: functional.linear(v, *parameters(layer)),
        "Conv": lambda v, layer: functional.conv2d(v, *parameters(layer), padding=layer.pad),
        "Relu": lambda v, _: functional.relu(v),
        "MaxPool": lambda v, _: functional.max_pool2d(v, 2),
        "Flatten": lambda v, _: v.flatten(1),
        "Softmax": lambda v, _: v,  # cross_entropy takes the values before the softmax
    }

    def parameters(layer: Layer) -> tuple[torch.Tensor, torch.Tensor]:
        return weights[f"{layer.name}.weight"], weights[f"{layer.name}.bias"]

    images, labels = torch.from_numpy(x.reshape(-1, *example.shape)), torch.from_numpy(y)
    steps = example.epochs * (len(y) // example.batch)
    optimiser = torch.optim.Adam(weights.values(), weight_decay=1e-5)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=example.rate, total_steps=steps)
    for _ in range(example.epochs):
        order = torch.randperm(len(y))[: len(y) // example.batch * example.batch]
        for pick in order.split(example.batch):
            value = images[pick]
            for layer in example.layers:
                value = apply[layer.op](value, layer)
            optimiser.zero_grad()
            functional.cross_entropy(value, labels[pick]).backward()
            optimiser.step()
            schedule.step()
    return {name: value.detach().numpy() for name, value in weights.items()}


def attributes(layer: Layer) -> dict[str, Any]:
    """The ONNX attributes of a layer's node."""
    table: dict[str, dict[str, Any]] = {
        "Gemm": {"transB": 1},
        "Conv": {"kernel_shape": [3, 3], "pads": [layer.pad] * 4},
        "MaxPool": {"kernel_shape": [2, 2], "strides": [2, 2]},
        "Flatten": {"axis": 1},
        "Softmax": {"axis": 1},
    }
    return table.get(layer.op, {})


def to_onnx(name: str, example: Example, weights: dict[str, Images]) -> onnx.ModelProto:
    """The network as an ONNX model; a function of its arguments alone, to the byte."""
    nodes: list[onnx.NodeProto] = []
    value = "x"
    for layer in example.layers:
        inputs = [value, *(k for k in weights if k.rpartition(".")[0] == layer.name)]
        value = "probabilities" if layer is example.layers[-1] else f"{layer.name}_out"
        nodes.append(helper.make_node(layer.op, inputs, [value], name=layer.name, **attributes(layer)))
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *example.shape])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 10])],
        [numpy_helper.from_array(np.ascontiguousarray(w), k) for k, w in weights.items()],
    )
    model = helper.make_model(graph, producer_name="asnet", opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    return model


def macs(example: Example) -> int:
    """Multiply-accumulates for one image (Conv and Gemm; taps on padding count)."""
    weights = weight_shapes(example)
    convolved = {layer.name: prod(after[1:]) for layer, _, after in shapes(example) if layer.units}
    return sum(prod(weights[f"{name}.weight"]) * pixels for name, pixels in convolved.items())


def accuracy(path: Path, x: Images, y: Labels) -> float:
    """Share of correct top-1 answers of the network at `path`, fp32, by onnxruntime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    shape = session.get_inputs()[0].shape[1:]
    (probabilities,) = session.run(["probabilities"], {"x": x.reshape(-1, *shape)})
    return float(np.mean(probabilities.argmax(axis=1) == y))


def table() -> Iterator[str]:
    """The lines of README.md's table; accuracy is measured here, where the test set is present."""
    yield "| network | layers | parameters | MACs per image | test images | accuracy, fp32 |"
    yield "|---|---|---:|---:|---:|---:|"
    for name, example in EXAMPLES.items():
        split = DATA[example.data]()
        layers = ", ".join(f"{k.name} {k.units}" if k.units else k.name for k in example.layers)
        size = sum(prod(shape) for shape in weight_shapes(example).values())
        measured = "no data | no data"
        if split:
            measured = f"{len(split[3]):,} | {accuracy(FOLDER / f'{name}.onnx', *split[2:]):.2%}"
        yield f"| `{name}.onnx` | {layers} | {size:,} | {macs(example):,} | {measured} |"


def main() -> int:
    """Run the command line; 0 done, 2 asked for MNIST that is not there."""
    parser = argparse.ArgumentParser(description="Train the example networks.")
    parser.add_argument("names", nargs="*", metavar="NETWORK", help=f"default: {' '.join(EXAMPLES)}")
    parser.add_argument("--table", action="store_true", help="print README.md's table, train nothing")
    parser.add_argument("--mnist-test-set", type=Path, metavar="FILE", help="write MNIST's test images")
    options = parser.parse_args()
    if unknown := set(options.names) - set(EXAMPLES):
        parser.error(f"no network named {', '.join(sorted(unknown))}; there are {', '.join(EXAMPLES)}")
    if options.table:
        print("\n".join(table()))
        return 0
    missing = f"{data_folder() / 'mnist.npz'} is not there (set ASNET_DATA to its folder)"
    if options.mnist_test_set:
        if not (split := mnist()):
            print(missing, file=sys.stderr)
            return 2
        np.savez_compressed(options.mnist_test_set, x=split[2], y=split[3])
        return 0
    for name in options.names or EXAMPLES:
        example = EXAMPLES[name]
        if not (split := DATA[example.data]()):
            print(f"{name}: skipped, {missing}", file=sys.stderr)
            continue
        start = time.perf_counter()
        model = to_onnx(name, example, train(example, *split[:2]))
        (FOLDER / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
        if example.data == "digits":
            np.savez_compressed(TEST_SET, x=split[2], y=split[3])
        print(f"{name}: trained on {len(split[1]):,} images in {time.perf_counter() - start:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
